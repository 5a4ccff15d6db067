"""What authentication and one's own account read in PostgreSQL."""

from datetime import datetime

from sqlalchemy import bindparam, func, select

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.read import Row as ReadRow
from soundgraph.adapters.postgres.schema import ID, MOMENT, accounts, external_identities, profiles, session_families
from soundgraph.application.identity import AccessClaims, IdentityReader
from soundgraph.application.views import MeView, Page, Position, SessionView
from soundgraph.domain.errors import Forbidden
from soundgraph.domain.identity import device_name
from soundgraph.domain.ids import AccountId
from soundgraph.domain.plans import entitlements
from soundgraph.domain.visibility import AccountStanding, Actor, Role

_ACTOR = Query(
    "identity.actor",
    select(accounts.c.id, accounts.c.role, accounts.c.standing, accounts.c.plan)
    .join(session_families, session_families.c.account_id == accounts.c.id)
    .where(
        session_families.c.id == bindparam("family_id", type_=ID),
        accounts.c.id == bindparam("account_id", type_=ID),
        session_families.c.ended_at.is_(None),
        session_families.c.expires_at > bindparam("now", type_=MOMENT),
        accounts.c.standing != AccountStanding.DELETED.value,
    ),
    lambda row: (_actor(row), AccountStanding(row["standing"])),
)


def _actor(row: ReadRow) -> Actor:
    return Actor(AccountId(row["id"]), Role(row["role"]), entitlements=entitlements(row["plan"]))


def me_view(row: ReadRow) -> MeView:
    """One's own account, of a row of the query below."""
    return MeView(**row)


_ME = Query(
    "identity.me",
    select(
        accounts.c.id,
        accounts.c.handle,
        accounts.c.email,
        profiles.c.display_name,
        accounts.c.role,
        accounts.c.plan,
        accounts.c.password_hash.is_not(None).label("has_password"),
        accounts.c.created_at,
        func.array(
            select(external_identities.c.provider)
            .where(external_identities.c.account_id == accounts.c.id)
            .order_by(external_identities.c.provider.collate("C"))
            .scalar_subquery()
        ).label("identities"),
    )
    .join(profiles, profiles.c.id == accounts.c.id)
    .where(accounts.c.id == bindparam("account_id", type_=ID)),
    me_view,
)


_SESSIONS = Query(
    "identity.sessions",
    paged(
        select(
            session_families.c.id,
            session_families.c.device,
            session_families.c.address,
            session_families.c.created_at.label("at"),
            session_families.c.rotated_at,
        ).where(
            session_families.c.account_id == bindparam("account_id", type_=ID),
            session_families.c.ended_at.is_(None),
            session_families.c.expires_at > bindparam("now", type_=MOMENT),
        ),
        session_families.c.created_at,
        session_families.c.id,
    ),
    lambda row: SessionView(
        id=row["id"],
        device=device_name(row["device"]),
        address=row["address"],
        created_at=row["at"],
        last_seen_at=row["rotated_at"],
    ),
)


class PostgresIdentityReader(IdentityReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    async def actor(self, claims: AccessClaims, *, now: datetime) -> Actor | None:
        found = await _ACTOR.one(self._pool, family_id=claims.family_id, account_id=claims.account_id, now=now)
        if found is None:
            return None
        actor, standing = found
        if standing is AccountStanding.SUSPENDED:
            raise Forbidden("account_suspended", "This account is suspended.")
        return actor

    async def me(self, actor: Actor) -> MeView | None:
        return await _ME.one(self._pool, account_id=actor.id)

    async def sessions(self, actor: Actor, *, now: datetime, after: Position | None, limit: int) -> Page[SessionView]:
        return await page_of(_SESSIONS, self._pool, limit, account_id=actor.id, now=now, **paging(after, limit))
