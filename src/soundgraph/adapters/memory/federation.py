"""Ways in through providers, and deletions, in memory."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlencode

from soundgraph.adapters.memory.database import Tables, kept
from soundgraph.application.identity import Deletions, ExternalIdentities, Providers, SignIns, Trip
from soundgraph.domain.errors import Conflict, Unauthenticated
from soundgraph.domain.federation import Arrival, ExternalIdentity, Person, SignIn
from soundgraph.domain.ids import AccountId
from soundgraph.domain.privacy import Deletion


class MemoryExternalIdentities(ExternalIdentities):
    """External identities among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, issuer: str, subject: str) -> ExternalIdentity | None:
        return self._tables.external_identities.get((issuer, subject))

    async def of(self, account_id: AccountId) -> list[ExternalIdentity]:
        return self._tables.linked(account_id)

    async def add(self, identity: ExternalIdentity) -> None:
        if (identity.issuer, identity.subject) in self._tables.external_identities:
            raise Conflict("identity_taken", "This account of the provider opens another account here.")
        if any(one.provider == identity.provider for one in self._tables.linked(identity.account_id)):
            raise Conflict("already_linked", "Another account of this provider is linked. Unlink it first.")
        self._tables.external_identities[identity.issuer, identity.subject] = identity

    async def remove(self, account_id: AccountId, provider: str) -> None:
        for one in self._tables.linked(account_id):
            if one.provider == provider:
                del self._tables.external_identities[one.issuer, one.subject]


class MemorySignIns(SignIns):
    """Sign-ins and arrivals among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, sign_in: SignIn) -> None:
        self._tables.sign_ins[sign_in.id] = sign_in

    async def take(self, sign_in_id: bytes) -> SignIn | None:
        return self._tables.sign_ins.pop(sign_in_id, None)

    async def welcome(self, arrival: Arrival) -> None:
        self._tables.arrivals[arrival.id] = arrival

    async def take_arrival(self, arrival_id: bytes) -> Arrival | None:
        return self._tables.arrivals.pop(arrival_id, None)

    async def expire(self, *, now: datetime) -> int:
        sign_ins = [one.id for one in self._tables.sign_ins.values() if one.expires_at <= now]
        arrivals = [one.id for one in self._tables.arrivals.values() if one.expires_at <= now]
        for one in sign_ins:
            del self._tables.sign_ins[one]
        for one in arrivals:
            del self._tables.arrivals[one]
        return len(sign_ins) + len(arrivals)


class MemoryDeletions(Deletions):
    """Deletions among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, account_id: AccountId) -> Deletion | None:
        return kept(self._tables.deletions.get(account_id))

    async def put(self, deletion: Deletion) -> None:
        self._tables.deletions[deletion.account_id] = kept(deletion)

    async def remove(self, account_id: AccountId) -> None:
        self._tables.deletions.pop(account_id, None)


class PlainProviders(Providers):
    """A provider that says whatever a test has it say: `people` are by the code that stands for them, once."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}

    def names(self) -> Collection[str]:
        return ["plain"]

    async def address(self, provider: str, trip: Trip) -> str:
        self.require(provider)
        query = {"state": trip.state, "nonce": trip.nonce, "redirect_uri": trip.redirect_uri}
        return f"https://plain.example/authorize?{urlencode(query)}"

    async def person(self, provider: str, trip: Trip, code: str) -> Person:  # noqa: ARG002 - it believes everyone
        self.require(provider)
        if code not in self.people:
            raise Unauthenticated("provider_refused", "The provider did not take the code back.")
        return self.people.pop(code)
