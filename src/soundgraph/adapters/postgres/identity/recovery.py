"""Password resets and changes of address in one transaction."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Delete, delete, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from soundgraph.adapters.postgres.schema import email_changes, password_resets
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.identity import EmailChanges, PasswordResets
from soundgraph.domain.identity import EmailChange, PasswordReset
from soundgraph.domain.ids import AccountId, EmailChangeId, ResetId


class PostgresPasswordResets(PasswordResets):
    """Password resets in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, reset: PasswordReset) -> None:
        await self._session.add(password_resets, asdict(reset))

    async def get(self, reset_id: ResetId) -> PasswordReset | None:
        return await self._one(password_resets.c.id == reset_id)

    async def by_token(self, token_digest: bytes) -> PasswordReset | None:
        return await self._one(password_resets.c.token_digest == token_digest)

    async def remove_of(self, account_id: AccountId) -> None:
        await self._session.execute(delete(password_resets).where(password_resets.c.account_id == account_id))

    async def expire(self, *, now: datetime) -> int:
        return await self._session.execute(delete(password_resets).where(password_resets.c.expires_at <= now))

    async def _one(self, condition: ColumnElement[bool]) -> PasswordReset | None:
        row = await self._session.row(select(password_resets).where(condition))
        return None if row is None else PasswordReset(**row._mapping)


class PostgresEmailChanges(EmailChanges):
    """Changes of address in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, change: EmailChange) -> None:
        await self._session.execute(_waiting(change.account_id).where(email_changes.c.id != change.id))
        row = asdict(change)
        await self._session.execute(
            upsert(email_changes).values(row).on_conflict_do_update(index_elements=["id"], set_=row)
        )

    async def get(self, change_id: EmailChangeId) -> EmailChange | None:
        row = await self._session.row(select(email_changes).where(email_changes.c.id == change_id))
        return None if row is None else EmailChange(**row._mapping)

    async def by_token(self, token_digest: bytes) -> EmailChange | None:
        either = or_(email_changes.c.old_digest == token_digest, email_changes.c.new_digest == token_digest)
        row = await self._session.row(select(email_changes).where(either).with_for_update())
        return None if row is None else EmailChange(**row._mapping)

    async def cancel(self, account_id: AccountId) -> None:
        await self._session.execute(_waiting(account_id))

    async def expire(self, *, now: datetime) -> int:
        return await self._session.execute(delete(email_changes).where(email_changes.c.expires_at <= now))


def _waiting(account_id: AccountId) -> Delete:
    unsettled = or_(~email_changes.c.old_confirmed, ~email_changes.c.new_confirmed)
    return delete(email_changes).where(email_changes.c.account_id == account_id, unsettled)
