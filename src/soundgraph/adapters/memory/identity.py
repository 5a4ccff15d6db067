"""Accounts, registrations and sessions in memory."""

import hashlib
import hmac
from datetime import datetime
from uuid import UUID

from soundgraph.adapters.memory.database import MemoryDatabase, Tables, kept, save
from soundgraph.application.identity import (
    AccessClaims,
    Accounts,
    Families,
    IdentityReader,
    Mail,
    Mailer,
    Passwords,
    Registrations,
    Tokens,
)
from soundgraph.application.views import MeView
from soundgraph.domain.errors import Conflict, Forbidden, Unauthenticated
from soundgraph.domain.identity import ACCESS_LIFETIME, Account, Registration, SessionFamily
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Actor


class MemoryAccounts(Accounts):
    """Accounts among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, account_id: AccountId) -> Account | None:
        return kept(self._tables.accounts.get(account_id))

    async def by_login(self, login: str) -> Account | None:
        found = (one for one in self._tables.accounts.values() if login in (one.email, one.handle))
        return kept(next(found, None))

    async def add(self, account: Account) -> None:
        for other in self._tables.accounts.values():
            if other.email == account.email:
                raise Conflict("email_taken", "This address has an account already.")
            if other.handle == account.handle:
                raise Conflict("handle_taken", "This handle is taken.")
        self._tables.accounts[account.id] = kept(account)

    async def save(self, account: Account) -> None:
        save(self._tables.accounts, account.id, account)


class MemoryRegistrations(Registrations):
    """Registrations among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def reserve(self, registration: Registration, *, now: datetime) -> None:
        table = self._tables.registrations
        for other in [one for one in table.values() if one.handle == registration.handle and one.expires_at <= now]:
            del table[other.id]
        reserved = {one.handle for one in table.values()}
        if registration.handle in reserved | {one.handle for one in self._tables.accounts.values()}:
            raise Conflict("handle_taken", "This handle is taken.")
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

    async def add(self, family: SessionFamily) -> None:
        self._tables.families[family.id] = kept(family)

    async def save(self, family: SessionFamily) -> None:
        save(self._tables.families, family.id, family)

    async def expire(self, *, now: datetime) -> int:
        over = [one.id for one in self._tables.families.values() if one.ended_at or one.expires_at <= now]
        for family_id in over:
            del self._tables.families[family_id]
        return len(over)


class MemoryIdentityReader(IdentityReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def actor(self, claims: AccessClaims, *, now: datetime) -> Actor | None:
        tables = self._database.tables
        family, account = tables.families.get(claims.family_id), tables.accounts.get(claims.account_id)
        if family is None or account is None or family.account_id != account.id:
            return None
        if family.ended_at is not None or family.expires_at <= now:
            return None
        if account.standing is AccountStanding.SUSPENDED:
            raise Forbidden("account_suspended", "This account is suspended.")
        return Actor(account.id, account.role) if account.standing is AccountStanding.ACTIVE else None

    async def me(self, actor: Actor) -> MeView | None:
        account, profile = self._database.tables.accounts.get(actor.id), self._database.tables.profiles.get(actor.id)
        if account is None or profile is None:
            return None
        return MeView(
            id=account.id,
            handle=account.handle,
            email=account.email,
            display_name=profile.display_name,
            role=account.role,
            plan=account.plan,
            has_password=account.password_hash is not None,
            identities=[],
            created_at=account.created_at,
        )


class QuickPasswords(Passwords):
    """One round of SHA-256: right for tests, never for people. `outdated` is true of anything it did not make."""

    async def hash(self, password: str) -> str:
        return "quick$" + hashlib.sha256(password.encode()).hexdigest()

    async def verify(self, encoded: str | None, password: str) -> bool:
        return encoded is not None and hmac.compare_digest(encoded, await self.hash(password))

    def outdated(self, encoded: str) -> bool:
        return not encoded.startswith("quick$")


class PlainTokens(Tokens):
    """Readable tokens with a truncated HMAC: the same behaviour as signed ones, with nothing to install."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _sealed(self, text: str) -> str:
        return f"{text}~{hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _opened(self, token: str, kind: str) -> list[str]:
        text, _, _ = token.rpartition("~")
        if not hmac.compare_digest(self._sealed(text).encode(), token.encode()) or not text.startswith(kind + "."):
            raise Unauthenticated("bad_token", "This token is not valid.")
        return text.split(".")[1:]

    def access(self, claims: AccessClaims, *, at: datetime) -> str:
        expires = int((at + ACCESS_LIFETIME).timestamp())
        return self._sealed(f"access.{claims.account_id}.{claims.family_id}.{expires}")

    def read_access(self, token: str, *, at: datetime) -> AccessClaims:
        account_id, family_id, expires = self._opened(token, "access")
        if at.timestamp() >= int(expires):
            raise Unauthenticated("token_expired", "This token has expired. Refresh it.")
        return AccessClaims(AccountId(UUID(account_id)), FamilyId(UUID(family_id)))

    def refresh(self, family_id: FamilyId, generation: int) -> str:
        return self._sealed(f"refresh.{family_id}.{generation}")

    def read_refresh(self, token: str) -> tuple[FamilyId, int]:
        family_id, generation = self._opened(token, "refresh")
        return FamilyId(UUID(family_id)), int(generation)

    def verification(self, registration_id: RegistrationId) -> str:
        return self._sealed(f"verify.{registration_id}")


class Outbox(Mailer):
    """Keeps every mail for a test to read."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.sent.append(mail)
