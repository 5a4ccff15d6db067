"""How debts are paid: attempts, heartbeats, leases, backoff, dead letters and chores."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import a_debt

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.memory.database import MemoryDatabase
from soundgraph.adapters.memory.deliveries import MemoryDeliveries, NoHints
from soundgraph.adapters.memory.work import MemoryWork
from soundgraph.adapters.system import TimeOrderedIds
from soundgraph.application.deliveries import (
    EVENTS_KEPT,
    FIRST_BACKOFF,
    HEARTBEAT,
    LEASE,
    LONGEST_BACKOFF,
    Dispatcher,
    Subscriber,
    Subscription,
    Subscriptions,
    TrimEvents,
    backoff,
)
from soundgraph.application.ports import Debt, LeaseLost
from soundgraph.application.subscriptions import EVENTS
from soundgraph.domain.engagement import TrackLiked, TrackUnliked
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.events import Event, PeriodicDue
from soundgraph.domain.ids import AccountId, EventId, TrackId

JOB, CHORE = "tests.job", "tests.chore"
BUDGET, ROUND = 3, timedelta(hours=1)


class Job:
    """A subscriber that does whatever the test says, and remembers what it was handed."""

    def __init__(self) -> None:
        self.debts: list[Debt] = []
        self.does: Callable[[], Awaitable[object]] = self.nothing

    async def nothing(self) -> None:
        """Succeed."""

    async def __call__(self, event: Any, debt: Debt) -> None:
        self.debts.append(debt)
        await self.does()


class Shaky(MemoryDeliveries):
    """Fails as many calls of `put_off` as it is told to."""

    failures = 0

    async def put_off(self, debt: Debt, *, until: datetime, error: str | None = None, forgive: bool = False) -> bool:
        if self.failures:
            self.failures -= 1
            raise Unavailable("database_away", "The database does not answer.")
        return await super().put_off(debt, until=until, error=error, forgive=forgive)


class Desk:
    """A table of debts with one subscriber and one chore, both of which are `job`."""

    def __init__(self) -> None:
        table = [
            Subscription(JOB, Job, (TrackLiked,), budget=BUDGET),
            Subscription(CHORE, Job, budget=BUDGET, every=ROUND),
        ]
        self.subscriptions = Subscriptions(table, EVENTS)
        self.database, self.clock, self.ids, self.job = MemoryDatabase(), ManualClock(), TimeOrderedIds(), Job()
        self.deliveries = Shaky(self.database, self.subscriptions, self.ids, self.clock)
        self.dispatcher = Dispatcher(self.deliveries, self.subscriptions, self.build, self.clock)

    def build(self, _: type[Subscriber]) -> Subscriber:
        return self.job

    async def owe(self) -> EventId:
        """Record an event that is owed to the job."""
        async with self.work() as work:
            work.record(TrackLiked(track_id=TrackId(uuid4()), by=AccountId(uuid4())))
            await work.commit()
        return list(self.database.tables.events)[-1]

    def work(self) -> MemoryWork:
        return MemoryWork(self.database, self.subscriptions, NoHints(), self.ids, self.clock)

    async def arm(self) -> EventId:
        """Owe the chore."""
        event_id = EventId(uuid4())
        chore = self.subscriptions.named(CHORE)
        await self.deliveries.arm(PeriodicDue(chore=CHORE), event_id, chore, now=self.clock.now())
        return event_id

    async def claimable(self, event_id: EventId, subscriber: str = JOB) -> bool:
        """Whether the debt is listed as due now."""
        due = await self.deliveries.due([JOB, CHORE], now=self.clock.now(), limit=9)
        return (event_id, subscriber) in [(one.event_id, one.subscriber) for one in due]


@pytest.fixture
def desk() -> Desk:
    return Desk()


class Hurry(selectors.DefaultSelector):
    """Waits for nothing: where nobody is ready, the time to wait has passed."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout else timeout)
        if not ready and timeout:
            self.skipped += timeout
        return ready


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop in which every sleep is over at once and in the right order."""

    def __init__(self) -> None:
        self._hurry = Hurry()
        super().__init__(self._hurry)

    def time(self) -> float:
        return super().time() + self._hurry.skipped


def hurried(story: Coroutine[Any, Any, None]) -> None:
    """Run a story in which time passes without anyone waiting for it."""
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        runner.run(story)


async def fail() -> None:
    raise OSError("disk")


async def test_a_debt_is_paid_once(desk: Desk) -> None:
    event_id = await desk.owe()
    assert await desk.dispatcher.deliver(event_id, JOB)
    assert not await desk.dispatcher.deliver(event_id, JOB)
    (debt,) = desk.job.debts
    assert (debt.attempts, debt.budget) == (1, BUDGET)


async def test_a_subscriber_that_paid_by_itself_needs_no_more(desk: Desk) -> None:
    async def pay() -> None:
        async with desk.work() as work:
            await work.pay(desk.job.debts[-1])
            await work.commit()

    desk.job.does = pay
    assert await desk.dispatcher.deliver(await desk.owe(), JOB)
    assert desk.database.tables.deliveries == {}


@pytest.mark.parametrize("subscriber", ["tests.newer", CHORE])
async def test_a_hint_about_what_is_not_owed_or_not_known_does_nothing(desk: Desk, subscriber: str) -> None:
    event_id = await desk.owe()
    assert not await desk.dispatcher.deliver(event_id, subscriber)
    assert not await desk.dispatcher.deliver(EventId(uuid4()), JOB)
    assert desk.job.debts == []


async def test_a_failed_try_waits_longer_each_time_and_says_why(desk: Desk) -> None:
    desk.job.does = fail
    event_id = await desk.owe()
    for wait in (FIRST_BACKOFF, 2 * FIRST_BACKOFF):
        assert await desk.dispatcher.deliver(event_id, JOB)
        assert desk.database.tables.deliveries[event_id, JOB].error == "OSError: disk"
        desk.clock.advance(wait - timedelta(microseconds=1))
        assert not await desk.dispatcher.deliver(event_id, JOB)
        desk.clock.advance(timedelta(microseconds=1))
    desk.job.does = desk.job.nothing
    assert await desk.dispatcher.deliver(event_id, JOB)
    assert [debt.attempts for debt in desk.job.debts] == [1, 2, 3]


async def exhaust(desk: Desk) -> EventId:
    """Let every try of one debt fail."""
    desk.job.does = fail
    event_id = await desk.owe()
    for _ in range(BUDGET):
        assert await desk.dispatcher.deliver(event_id, JOB)
        desk.clock.advance(LONGEST_BACKOFF)
    return event_id


async def test_the_last_failure_buries_it_with_the_news(desk: Desk) -> None:
    event_id = await exhaust(desk)
    assert not await desk.dispatcher.deliver(event_id, JOB)
    (letter,) = await desk.deliveries.list(limit=9)
    assert (letter.event_id, letter.subscriber, letter.attempts, letter.error) == (
        event_id,
        JOB,
        BUDGET,
        "OSError: disk",
    )
    events = desk.database.tables.events.values()
    assert [one.name for one in events] == ["engagement.track_liked", "delivery.exhausted"]


async def test_a_replayed_dead_letter_has_its_full_budget_again(desk: Desk) -> None:
    event_id = await exhaust(desk)
    assert await desk.deliveries.replay(event_id, JOB, now=desk.clock.now())
    assert not await desk.deliveries.replay(event_id, JOB, now=desk.clock.now())
    assert await desk.deliveries.list(limit=9) == []
    for _ in range(BUDGET):
        assert await desk.dispatcher.deliver(event_id, JOB)
        desk.clock.advance(LONGEST_BACKOFF)
    assert [debt.attempts for debt in desk.job.debts] == [1, 2, 3, 4, 5, 6]
    assert len(await desk.deliveries.list(limit=9)) == 1


async def test_a_chore_comes_round_whether_it_succeeds_or_not(desk: Desk) -> None:
    event_id = await desk.arm()
    for does in [desk.job.nothing, fail] * BUDGET:
        desk.job.does = does
        assert await desk.dispatcher.deliver(event_id, CHORE)
        assert not await desk.claimable(event_id, CHORE)
        desk.clock.advance(ROUND)
        assert await desk.claimable(event_id, CHORE)
    assert await desk.deliveries.list(limit=9) == []
    assert [debt.attempts for debt in desk.job.debts] == list(range(1, 2 * BUDGET + 1))


async def test_losing_the_lease_is_nobodys_failure(desk: Desk) -> None:
    async def lose() -> None:
        raise LeaseLost

    desk.job.does = lose
    event_id = await desk.owe()
    assert await desk.dispatcher.deliver(event_id, JOB)
    assert desk.database.tables.deliveries[event_id, JOB].error == ""


async def test_an_interrupted_try_is_forgiven_and_due_at_once(desk: Desk) -> None:
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    desk.job.does = hang
    event_id = await desk.owe()
    for attempt in range(1, BUDGET + 3):
        started.clear()
        delivery = asyncio.create_task(desk.dispatcher.deliver(event_id, JOB))
        await started.wait()
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        row = desk.database.tables.deliveries[event_id, JOB]
        assert (row.attempts, row.budget, row.error) == (attempt, BUDGET + attempt, "interrupted")
        assert await desk.claimable(event_id)


def test_a_heartbeat_keeps_the_lease_for_as_long_as_the_work_takes(desk: Desk) -> None:
    async def work() -> None:
        for _ in range(20):
            await asyncio.sleep(HEARTBEAT.total_seconds() + 0.1)
            desk.clock.advance(HEARTBEAT)
            assert not await desk.claimable(desk.job.debts[-1].event_id)

    async def story() -> None:
        desk.job.does = work
        event_id = await desk.owe()
        assert await desk.dispatcher.deliver(event_id, JOB)
        assert desk.database.tables.deliveries == {}

    hurried(story())


def test_heartbeats_that_fail_for_a_while_cost_nothing(desk: Desk) -> None:
    async def work() -> None:
        desk.deliveries.failures = 3
        await asyncio.sleep(HEARTBEAT.total_seconds() * 4.5)
        assert desk.deliveries.failures == 0
        desk.clock.advance(LEASE - HEARTBEAT)
        assert not await desk.claimable(desk.job.debts[-1].event_id)

    async def story() -> None:
        desk.job.does = work
        assert await desk.dispatcher.deliver(await desk.owe(), JOB)
        assert desk.database.tables.deliveries == {}

    hurried(story())


async def overtake(desk: Desk) -> None:
    """Another worker claims the debt in hand, as if no heart had beaten."""
    debt = desk.job.debts[-1]
    desk.clock.advance(LEASE)
    assert await desk.deliveries.claim(debt.event_id, debt.subscriber, now=desk.clock.now(), lease=LEASE)


def test_work_stops_when_its_lease_is_lost_and_the_new_holder_is_left_alone(desk: Desk) -> None:
    stopped: list[bool] = []

    async def work() -> None:
        await overtake(desk)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def story() -> None:
        desk.job.does = work
        event_id = await desk.owe()
        assert await desk.dispatcher.deliver(event_id, JOB)
        assert stopped == [True]
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        row = desk.database.tables.deliveries[event_id, JOB]
        assert (row.attempts, row.budget, row.error, row.due) == (2, BUDGET, "", desk.clock.now() + LEASE)

    hurried(story())


def test_a_worker_that_is_stopped_as_it_loses_its_lease_stops(desk: Desk) -> None:
    async def work() -> None:
        await overtake(desk)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            raise

    async def story() -> None:
        desk.job.does = work
        event_id = await desk.owe()
        delivery = asyncio.create_task(desk.dispatcher.deliver(event_id, JOB))
        with pytest.raises(asyncio.CancelledError):
            await delivery

    hurried(story())


@given(st.integers(1, 10_000))
def test_backoff_doubles_up_to_an_hour(attempts: int) -> None:
    assert FIRST_BACKOFF <= backoff(attempts) <= backoff(attempts + 1) <= LONGEST_BACKOFF
    if backoff(attempts + 1) < LONGEST_BACKOFF:
        assert backoff(attempts + 1) == 2 * backoff(attempts)


async def test_old_events_that_are_owed_to_nobody_are_forgotten() -> None:
    app = memory_app()
    like = TrackLiked(track_id=TrackId(uuid4()), by=AccountId(uuid4()))
    await record(app, like)
    app.clock.advance(timedelta(seconds=1))
    await record(app, TrackUnliked(track_id=like.track_id, by=like.by))
    app.clock.advance(EVENTS_KEPT)
    await app.use(TrimEvents)(PeriodicDue(chore="events.trim"), a_debt())
    assert [one.name for one in app.database.tables.events.values()] == [TrackUnliked.name]


async def record(app: World, event: Event) -> None:
    async with app.work() as work:
        work.record(event)
        await work.commit()
