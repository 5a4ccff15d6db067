"""Debts and how they are paid: a delivery is a row that says *this event is still owed to this subscriber*.

`due` is lease, retry time, schedule and dead letter at once; `attempts` is the fencing token. Hints about debts may be
lost or doubled freely, because a sweep with the same predicate finds whatever is due.
"""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from soundgraph.application.ports import Clock, Debt, LeaseLost
from soundgraph.domain.events import Event, PeriodicDue
from soundgraph.domain.ids import EventId

# The one actor that carries hints. Its name is in every queued message and so never changes.
ACTOR: Final = "deliver"

LEASE: Final = timedelta(seconds=30)
HEARTBEAT: Final = timedelta(seconds=5)
FIRST_BACKOFF: Final = timedelta(seconds=15)
LONGEST_BACKOFF: Final = timedelta(hours=1)
EVENTS_KEPT: Final = timedelta(days=7)

log = logging.getLogger(__name__)


class Subscriber(Protocol):
    """Looks again at the truth and makes its effect or projection equal to it."""

    async def __call__(self, event: Any, debt: Debt) -> None:
        """Pay one debt. May run twice for one event; must come to the same. Any exception means *try again later*."""
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One line of the subscription table. `name` is stored in every debt and so never changes.

    A chore has no events but `every`, an interval after which its one debt falls due again.
    """

    name: str
    subscriber: type[Subscriber]
    events: tuple[type[Event], ...] = ()
    queue: str = "default"
    budget: int = 8
    every: timedelta | None = None


class Subscriptions:
    """The subscription table, and the codec of every event there is. Stored names are plain strings."""

    def __init__(self, table: Iterable[Subscription], events: Iterable[type[Event]]) -> None:
        self._by_name = {one.name: one for one in table}
        self._events = {event.name: event for event in events}

    def owed_for(self, event: Event) -> list[Subscription]:
        """Who is owed this event."""
        return [one for one in self._by_name.values() if isinstance(event, one.events)]

    def chores(self) -> list[Subscription]:
        """Those that come round by themselves."""
        return [one for one in self._by_name.values() if one.every is not None]

    def named(self, name: str) -> Subscription:
        """The subscription of that stored name. Raises KeyError for one that this version does not know."""
        return self._by_name[name]

    def names(self, queues: Iterable[str] | None = None) -> list[str]:
        """Every stored name that this version knows, of some queues or of all."""
        wanted = None if queues is None else set(queues)
        return [one.name for one in self._by_name.values() if wanted is None or one.queue in wanted]

    def event_names(self) -> list[str]:
        """Every stored event name that this version can decode."""
        return list(self._events)

    def encode(self, event: Event) -> bytes:
        """The payload as JSON."""
        return msgspec.json.encode(event)

    def decode(self, name: str, body: bytes | str) -> Event:
        """The event of a stored payload. Fields that this version does not know are left aside."""
        return msgspec.json.decode(body, type=self._events[name])


@dataclass(frozen=True, slots=True)
class Hint:
    """That a debt may be due. Carries no promise."""

    event_id: EventId
    subscriber: str
    queue: str


class Hints(ABC):
    """Tells workers to look sooner than their next sweep would."""

    @abstractmethod
    def send(self, hints: Sequence[Hint]) -> None:
        """Pass hints on, after commit and without waiting. A hint that cannot be sent is dropped."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A debt in hand, with the event it is about."""

    debt: Debt
    event: Event


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A debt that used up its budget. `attempts` counts tries, `error` is that of the last."""

    event_id: EventId
    subscriber: str
    event_name: str
    event_key: str
    attempts: int
    error: str
    at: datetime


class Deliveries(ABC):
    """The table of debts, as a worker meets it. Every write is fenced by `attempts`."""

    @abstractmethod
    async def due(self, subscribers: Sequence[str], *, now: datetime, limit: int) -> list[Hint]:
        """Debts that may be claimed now, oldest first."""

    @abstractmethod
    async def claim(self, event_id: EventId, subscriber: str, *, now: datetime, lease: timedelta) -> Claimed | None:
        """Take a debt for the length of the lease, if it is due and has budget left. Of many callers one succeeds."""

    @abstractmethod
    async def put_off(self, debt: Debt, *, until: datetime, error: str | None = None, forgive: bool = False) -> bool:
        """Move `due`: a heartbeat, a backoff. `forgive` adds one to the budget. False if the lease was lost."""

    @abstractmethod
    async def pay(self, debt: Debt) -> None:
        """Strike it out. Nothing happens if the lease was lost or it is paid already."""

    @abstractmethod
    async def rearm(self, debt: Debt, *, until: datetime) -> None:
        """Make it due again later with a full budget. Nothing happens if the lease was lost."""

    @abstractmethod
    async def arm(self, event: PeriodicDue, event_id: EventId, subscription: Subscription, *, now: datetime) -> None:
        """Owe a chore, unless it is owed already."""

    @abstractmethod
    async def bury_exhausted(self, *, now: datetime) -> int:
        """Lay every due debt without budget with the dead letters, each with its DeliveryExhausted; how many."""


class DeadLetters(ABC):
    """The debts that nobody could pay, for an operator."""

    @abstractmethod
    async def list(self, *, limit: int) -> list[DeadLetter]:
        """The newest of them."""

    @abstractmethod
    async def replay(self, event_id: EventId, subscriber: str, *, now: datetime) -> bool:
        """Make one due now with a full budget. False if there is no such dead letter."""


class EventLog(ABC):
    """The events that happened."""

    @abstractmethod
    async def get(self, event_id: EventId) -> Event | None:
        """What happened, as long as it is owed or a week has not passed. None, too, for one of a newer version."""

    @abstractmethod
    async def trim(self, *, before: datetime) -> int:
        """Forget older events that are owed to nobody. Returns how many."""


class TrimEvents:
    """Chore: forget events that are a week old and owed to nobody."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log, self._clock = log, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        await self._log.trim(before=self._clock.now() - EVENTS_KEPT)


