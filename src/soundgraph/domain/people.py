"""Profiles, and the edges between people: follows and blocks."""

from dataclasses import dataclass
from typing import ClassVar

from soundgraph.domain.errors import FieldError, Invalid
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId
from soundgraph.domain.texts import conceals

FOLLOWINGS_CAP = 2_000
TEXT_LIMITS = {"display_name": 60, "bio": 2_000, "city": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFollowed(Event):
    """One person began to follow another."""

    name: ClassVar[str] = "people.followed"
    follower: AccountId
    followee: AccountId

    @property
    def key(self) -> str:
        return str(self.follower)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnfollowed(Event):
    """One person no longer follows another, by choice or because one blocked the other."""

    name: ClassVar[str] = "people.unfollowed"
    follower: AccountId
    followee: AccountId

    @property
    def key(self) -> str:
        return str(self.follower)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonBlocked(Event):
    """One person blocked another; neither sees the other from now on."""

    name: ClassVar[str] = "people.blocked"
    blocker: AccountId
    blocked: AccountId

    @property
    def key(self) -> str:
        return str(self.blocker)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnblocked(Event):
    """A block was lifted."""

    name: ClassVar[str] = "people.unblocked"
    blocker: AccountId
    blocked: AccountId

    @property
    def key(self) -> str:
        return str(self.blocker)


@dataclass(slots=True, kw_only=True)
class Profile:
    """What a person shows of themself. Plain text throughout."""

    id: AccountId
    handle: str
    display_name: str
    bio: str = ""
    city: str = ""
    country_code: str | None = None
    links: tuple[str, ...] = ()
    version: int = 1

    def edit(
        self,
        *,
        display_name: str | None = None,
        bio: str | None = None,
        city: str | None = None,
    ) -> None:
        """Change what is given, leave the rest. Raises Invalid naming every field that will not do."""
        given = {"display_name": display_name, "bio": bio, "city": city}
        changes = {name: text.strip() for name, text in given.items() if text is not None}
        errors = [
            FieldError(name, "length", f"Use at most {TEXT_LIMITS[name]} characters.")
            for name, text in changes.items()
            if len(text) > TEXT_LIMITS[name]
        ]
        name = changes.get("display_name")
        if name == "":
            errors.append(FieldError("display_name", "length", "Use at least one character."))
        if name and len(name) <= TEXT_LIMITS["display_name"] and conceals(name):
            errors.append(FieldError("display_name", "invalid_characters", "Use no control or formatting characters."))
        if errors:
            raise Invalid.fields(errors)
        for name, text in changes.items():
            setattr(self, name, text)


def refuse_self(actor: AccountId, other: AccountId, verb: str) -> None:
    """Raise Invalid(self) where a person turns a verb on themself."""
    if actor == other:
        raise Invalid("self", f"You cannot {verb} yourself.")


def refuse_over_cap(followings: int) -> None:
    """Raise Invalid(limit_reached) where one more followee would pass the cap."""
    if followings >= FOLLOWINGS_CAP:
        raise Invalid("limit_reached", f"You follow {FOLLOWINGS_CAP:,} people, which is the most one can.")
