"""Accounts, registrations and sessions in one transaction."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, or_, select, update

from soundgraph.adapters.postgres.schema import accounts, handles, registrations, session_families
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.identity import Accounts, Families, Registrations
from soundgraph.domain.identity import Account, Registration, SessionFamily, likeness
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Role


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

    async def standing(self, account_id: AccountId) -> AccountStanding | None:
        row = await self._session.row(select(accounts.c.standing).where(accounts.c.id == account_id))
        return None if row is None else AccountStanding(row.standing)

    async def any_admin(self) -> bool:
        found = select(accounts.c.id).where(accounts.c.role == Role.ADMIN.value).limit(1)
        return await self._session.row(found) is not None

    async def add(self, account: Account) -> None:
        await self._session.add(accounts, asdict(account))
        await self._session.add(handles, held(account.handle, account_id=account.id))

    async def save(self, account: Account) -> None:
        changed = asdict(account) | {"version": account.version + 1}
        await self._session.save(
            update(accounts).where(accounts.c.id == account.id, accounts.c.version == account.version).values(changed)
        )
        account.version += 1


def held(handle: str, **holder: UUID) -> dict[str, object]:
    """The row that keeps a handle from everyone else."""
    return {"handle": handle, "likeness": likeness(handle), **holder}


class PostgresRegistrations(Registrations):
    """Registrations in one transaction. Each holds its handle through a row that goes with it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def reserve(self, registration: Registration, *, now: datetime) -> None:
        holder = select(handles.c.registration_id).where(handles.c.likeness == likeness(registration.handle))
        await self._session.execute(
            delete(registrations).where(registrations.c.id.in_(holder), registrations.c.expires_at <= now)
        )
        await self._session.add(registrations, asdict(registration))
        await self._session.add(handles, held(registration.handle, registration_id=registration.id))

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

    async def of(self, account_id: AccountId) -> list[SessionFamily]:
        mine = (session_families.c.account_id == account_id, session_families.c.ended_at.is_(None))
        found = select(session_families).where(*mine).order_by(session_families.c.id).with_for_update(key_share=True)
        return [SessionFamily(**row._mapping) for row in await self._session.rows(found)]

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
