"""What every table of debts promises: of many who claim one debt one gets it, and only that one may settle it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

import pytest
from tests.builders import App, a_debt, dead_letters, owed

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.application.deliveries import LEASE, Claimed, DeadLetters, EventLog, Subscription
from soundgraph.application.ports import Debt, LeaseLost
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.domain.engagement import TrackLiked
from soundgraph.domain.events import DeliveryExhausted, PeriodicDue
from soundgraph.domain.ids import AccountId, EventId, RevisionId, TrackId
from soundgraph.domain.tracks import RevisionReceived, TrackRemoved

PROCESS, REMOVE, CHORE = "tracks.process", "tracks.remove_media", "identity.expire"
BUDGET = SUBSCRIPTIONS.named(PROCESS).budget
SECOND = timedelta(seconds=1)


def received() -> RevisionReceived:
    return RevisionReceived(track_id=TrackId(uuid4()), revision_id=RevisionId(uuid4()))


async def owe(app: App) -> EventId:
    """One debt of processing."""
    before = {hint.event_id for hint in await owed(app)}
    async with app.work() as work:
        work.record(received())
        await work.commit()
    (event_id,) = {hint.event_id for hint in await owed(app)} - before
    return event_id


async def claim(app: App, event_id: EventId, subscriber: str = PROCESS) -> Claimed | None:
    return await app.deliveries.claim(event_id, subscriber, now=app.clock.now(), lease=LEASE)


async def take(app: App, event_id: EventId, subscriber: str = PROCESS) -> Debt:
    """Claim what is there to be claimed."""
    claimed = await claim(app, event_id, subscriber)
    assert claimed is not None
    return claimed.debt


async def due(app: App, event_id: EventId) -> bool:
    return event_id in {hint.event_id for hint in await owed(app)}


async def exhaust(app: App, event_id: EventId, *, error: str = "OSError: disk") -> Debt:
    """Use up the budget and lay the debt with the dead letters."""
    for _ in range(BUDGET):
        debt = await take(app, event_id)
        assert await app.deliveries.put_off(debt, until=app.clock.now(), error=error)
    assert await app.deliveries.bury_exhausted(now=app.clock.now()) == 1
    return debt


async def test_an_event_and_its_debts_are_kept_with_the_change_or_not_at_all(app: App) -> None:
    async with app.work() as work:
        work.record(received())
    assert await owed(app) == []
    async with app.work() as work:
        removed = TrackRemoved(track_id=TrackId(uuid4()), owner_id=AccountId(uuid4()))
        work.record(received(), removed)
        work.record(TrackLiked(track_id=TrackId(uuid4()), by=AccountId(uuid4())))
        await work.commit()
    hints = await owed(app)
    assert {(hint.subscriber, hint.queue) for hint in hints} == {(PROCESS, "media"), (REMOVE, "default")}


async def test_a_claim_brings_the_event_and_counts_the_attempt(app: App) -> None:
    event = received()
    async with app.work() as work:
        work.record(event)
        await work.commit()
    (hint,) = await owed(app)
    claimed = await claim(app, hint.event_id)
    assert claimed == Claimed(Debt(hint.event_id, PROCESS, 1, BUDGET), event)


async def test_due_lists_the_oldest_first_of_the_subscribers_asked_for(app: App) -> None:
    events = []
    for _ in range(3):
        events.append(await owe(app))
        app.clock.advance(SECOND)
    now = app.clock.now()
    assert [hint.event_id for hint in await owed(app)] == events
    assert [one.event_id for one in await app.deliveries.due([PROCESS], now=now, limit=2)] == events[:2]
    assert await app.deliveries.due([REMOVE], now=now, limit=9) == []
    assert await app.deliveries.due([], now=now, limit=9) == []
    assert await app.deliveries.due([PROCESS], now=EPOCH - SECOND, limit=9) == []


async def test_of_twenty_who_claim_one_debt_one_gets_it(app: App) -> None:
    event_id = await owe(app)
    claims = await asyncio.gather(*(claim(app, event_id) for _ in range(20)))
    assert sum(one is not None for one in claims) == 1


async def test_a_claimed_debt_is_nobody_elses_until_its_lease_is_over(app: App) -> None:
    event_id = await owe(app)
    await take(app, event_id)
    app.clock.advance(LEASE - timedelta(microseconds=1))
    assert not await due(app, event_id)
    assert await claim(app, event_id) is None
    app.clock.advance(timedelta(microseconds=1))
    assert (await take(app, event_id)).attempts == 2


async def test_paying_strikes_it_out_once(app: App) -> None:
    event_id = await owe(app)
    debt = await take(app, event_id)
    for _ in range(2):
        await app.deliveries.pay(debt)
    app.clock.advance(LEASE)
    assert await claim(app, event_id) is None
    assert await app.deliveries.put_off(debt, until=app.clock.now()) is False


async def test_whoever_was_overtaken_can_settle_nothing(app: App) -> None:
    event_id = await owe(app)
    old = await take(app, event_id)
    app.clock.advance(LEASE)
    new = await take(app, event_id)
    await app.deliveries.pay(old)
    await app.deliveries.rearm(old, until=app.clock.now())
    assert await app.deliveries.put_off(old, until=app.clock.now(), error="late", forgive=True) is False
    assert not await due(app, event_id)
    async with app.work() as work:
        with pytest.raises(LeaseLost):
            await work.hold(old)
    async with app.work() as work:
        with pytest.raises(LeaseLost):
            await work.pay(old)
    async with app.work() as work:
        await work.hold(new)
        await work.pay(new)
        await work.commit()
    app.clock.advance(LEASE)
    assert await claim(app, event_id) is None


async def test_a_debt_that_nobody_is_owed_cannot_be_held_or_paid(app: App) -> None:
    nothing = a_debt(PROCESS)
    await app.deliveries.pay(nothing)
    await app.deliveries.rearm(nothing, until=app.clock.now())
    assert await claim(app, nothing.event_id) is None
    async with app.work() as work:
        with pytest.raises(LeaseLost):
            await work.hold(nothing)


async def test_paying_in_a_unit_of_work_counts_only_with_its_commit(app: App) -> None:
    event_id = await owe(app)
    debt = await take(app, event_id)
    async with app.work() as work:
        await work.pay(debt)
    app.clock.advance(LEASE)
    assert (await take(app, event_id)).attempts == 2


async def test_a_debt_that_is_held_cannot_be_claimed_until_the_block_ends(app: App) -> None:
    event_id = await owe(app)
    debt = await take(app, event_id)
    app.clock.advance(LEASE)
    async with app.work() as work:
        await work.hold(debt)
        rival = asyncio.create_task(claim(app, event_id))
        await asyncio.wait([rival], timeout=0.05)
        assert not rival.done()
        await work.pay(debt)
        await work.commit()
    assert await rival is None


async def test_of_a_payment_and_a_claim_that_cross_one_counts(app: App) -> None:
    async def pay(debt: Debt) -> bool:
        try:
            async with app.work() as work:
                await work.pay(debt)
                await work.commit()
        except LeaseLost:
            return False
        return True

    events = [await owe(app) for _ in range(10)]
    debts = [await take(app, event_id) for event_id in events]
    app.clock.advance(LEASE)
    attempts = [attempt for debt in debts for attempt in (pay(debt), claim(app, debt.event_id))]
    outcomes = await asyncio.gather(*attempts)
    for paid, claimed in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert bool(paid) != (claimed is not None)


async def test_a_heartbeat_moves_the_lease(app: App) -> None:
    event_id = await owe(app)
    debt = await take(app, event_id)
    for _ in range(3):
        app.clock.advance(LEASE - SECOND)
        assert await app.deliveries.put_off(debt, until=app.clock.now() + LEASE)
    assert not await due(app, event_id)
    app.clock.advance(LEASE)
    assert await due(app, event_id)


async def test_backing_off_keeps_the_reason_and_the_count(app: App) -> None:
    event_id = await owe(app)
    debt = await take(app, event_id)
    assert await app.deliveries.put_off(debt, until=app.clock.now() + SECOND, error="OSError: disk")
    assert await claim(app, event_id) is None
    app.clock.advance(SECOND)
    assert await take(app, event_id) == replace(debt, attempts=2)


async def test_forgiving_adds_an_attempt_to_the_budget(app: App) -> None:
    event_id = await owe(app)
    for attempt in range(1, BUDGET + 5):
        debt = await take(app, event_id)
        assert (debt.attempts, debt.budget) == (attempt, BUDGET + attempt - 1)
        assert await app.deliveries.put_off(debt, until=app.clock.now(), error="interrupted", forgive=True)
    assert await app.deliveries.bury_exhausted(now=app.clock.now()) == 0


async def test_an_exhausted_debt_is_buried_once_and_said_to_be(app: App) -> None:
    event_id = await owe(app)
    await exhaust(app, event_id)
    assert await claim(app, event_id) is None
    assert await app.deliveries.bury_exhausted(now=app.clock.now() + timedelta(days=365)) == 0
    (letter,) = await dead_letters(app)
    assert (letter.event_id, letter.subscriber, letter.event_name) == (event_id, PROCESS, RevisionReceived.name)
    assert (letter.attempts, letter.error, letter.at) == (BUDGET, "OSError: disk", EPOCH)
    hint = next(one for one in await owed(app) if one.subscriber == "tracks.give_up")
    news = await claim(app, hint.event_id, hint.subscriber)
    assert news is not None
    assert news.event == DeliveryExhausted(
        event_id=event_id,
        event_name=RevisionReceived.name,
        event_key=letter.event_key,
        subscriber=PROCESS,
        error="OSError: disk",
    )


async def test_a_debt_whose_last_holder_is_at_work_is_not_buried(app: App) -> None:
    event_id = await owe(app)
    for _ in range(BUDGET):
        debt = await take(app, event_id)
        app.clock.advance(LEASE)
    assert await app.deliveries.put_off(debt, until=app.clock.now() + SECOND)
    assert await app.deliveries.bury_exhausted(now=app.clock.now()) == 0
    assert await app.deliveries.bury_exhausted(now=app.clock.now() + SECOND) == 1


async def test_twenty_gravediggers_bury_each_debt_once(app: App) -> None:
    for _ in range(3):
        event_id = await owe(app)
        for _ in range(BUDGET):
            assert await app.deliveries.put_off(await take(app, event_id), until=app.clock.now())
    buried = await asyncio.gather(*(app.deliveries.bury_exhausted(now=app.clock.now()) for _ in range(20)))
    assert sum(buried) == 3
    told = [hint.subscriber for hint in await owed(app)]
    assert sorted(told) == ["privacy.give_up"] * 3 + ["tracks.give_up"] * 3


async def test_dead_letters_are_listed_newest_first(app: App) -> None:
    events = []
    for _ in range(3):
        events.append(await owe(app))
        await exhaust(app, events[-1])
        app.clock.advance(SECOND)
    letters = app.use(DeadLetters)
    assert [one.event_id for one in await letters.list(limit=9)] == events[::-1]
    assert [one.event_id for one in await letters.list(limit=2)] == events[:0:-1]


async def test_a_replay_gives_the_full_budget_and_goes_on_counting(app: App) -> None:
    event_id = await owe(app)
    await exhaust(app, event_id)
    letters, now = app.use(DeadLetters), app.clock.now()
    assert not await letters.replay(event_id, REMOVE, now=now)
    assert not await letters.replay(EventId(uuid4()), PROCESS, now=now)
    assert not await letters.replay(event_id, "tests.newer", now=now)
    replays = await asyncio.gather(*(letters.replay(event_id, PROCESS, now=now) for _ in range(20)))
    assert sorted(replays) == [False] * 19 + [True]
    assert await dead_letters(app) == []
    debt = await take(app, event_id)
    assert (debt.attempts, debt.budget) == (BUDGET + 1, 2 * BUDGET)


async def test_a_debt_that_is_alive_is_not_replayed(app: App) -> None:
    event_id = await owe(app)
    assert not await app.use(DeadLetters).replay(event_id, PROCESS, now=app.clock.now())


async def arm(app: App, event_id: EventId) -> None:
    chore = PeriodicDue(chore=CHORE)
    await app.deliveries.arm(chore, event_id, SUBSCRIPTIONS.named(CHORE), now=app.clock.now())


async def test_arming_twice_or_at_once_is_arming_once(app: App) -> None:
    event_id = EventId(uuid4())
    await asyncio.gather(*(arm(app, event_id) for _ in range(20)))
    (hint,) = await owed(app)
    assert (hint.event_id, hint.subscriber) == (event_id, CHORE)
    debt = await take(app, event_id, CHORE)
    await arm(app, event_id)
    assert await owed(app) == []
    await app.deliveries.rearm(debt, until=app.clock.now() + timedelta(hours=1))
    await arm(app, event_id)
    assert await owed(app) == []


async def test_a_chore_comes_round_with_a_full_budget_and_its_attempts_only_grow(app: App) -> None:
    event_id, budget = EventId(uuid4()), SUBSCRIPTIONS.named(CHORE).budget
    await arm(app, event_id)
    for attempt in range(1, budget + 5):
        debt = await take(app, event_id, CHORE)
        assert (debt.attempts, debt.budget) == (attempt, budget + attempt - 1)
        await app.deliveries.rearm(debt, until=app.clock.now() + timedelta(hours=1))
        assert await claim(app, event_id, CHORE) is None
        app.clock.advance(timedelta(hours=1))


class Newer(PeriodicDue):
    """An event that only a newer version knows."""

    name: ClassVar[str] = "tests.newer"


async def test_what_a_newer_version_owes_is_left_alone(app: App) -> None:
    unknown_event, unknown_subscriber = EventId(uuid4()), EventId(uuid4())
    newer = Subscription("tests.newer", SUBSCRIPTIONS.named(CHORE).subscriber, every=SECOND)
    await app.deliveries.arm(Newer(chore=""), unknown_event, SUBSCRIPTIONS.named(CHORE), now=app.clock.now())
    await app.deliveries.arm(PeriodicDue(chore=""), unknown_subscriber, newer, now=app.clock.now())
    assert await owed(app) == []
    for _ in range(2):
        assert not await app.dispatcher.deliver(unknown_event, CHORE)
        assert not await app.dispatcher.deliver(unknown_subscriber, "tests.newer")
    assert await app.deliveries.bury_exhausted(now=app.clock.now()) == 0
    assert await app.settle() == 0


async def test_events_are_forgotten_when_they_are_old_and_owed_to_nobody(app: App) -> None:
    unpaid = await owe(app)
    async with app.work() as work:
        work.record(TrackLiked(track_id=TrackId(uuid4()), by=AccountId(uuid4())))
        await work.commit()
    log = app.use(EventLog)
    assert await log.trim(before=app.clock.now()) == 0
    assert isinstance(await log.get(unpaid), RevisionReceived)
    assert await log.get(EventId(uuid4())) is None
    app.clock.advance(SECOND)
    assert await log.trim(before=app.clock.now()) == 1
    await app.deliveries.pay(await take(app, unpaid))
    assert await log.trim(before=app.clock.now()) == 1
    assert await log.trim(before=app.clock.now()) == 0
