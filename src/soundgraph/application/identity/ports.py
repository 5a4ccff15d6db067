"""What identity keeps, and reads."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Protocol

from soundgraph.application.audit import Audit
from soundgraph.application.identity.credentials import AccessClaims
from soundgraph.application.ports import UnitOfWork
from soundgraph.application.views import MeView, Page, Position, SessionView
from soundgraph.domain.identity import Account, EmailChange, PasswordReset, Registration, SessionFamily
from soundgraph.domain.ids import AccountId, EmailChangeId, FamilyId, RegistrationId, ResetId
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import AccountStanding, Actor


class Accounts(ABC):
    """Every account. Addresses and handles are unique among them."""

    @abstractmethod
    async def get(self, account_id: AccountId) -> Account | None: ...

    @abstractmethod
    async def by_login(self, login: str) -> Account | None:
        """By address or handle, normalised."""

    @abstractmethod
    async def standing(self, account_id: AccountId) -> AccountStanding | None:
        """Its standing, without waiting for anyone who changes the account."""

    @abstractmethod
    async def any_admin(self) -> bool:
        """Whether there is an admin, in whatever standing."""

    @abstractmethod
    async def add(self, account: Account) -> None:
        """Raises Conflict(email_taken | handle_taken). A handle that looks like another one is taken too."""

    @abstractmethod
    async def save(self, account: Account) -> None:
        """Raises Conflict(version_conflict | email_taken)."""


class Registrations(ABC):
    """Accounts that wait for their address to be verified."""

    @abstractmethod
    async def reserve(self, registration: Registration, *, now: datetime) -> None:
        """Keep it and its handle.

        Raises Conflict(handle_taken) if an account or an unexpired registration has it, or one of its `likeness`.
        """

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
    async def of(self, account_id: AccountId) -> list[SessionFamily]:
        """Those of one account that have not ended, in the order of their ids."""

    @abstractmethod
    async def add(self, family: SessionFamily) -> None: ...

    @abstractmethod
    async def save(self, family: SessionFamily) -> None:
        """Raises Conflict(version_conflict)."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Drop every one that can no longer be refreshed. Returns how many."""


class PasswordResets(ABC):
    """Chances to choose another password."""

    @abstractmethod
    async def add(self, reset: PasswordReset) -> None: ...

    @abstractmethod
    async def get(self, reset_id: ResetId) -> PasswordReset | None: ...

    @abstractmethod
    async def by_token(self, token_digest: bytes) -> PasswordReset | None: ...

    @abstractmethod
    async def remove_of(self, account_id: AccountId) -> None:
        """Drop every one of an account: what was asked for before a change is void after it."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Drop every expired one. Returns how many."""


class EmailChanges(ABC):
    """Changes of address. An account has at most one that waits for both addresses to agree."""

    @abstractmethod
    async def put(self, change: EmailChange) -> None:
        """Keep it, in the place of one of the account that waits, or as it has become."""

    @abstractmethod
    async def get(self, change_id: EmailChangeId) -> EmailChange | None: ...

    @abstractmethod
    async def by_token(self, token_digest: bytes) -> EmailChange | None:
        """The one whose old or new address got this token, locked: both may agree at once."""

    @abstractmethod
    async def cancel(self, account_id: AccountId) -> None:
        """Drop the one of an account that waits, if there is one."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Drop every expired one. Returns how many."""


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
    def password_resets(self) -> PasswordResets: ...

    @property
    def email_changes(self) -> EmailChanges: ...

    @property
    def profiles(self) -> NewProfiles: ...

    @property
    def audit(self) -> Audit: ...


class IdentityReader(ABC):
    """Reads that authentication and `GET /me` need."""

    @abstractmethod
    async def actor(self, claims: AccessClaims, *, now: datetime) -> Actor | None:
        """Who this session belongs to, if it has not ended. Raises Forbidden(account_suspended)."""

    @abstractmethod
    async def me(self, actor: Actor) -> MeView | None:
        """One's own account."""

    @abstractmethod
    async def sessions(self, actor: Actor, *, now: datetime, after: Position | None, limit: int) -> Page[SessionView]:
        """One's own sessions that have not ended, newest first. None of them is marked as the present one."""
