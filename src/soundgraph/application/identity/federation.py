"""What signing in through a provider needs from outside."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from soundgraph.application.identity.deletion import DeletionWork
from soundgraph.domain.errors import NotFound
from soundgraph.domain.federation import Arrival, ExternalIdentity, Person, SignIn
from soundgraph.domain.ids import AccountId


class Randomness(ABC):
    """Where secrets come from that nothing derives."""

    @abstractmethod
    def token(self) -> str:
        """256 bits in letters, digits, - and _, never the same twice."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What must be the same on the way to a provider and back. `verifier` is that of PKCE (RFC 7636)."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


class Providers(ABC):
    """The OpenID Connect providers that this deployment trusts, by the name that is in their addresses."""

    @abstractmethod
    def names(self) -> Collection[str]:
        """All of them; none where signing in through others is off."""

    def require(self, provider: str) -> None:
        """Raise NotFound(feature_off) unless the provider is one of them."""
        if provider not in self.names():
            raise NotFound("feature_off", "Signing in through this provider is off: nobody has configured it here.")

    @abstractmethod
    async def address(self, provider: str, trip: Trip) -> str:
        """Where to send the browser. Raises NotFound(feature_off), Unavailable(provider_away)."""

    @abstractmethod
    async def person(self, provider: str, trip: Trip, code: str) -> Person:
        """Whom the code stands for, once everything about the answer was checked.

        Raises NotFound(feature_off), Unavailable(provider_away), Unauthenticated(provider_refused | bad_id_token).
        """


class ExternalIdentities(ABC):
    """Which provider's account opens which of ours. A person has at most one of each provider."""

    @abstractmethod
    async def find(self, issuer: str, subject: str) -> ExternalIdentity | None: ...

    @abstractmethod
    async def of(self, account_id: AccountId) -> list[ExternalIdentity]:
        """In the order of their providers' names."""

    @abstractmethod
    async def add(self, identity: ExternalIdentity) -> None:
        """Raises Conflict(identity_taken | already_linked)."""

    @abstractmethod
    async def remove(self, account_id: AccountId, provider: str) -> None:
        """Nothing happens where there is none."""


class SignIns(ABC):
    """People on their way to a provider and back, and those who came and have yet to choose a handle."""

    @abstractmethod
    async def add(self, sign_in: SignIn) -> None: ...

    @abstractmethod
    async def take(self, sign_in_id: bytes) -> SignIn | None:
        """Remove it and return it; of several who take it, one gets it."""

    @abstractmethod
    async def welcome(self, arrival: Arrival) -> None:
        """Keep one until a handle is chosen."""

    @abstractmethod
    async def take_arrival(self, arrival_id: bytes) -> Arrival | None:
        """Remove it and return it; of several who take it, one gets it."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Drop what has expired of both. Returns how many."""


class FederationWork(DeletionWork, Protocol):
    """The unit of work of signing in through a provider."""

    @property
    def external_identities(self) -> ExternalIdentities: ...

    @property
    def sign_ins(self) -> SignIns: ...
