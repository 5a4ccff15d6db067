"""Accounts, registrations and sessions among the tables of one transaction."""

from datetime import datetime

from soundgraph.adapters.memory.database import Tables, kept, save
from soundgraph.application.identity import Accounts, Families, Registrations
from soundgraph.domain.errors import Conflict
from soundgraph.domain.identity import Account, Registration, SessionFamily, likeness
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Role


class MemoryAccounts(Accounts):
    """Accounts among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, account_id: AccountId) -> Account | None:
        return kept(self._tables.accounts.get(account_id))

    async def by_login(self, login: str) -> Account | None:
        found = (one for one in self._tables.accounts.values() if login in (one.email, one.handle))
        return kept(next(found, None))

    async def standing(self, account_id: AccountId) -> AccountStanding | None:
        account = self._tables.accounts.get(account_id)
        return None if account is None else account.standing

    async def any_admin(self) -> bool:
        return any(one.role is Role.ADMIN for one in self._tables.accounts.values())

    async def add(self, account: Account) -> None:
        for other in self._tables.accounts.values():
            if other.email == account.email:
                raise Conflict("email_taken", "This address has an account already.")
        refuse_taken(self._tables, account.handle)
        self._tables.accounts[account.id] = kept(account)

    async def save(self, account: Account) -> None:
        if any(one.email == account.email and one.id != account.id for one in self._tables.accounts.values()):
            raise Conflict("email_taken", "This address has an account already.")
        save(self._tables.accounts, account.id, account)


def alike(one: str, other: str) -> bool:
    """Whether two handles cannot be told apart."""
    return likeness(one) == likeness(other)


def refuse_taken(tables: Tables, handle: str) -> None:
    """Raise Conflict(handle_taken) if an account or a registration has a handle like this."""
    held = [one.handle for one in tables.accounts.values()] + [one.handle for one in tables.registrations.values()]
    held += tables.retired_handles
    if any(alike(one, handle) for one in held):
        raise Conflict("handle_taken", "This handle is taken, or looks like one that is.")


class MemoryRegistrations(Registrations):
    """Registrations among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def reserve(self, registration: Registration, *, now: datetime) -> None:
        table = self._tables.registrations
        for other in [
            one for one in table.values() if alike(one.handle, registration.handle) and one.expires_at <= now
        ]:
            del table[other.id]
        refuse_taken(self._tables, registration.handle)
        table[registration.id] = kept(registration)

    async def get(self, registration_id: RegistrationId) -> Registration | None:
        return kept(self._tables.registrations.get(registration_id))

    async def by_token(self, token_digest: bytes) -> Registration | None:
        found = (one for one in self._tables.registrations.values() if one.token_digest == token_digest)
        return kept(next(found, None))

    async def by_login(self, login: str) -> Registration | None:
        found = [one for one in self._tables.registrations.values() if login in (one.email, one.handle)]
        return kept(max(found, key=lambda one: one.id, default=None))

    async def remove(self, registration: Registration) -> None:
        self._tables.registrations.pop(registration.id, None)

    async def expire(self, *, now: datetime) -> int:
        expired = [one.id for one in self._tables.registrations.values() if one.expires_at <= now]
        for registration_id in expired:
            del self._tables.registrations[registration_id]
        return len(expired)


class MemoryFamilies(Families):
    """Session families among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, family_id: FamilyId) -> SessionFamily | None:
        return kept(self._tables.families.get(family_id))

    async def of(self, account_id: AccountId) -> list[SessionFamily]:
        found = [one for one in self._tables.families.values() if one.account_id == account_id and not one.ended_at]
        return [kept(one) for one in sorted(found, key=lambda one: one.id)]

    async def add(self, family: SessionFamily) -> None:
        self._tables.families[family.id] = kept(family)

    async def save(self, family: SessionFamily) -> None:
        save(self._tables.families, family.id, family)

    async def expire(self, *, now: datetime) -> int:
        over = [one.id for one in self._tables.families.values() if one.ended_at or one.expires_at <= now]
        for family_id in over:
            del self._tables.families[family_id]
        return len(over)
