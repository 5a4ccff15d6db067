"""Idempotency keys in memory."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from soundgraph.adapters.memory.database import KeyRow, Tables
from soundgraph.application.idempotency import Claim, IdempotencyKeys, Made, Once, in_flight


class MemoryIdempotencyKeys(IdempotencyKeys):
    """Keys among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._keys = tables.idempotency_keys

    async def reserve(self, claim: Claim, *, now: datetime, until: datetime) -> bool:
        held = self._keys.get(_scope(claim))
        if held is not None and held.expires_at > now:
            return False
        self._keys[_scope(claim)] = KeyRow(claim.holder, until)
        return True

    async def made(self, claim: Claim) -> Made | None:
        row = self._keys.get(_scope(claim))
        return None if row is None else row.made

    async def renew(self, claim: Claim, *, until: datetime) -> bool:
        row = self._held(claim)
        if row is not None:
            self._keys[_scope(claim)] = replace(row, expires_at=until)
        return row is not None

    async def settle(self, once: Once, *, made: UUID, until: datetime) -> None:
        if self._held(once.claim) is None:
            raise in_flight()
        self._keys[_scope(once.claim)] = KeyRow(once.claim.holder, until, Made(once.fingerprint, made))

    async def release(self, claim: Claim) -> None:
        if self._held(claim) is not None:
            del self._keys[_scope(claim)]

    async def expire(self, *, now: datetime) -> int:
        gone = [scope for scope, row in self._keys.items() if row.expires_at <= now]
        for scope in gone:
            del self._keys[scope]
        return len(gone)

    def _held(self, claim: Claim) -> KeyRow | None:
        row = self._keys.get(_scope(claim))
        return row if row is not None and row.holder == claim.holder and row.made is None else None


def _scope(claim: Claim) -> tuple[UUID, str, str]:
    return claim.account_id, claim.route, claim.key
