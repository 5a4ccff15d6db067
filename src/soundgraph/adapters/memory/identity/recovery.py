"""Password resets and changes of address among the tables of one transaction."""

from datetime import datetime

from soundgraph.adapters.memory.database import Tables, kept
from soundgraph.application.identity import EmailChanges, PasswordResets
from soundgraph.domain.identity import EmailChange, PasswordReset
from soundgraph.domain.ids import AccountId, EmailChangeId, ResetId


class MemoryPasswordResets(PasswordResets):
    """Password resets among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.password_resets

    async def add(self, reset: PasswordReset) -> None:
        self._table[reset.id] = reset

    async def get(self, reset_id: ResetId) -> PasswordReset | None:
        return self._table.get(reset_id)

    async def by_token(self, token_digest: bytes) -> PasswordReset | None:
        return next((one for one in self._table.values() if one.token_digest == token_digest), None)

    async def remove_of(self, account_id: AccountId) -> None:
        for reset in [one for one in self._table.values() if one.account_id == account_id]:
            del self._table[reset.id]

    async def expire(self, *, now: datetime) -> int:
        expired = [one.id for one in self._table.values() if one.expires_at <= now]
        for reset_id in expired:
            del self._table[reset_id]
        return len(expired)


class MemoryEmailChanges(EmailChanges):
    """Changes of address among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.email_changes

    async def put(self, change: EmailChange) -> None:
        await self.cancel(change.account_id)
        self._table[change.id] = kept(change)

    async def get(self, change_id: EmailChangeId) -> EmailChange | None:
        return kept(self._table.get(change_id))

    async def by_token(self, token_digest: bytes) -> EmailChange | None:
        found = (one for one in self._table.values() if token_digest in (one.old_digest, one.new_digest))
        return kept(next(found, None))

    async def cancel(self, account_id: AccountId) -> None:
        for one in [one for one in self._table.values() if one.account_id == account_id]:
            if not (one.old_confirmed and one.new_confirmed):
                del self._table[one.id]

    async def expire(self, *, now: datetime) -> int:
        expired = [one.id for one in self._table.values() if one.expires_at <= now]
        for change_id in expired:
            del self._table[change_id]
        return len(expired)