def backoff(attempts: int) -> timedelta:
    """How long to wait after the given number of failed tries: 15 s, doubling, at most an hour."""
    doublings: int = 2 ** (min(attempts, 12) - 1)
    return min(FIRST_BACKOFF * doublings, LONGEST_BACKOFF)


class Dispatcher:
    """Claims one debt, hands it to its subscriber under a heartbeat, and settles what came of it."""

    def __init__(
        self,
        deliveries: Deliveries,
        subscriptions: Subscriptions,
        build: Callable[[type[Subscriber]], Subscriber],
        clock: Clock,
    ) -> None:
        self._deliveries = deliveries
        self._subscriptions = subscriptions
        self._build = build
        self._clock = clock

    async def deliver(self, event_id: EventId, subscriber: str) -> bool:
        """Try to pay one debt. False if there is nothing to claim: paid, taken, not due, spent or unknown."""
        if subscriber not in self._subscriptions.names():
            return False
        claimed = await self._deliveries.claim(event_id, subscriber, now=self._clock.now(), lease=LEASE)
        if claimed is None:
            return False
        await self._attempt(claimed)
        return True

    async def _attempt(self, claimed: Claimed) -> None:
        debt, subscription = claimed.debt, self._subscriptions.named(claimed.debt.subscriber)
        try:
            # Settled only when the heart is still: a beat that comes late would put the debt off again.
            async with self._held(debt):
                await self._build(subscription.subscriber)(claimed.event, debt)
        except LeaseLost:
            log.warning("lease lost: event %s, subscriber %s", debt.event_id, debt.subscriber)
        except asyncio.CancelledError:
            await self._deliveries.put_off(debt, until=self._clock.now(), error="interrupted", forgive=True)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the debt stays owed and says why
            await self._put_back(debt, subscription, error)
        else:
            if subscription.every is None:
                await self._deliveries.pay(debt)
            else:
                await self._deliveries.rearm(debt, until=self._clock.now() + subscription.every)

    @contextlib.asynccontextmanager
    async def _held(self, debt: Debt) -> AsyncIterator[None]:
        """Keep the lease for the block, which is cancelled if it is lost all the same. Raises LeaseLost then."""
        work = asyncio.current_task()
        heart = asyncio.create_task(self._beat(debt, work))
        try:
            yield
        except asyncio.CancelledError:
            # The heart ends by itself only where the lease was lost; any other cancellation is the caller's.
            if work is None or not heart.done() or work.uncancel():
                raise
            raise LeaseLost from None
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heart

    async def _put_back(self, debt: Debt, subscription: Subscription, error: Exception) -> None:
        log.warning("delivery failed: event %s, subscriber %s", debt.event_id, debt.subscriber, exc_info=error)
        now, said = self._clock.now(), f"{type(error).__name__}: {error}"[:1_000]
        if subscription.every is not None:
            await self._deliveries.rearm(debt, until=now + subscription.every)
        elif debt.attempts >= debt.budget:
            await self._deliveries.put_off(debt, until=now, error=said)
            await self._deliveries.bury_exhausted(now=now)
        else:
            await self._deliveries.put_off(debt, until=now + backoff(debt.attempts), error=said)

    async def _beat(self, debt: Debt, work: "asyncio.Task[object] | None") -> None:
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            try:
                held = await self._deliveries.put_off(debt, until=self._clock.now() + LEASE)
            except Exception as error:
                log.warning("heartbeat failed: event %s", debt.event_id, exc_info=error)
                continue
            if not held and work is not None:
                work.cancel("the lease was lost")
                return
