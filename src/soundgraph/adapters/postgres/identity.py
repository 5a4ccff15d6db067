"""Accounts, registrations and sessions in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, or_, select, update

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.read import Row as ReadRow
from soundgraph.adapters.postgres.schema import ID, MOMENT, accounts, handles, profiles, registrations, session_families
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.identity import AccessClaims, Accounts, Families, IdentityReader, Registrations
from soundgraph.application.views import MeView
from soundgraph.domain.errors import Forbidden
from soundgraph.domain.identity import Account, Registration, SessionFamily
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Actor, Role


def account_of(row: Row[Any]) -> Account:
    """The account in a row."""
    return Account(**dict(row._mapping) | {"role": Role(row.role), "standing": AccountStanding(row.standing)})


class PostgresAccounts(Accounts):
    """Accounts in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, account_id: AccountId) -> Account | None:
        found = select(accounts).where(accounts.c.id == account_id).with_for_update(key_share=True)
        row = await self._session.row(found)
        return None if row is None else account_of(row)

    async def by_login(self, login: str) -> Account | None:
        row = await self._session.row(
            select(accounts).where(or_(accounts.c.email == login, accounts.c.handle == login))
        )
        return None if row is None else account_of(row)

    async def add(self, account: Account) -> None:
        await self._session.add(accounts, asdict(account))
        await self._session.add(handles, {"handle": account.handle, "account_id": account.id})

    async def save(self, account: Account) -> None:
        changed = asdict(account) | {"version": account.version + 1}
        await self._session.save(
            update(accounts).where(accounts.c.id == account.id, accounts.c.version == account.version).values(changed)
        )
        account.version += 1


class PostgresRegistrations(Registrations):
    """Registrations in one transaction. Each holds its handle through a row that goes with it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def reserve(self, registration: Registration, *, now: datetime) -> None:
        await self._session.execute(
            delete(registrations).where(
                registrations.c.handle == registration.handle, registrations.c.expires_at <= now
            )
        )
        await self._session.add(registrations, asdict(registration))
        await self._session.add(handles, {"handle": registration.handle, "registration_id": registration.id})

    async def get(self, registration_id: RegistrationId) -> Registration | None:
        return await self._one(registrations.c.id == registration_id)

    async def by_token(self, token_digest: bytes) -> Registration | None:
        return await self._one(registrations.c.token_digest == token_digest, lock=True)

    async def by_login(self, login: str) -> Registration | None:
        return await self._one(or_(registrations.c.email == login, registrations.c.handle == login))

    async def remove(self, registration: Registration) -> None:
        await self._session.execute(delete(registrations).where(registrations.c.id == registration.id))

    async def expire(self, *, now: datetime) -> int:
        return await self._session.execute(delete(registrations).where(registrations.c.expires_at <= now))

    async def _one(self, condition: Any, *, lock: bool = False) -> Registration | None:
        found = select(registrations).where(condition).order_by(registrations.c.id.desc()).limit(1)
        row = await self._session.row(found.with_for_update() if lock else found)
        return None if row is None else Registration(**row._mapping)


class PostgresFamilies(Families):
    """Session families in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, family_id: FamilyId) -> SessionFamily | None:
        found = select(session_families).where(session_families.c.id == family_id).with_for_update(key_share=True)
        row = await self._session.row(found)
        return None if row is None else SessionFamily(**row._mapping)

    async def add(self, family: SessionFamily) -> None:
        await self._session.add(session_families, asdict(family))

    async def save(self, family: SessionFamily) -> None:
        await self._session.save(
            update(session_families)
            .where(session_families.c.id == family.id, session_families.c.version == family.version)
            .values(asdict(family) | {"version": family.version + 1})
        )
        family.version += 1

    async def expire(self, *, now: datetime) -> int:
        over = or_(session_families.c.ended_at.is_not(None), session_families.c.expires_at <= now)
        return await self._session.execute(delete(session_families).where(over))


_ACTOR = Query(
    "identity.actor",
    select(accounts.c.id, accounts.c.role, accounts.c.standing)
    .join(session_families, session_families.c.account_id == accounts.c.id)
    .where(
        session_families.c.id == bindparam("family_id", type_=ID),
        accounts.c.id == bindparam("account_id", type_=ID),
        session_families.c.ended_at.is_(None),
        session_families.c.expires_at > bindparam("now", type_=MOMENT),
        accounts.c.standing != AccountStanding.DELETED.value,
    ),
    lambda row: (Actor(AccountId(row["id"]), Role(row["role"])), AccountStanding(row["standing"])),
)


def me_view(row: ReadRow) -> MeView:
    """One's own account, of a row of the query below."""
    return MeView(**row, identities=[])


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
    )
    .join(profiles, profiles.c.id == accounts.c.id)
    .where(accounts.c.id == bindparam("account_id", type_=ID)),
    me_view,
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
