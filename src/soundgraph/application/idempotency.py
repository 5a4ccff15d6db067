"""Idempotency keys: whoever repeats a request that creates something gets what the first one made.

A key is claimed before the work begins and settled in the transaction that makes the thing, with its id. A claim runs
out unless it is renewed, so that a crash does not keep a key for long; `holder` fences it, so that of two requests with
one key only one can ever settle it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from soundgraph.application.ports import Clock, Debt, Ids, UnitOfWork
from soundgraph.domain.errors import Conflict, Invalid
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import Actor

KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Claim:
    """A key in the hands of one request. It is scoped to an account and a route; `holder` is that request alone."""

    account_id: AccountId
    route: str
    key: str
    holder: UUID


@dataclass(frozen=True, slots=True)
class Once:
    """A claim, and the fingerprint of the request that settles it."""

    claim: Claim
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a settled key stands for: the id of what was made, and the fingerprint of the request that made it."""

    fingerprint: str
    id: UUID

    def answering(self, fingerprint: str) -> UUID:
        """The id, for the same request. Raises Invalid(idempotency_key_reused) for another one."""
        if fingerprint != self.fingerprint:
            raise Invalid(
                "idempotency_key_reused", "This Idempotency-Key was sent with another request. Use a new one."
            )
        return self.id


class IdempotencyKeys(ABC):
    """Every key that was claimed or settled and has not run out."""

    @abstractmethod
    async def reserve(self, claim: Claim, *, now: datetime, until: datetime) -> bool:
        """Take a key for a while. False if another holder has it, or if it is settled. Of many callers one succeeds."""

    @abstractmethod
    async def made(self, claim: Claim) -> Made | None:
        """What the key stands for; None while it is only claimed."""

    @abstractmethod
    async def renew(self, claim: Claim, *, until: datetime) -> bool:
        """Hold it longer. False if it is no longer this holder's to hold."""

    @abstractmethod
    async def settle(self, once: Once, *, made: UUID, until: datetime) -> None:
        """Record what was made, until then. Raises Conflict(idempotency_in_flight) if the claim was lost."""

    @abstractmethod
    async def release(self, claim: Claim) -> None:
        """Give it back unsettled. Nothing happens where this holder has none, or has settled it."""

    @abstractmethod
    async def expire(self, *, now: datetime) -> int:
        """Forget those that have run out. Returns how many."""


class IdempotencyWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...


def in_flight() -> Conflict:
    """The refusal of a key that another request is using now."""
    return Conflict(
        "idempotency_in_flight", "A request with this Idempotency-Key is still being answered. Wait for it."
    )


class ClaimKey:
    """Claim a key for one request, or learn what it stands for already. Anyone logged in, among their own keys.

    Raises Conflict(idempotency_in_flight).
    """

    def __init__(self, work: Callable[[], IdempotencyWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(self, *, actor: Actor, route: str, key: str) -> tuple[Claim, Made | None]:
        claim, now, made = Claim(actor.id, route, key, self._ids.new()), self._clock.now(), None
        async with self._work() as work:
            if not await work.idempotency_keys.reserve(claim, now=now, until=now + LEASE):
                made = await work.idempotency_keys.made(claim)
                if made is None:
                    raise in_flight()
            await work.commit()
        return claim, made


class RenewClaim:
    """Hold a claim for another while, as long as the work goes on. Whoever claimed it."""

    def __init__(self, work: Callable[[], IdempotencyWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, claim: Claim) -> bool:
        async with self._work() as work:
            held = await work.idempotency_keys.renew(claim, until=self._clock.now() + LEASE)
            await work.commit()
        return held


class ReleaseClaim:
    """Give a claim back, because nothing came of the work. Whoever claimed it. A settled key stays."""

    def __init__(self, work: Callable[[], IdempotencyWork]) -> None:
        self._work = work

    async def __call__(self, *, claim: Claim) -> None:
        async with self._work() as work:
            await work.idempotency_keys.release(claim)
            await work.commit()


class ExpireKeys:
    """Chore: forget keys that were settled a day ago, and claims that ran out."""

    def __init__(self, work: Callable[[], IdempotencyWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            await work.idempotency_keys.expire(now=self._clock.now())
            await work.commit()
