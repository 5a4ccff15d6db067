"""What identity needs from outside."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from soundgraph.application.ports import UnitOfWork
from soundgraph.application.views import MeView
from soundgraph.domain.identity import (
    Account,
    Registration,
    SessionFamily,
)
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import Actor


class Passwords(ABC):
    """Hashes and checks passwords, slowly and off the event loop."""

    @abstractmethod
    async def hash(self, password: str) -> str:
        """An encoded hash with its parameters and salt. Raises LimitReached when too many wait."""

    @abstractmethod
    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether they match. None costs as much as a real hash and never matches. Raises LimitReached."""

    @abstractmethod
    def outdated(self, encoded: str) -> bool:
        """Whether it was made with weaker parameters than today's."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a valid access token says. Role and standing come from the database, never from here."""

    account_id: AccountId
    family_id: FamilyId


class Tokens(ABC):
    """Makes and reads the tokens that people carry. All but access tokens are derived, so that none needs storing."""

    @abstractmethod
    def access(self, claims: AccessClaims, *, at: datetime) -> str:
        """A signed token that holds for `ACCESS_LIFETIME`."""

    @abstractmethod
    def read_access(self, token: str, *, at: datetime) -> AccessClaims:
        """Raises Unauthenticated(bad_token | token_expired)."""

    @abstractmethod
    def refresh(self, family_id: FamilyId, generation: int) -> str:
        """The refresh token of one generation; always the same one."""

    @abstractmethod
    def read_refresh(self, token: str) -> tuple[FamilyId, int]:
        """Raises Unauthenticated(bad_token)."""

    @abstractmethod
    def verification(self, registration_id: RegistrationId) -> str:
        """The token in the verification mail of one registration; always the same one."""


def digest(token: str) -> bytes:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in plain text. `id` names the debt it pays, so that a repeat can be told from another mail."""

    id: str
    to: str
    subject: str
    text: str


class Mailer(ABC):
    """Sends mail."""

    @abstractmethod
    async def send(self, mail: Mail) -> None:
        """Hand it over for delivery. The same id again may deliver it again."""


class Accounts(ABC):
    """Every account. Addresses and handles are unique among them."""

    @abstractmethod
    async def get(self, account_id: AccountId) -> Account | None: ...

    @abstractmethod
    async def by_login(self, login: str) -> Account | None:
        """By address or handle, normalised."""

    @abstractmethod
    async def add(self, account: Account) -> None:
        """Raises Conflict(email_taken | handle_taken)."""

    @abstractmethod
    async def save(self, account: Account) -> None:
        """Raises Conflict(version_conflict)."""


class Registrations(ABC):
    """Accounts that wait for their address to be verified."""

    @abstractmethod
    async def reserve(self, registration: Registration, *, now: datetime) -> None:
        """Keep it and its handle. Raises Conflict(handle_taken) if an account or an unexpired registration has it."""

    @abstractmethod
    async def get(self, registration_id: RegistrationId) -> Registration | None: ...

    @abstractmethod
    async def by_token(self, token_digest: bytes) -> Registration | None: ...

    @abstractmethod
    async def by_login(self, login: str) -> Registration | None:
        """The newest one of an address or handle."""

    @abstractmethod
    async def remove(self, registration: Registration) -> None:
        """Drop it and its reservation of the handle."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Drop every expired one. Returns how many."""


class Families(ABC):
    """Session families."""

    @abstractmethod
    async def get(self, family_id: FamilyId) -> SessionFamily | None: ...

    @abstractmethod
    async def add(self, family: SessionFamily) -> None: ...

    @abstractmethod
    async def save(self, family: SessionFamily) -> None:
        """Raises Conflict(version_conflict)."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Drop every one that can no longer be refreshed. Returns how many."""


class NewProfiles(ABC):
    """What identity asks of profiles: that a new account has one."""

    @abstractmethod
    async def add(self, profile: Profile) -> None: ...


class IdentityWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def accounts(self) -> Accounts: ...

    @property
    def registrations(self) -> Registrations: ...

    @property
    def families(self) -> Families: ...

    @property
    def profiles(self) -> NewProfiles: ...


class IdentityReader(ABC):
    """Reads that authentication and `GET /me` need."""

    @abstractmethod
    async def actor(self, claims: AccessClaims, *, now: datetime) -> Actor | None:
        """Who this session belongs to, if it has not ended. Raises Forbidden(account_suspended)."""

    @abstractmethod
    async def me(self, actor: Actor) -> MeView | None:
        """One's own account."""
