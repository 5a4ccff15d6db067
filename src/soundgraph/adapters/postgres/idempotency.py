"""Idempotency keys in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from soundgraph.adapters.postgres.schema import idempotency_keys as keys
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.idempotency import Claim, IdempotencyKeys, Made, Once, in_flight

PLACE = ("account_id", "route", "key")


class PostgresIdempotencyKeys(IdempotencyKeys):
    """Keys in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def reserve(self, claim: Claim, *, now: datetime, until: datetime) -> bool:
        # One statement: whoever comes at the same time waits for this transaction and then finds the key taken.
        taken = {"holder": claim.holder, "fingerprint": None, "made_id": None, "expires_at": until}
        statement = upsert(keys).values(account_id=claim.account_id, route=claim.route, key=claim.key, **taken)
        statement = statement.on_conflict_do_update(index_elements=PLACE, set_=taken, where=keys.c.expires_at <= now)
        return await self._session.execute(statement) == 1

    async def made(self, claim: Claim) -> Made | None:
        row = await self._session.row(select(keys.c.fingerprint, keys.c.made_id).where(*_place(claim)))
        return None if row is None or row.made_id is None else Made(row.fingerprint, row.made_id)

    async def renew(self, claim: Claim, *, until: datetime) -> bool:
        return await self._session.execute(update(keys).where(*_held(claim)).values(expires_at=until)) == 1

    async def settle(self, once: Once, *, made: UUID, until: datetime) -> None:
        settled = {"fingerprint": once.fingerprint, "made_id": made, "expires_at": until}
        if await self._session.execute(update(keys).where(*_held(once.claim)).values(settled)) != 1:
            raise in_flight()

    async def release(self, claim: Claim) -> None:
        await self._session.execute(delete(keys).where(*_held(claim)))

    async def expire(self, *, now: datetime) -> int:
        return await self._session.execute(delete(keys).where(keys.c.expires_at <= now))


def _place(claim: Claim) -> tuple[Any, ...]:
    return keys.c.account_id == claim.account_id, keys.c.route == claim.route, keys.c.key == claim.key


def _held(claim: Claim) -> tuple[Any, ...]:
    return *_place(claim), keys.c.holder == claim.holder, keys.c.made_id.is_(None)
