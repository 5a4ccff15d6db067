"""The one visibility rule.

A thing is visible if it stands, its owner stands, its parent is visible, and neither party blocks the other;
private needs the owner or a grant. Moderators see all; hidden and suspended beat every grant.

There is no clock here: *scheduled* is private until a due delivery publishes it. PostgreSQL holds the same truth as
one SQL function, and a test compares every cell of both. `python -m soundgraph.domain.visibility` prints the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from uuid import UUID

from soundgraph.domain.ids import AccountId
from soundgraph.domain.plans import FREE, Entitlements


class Role(StrEnum):
    """What a person may do to others' things. Plans are something else."""

    MEMBER = "member"
    MODERATOR = "moderator"
    ADMIN = "admin"


class AccountStanding(StrEnum):
    """Whether an account takes part."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Standing(StrEnum):
    """Whether a thing stands, as moderation and its owner left it."""

    OK = "ok"
    HIDDEN = "hidden"
    REMOVED = "removed"


class Audience(StrEnum):
    """Whom the owner meant a thing for."""

    PRIVATE = "private"
    SCHEDULED = "scheduled"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking. `id` is None for a visitor; `grants` are the ids that a checked secret link opened.

    `secret_token` is the token of that link.
    """

    id: AccountId | None = None
    role: Role = Role.MEMBER
    grants: frozenset[UUID] = field(default_factory=frozenset)
    entitlements: Entitlements = FREE.entitlements
    # Not in the repr, which may reach a log.
    secret_token: str | None = field(default=None, repr=False)

    @property
    def sees_all(self) -> bool:
        """Moderators and admins."""
        return self.role in (Role.MODERATOR, Role.ADMIN)

    def token_for(self, thing: UUID) -> str | None:
        """The token that addresses of this thing must carry for this viewer, if they came by a secret link to it."""
        return self.secret_token if thing in self.grants else None


@dataclass(frozen=True, slots=True)
class Actor(Viewer):
    """A viewer who is logged in, and so may act. Built by authentication from the database, never from a token."""

    id: AccountId


ANYONE = Viewer()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rule needs to know of one thing, as one viewer meets it."""

    id: UUID
    owner_id: AccountId
    standing: Standing = Standing.OK
    owner_standing: AccountStanding = AccountStanding.ACTIVE
    audience: Audience = Audience.PUBLIC
    parent_visible: bool = True
    blocked: bool = False


def may_see(facts: Facts, viewer: Viewer) -> bool:
    """Whether `viewer` may know that this thing exists."""
    if viewer.sees_all:
        return True
    stands = facts.standing is Standing.OK and facts.owner_standing is AccountStanding.ACTIVE
    if not (stands and facts.parent_visible) or facts.blocked:
        return False
    return facts.audience is Audience.PUBLIC or viewer.id == facts.owner_id or facts.id in viewer.grants


THING = UUID(int=1)
OWNER = AccountId(UUID(int=2))
OTHER = AccountId(UUID(int=3))

VIEWERS = {
    "visitor": ANYONE,
    "visitor with grant": Viewer(grants=frozenset({THING})),
    "other": Viewer(OTHER),
    "other with grant": Viewer(OTHER, grants=frozenset({THING})),
    "owner": Viewer(OWNER),
    "moderator": Viewer(OTHER, Role.MODERATOR),
    "admin": Viewer(OTHER, Role.ADMIN),
}


def truth_table() -> Iterator[tuple[Facts, str, bool]]:
    """Every combination of facts and viewer, with the answer; without those that cannot be (nobody blocks themself)."""
    for standing, owner_standing, audience, parent, blocked in product(
        Standing, AccountStanding, Audience, (True, False), (False, True)
    ):
        facts = Facts(THING, OWNER, standing, owner_standing, audience, parent, blocked)
        for name, viewer in VIEWERS.items():
            if blocked and viewer.id in (None, OWNER):
                continue
            yield facts, name, may_see(facts, viewer)


def render_truth_table() -> str:
    """The table as aligned text, one line per combination of facts, one column per viewer."""
    lines: dict[Facts, dict[str, bool]] = {}
    for facts, name, answer in truth_table():
        lines.setdefault(facts, {})[name] = answer
    marks = {True: "yes", False: "·", None: " "}
    head = f"{'thing':8}{'owner':11}{'audience':11}{'parent':9}{'blocked':9}"
    rows = [head + "".join(f"{name:>20}" for name in VIEWERS)]
    for facts, answers in lines.items():
        parent, blocked = (
            ("visible" if facts.parent_visible else "hidden"),
            ("yes" if facts.blocked else "no"),
        )
        left = f"{facts.standing:8}{facts.owner_standing:11}{facts.audience:11}{parent:9}{blocked:9}"
        rows.append(left + "".join(f"{marks[answers.get(name)]:>20}" for name in VIEWERS))
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(render_truth_table(), end="")
