"""The contract of `Limiter`, over the in-process twin and Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.memory.limits import MemoryLimiter
from soundgraph.adapters.redis.limits import EPOCH, RedisLimiter, redis_client
from soundgraph.adapters.system import SystemClock
from soundgraph.application.limits import Charge, Limiter, Rule, Verdict

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
RULE = Rule("tests", 5, MINUTE)
OTHER = Rule("others", 2, MINUTE)
HALF_A_MINUTE = Rule("odd", 7, timedelta(seconds=30))
# One comes back every 300 ms, and nothing in the first six seconds.
FAST = Rule("fast", 200, MINUTE)

# In seconds. A machine that is busy with other tests is not a Redis that is away.
PATIENCE = 20.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server(request: pytest.FixtureRequest, kind: str) -> str | None:
    url: str | None = None if kind == "memory" else request.getfixturevalue("redis_url")
    return url


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def limiter(server: str | None, clock: ManualClock) -> AsyncIterator[Limiter]:
    if server is None:
        yield MemoryLimiter(clock)
        return
    client = redis_client(server, timeout=PATIENCE)
    yield RedisLimiter(client, clock=clock, prefix=f"test:{uuid4()}:", timeout=PATIENCE)
    await client.aclose()


async def take(limiter: Limiter, rule: Rule = RULE, subject: str = "ada", cost: int = 1) -> Verdict:
    (verdict,) = await limiter.take([Charge(rule, subject, cost)])
    return verdict


async def admitted(limiter: Limiter, tries: int, rule: Rule = RULE, subject: str = "ada") -> int:
    return sum([(await take(limiter, rule, subject)).allowed for _ in range(tries)])


async def test_a_burst_admits_exactly_as_many_as_the_rule_says(limiter: Limiter) -> None:
    assert [(await take(limiter)).allowed for _ in range(7)] == [True] * 5 + [False] * 2


async def test_what_was_spent_comes_back_one_by_one(limiter: Limiter, clock: ManualClock) -> None:
    assert await admitted(limiter, 9) == 5
    clock.advance(timedelta(seconds=11.999999))
    assert await admitted(limiter, 9) == 0
    clock.advance(timedelta(microseconds=1))
    assert await admitted(limiter, 9) == 1
    clock.advance(24 * SECOND)
    assert await admitted(limiter, 9) == 2
    clock.advance(10 * MINUTE)
    assert await admitted(limiter, 9) == 5


async def test_a_verdict_tells_what_is_left_and_when_to_come_back(limiter: Limiter, clock: ManualClock) -> None:
    first = await take(limiter)
    assert (first.limit, first.remaining, first.reset_after, first.retry_after) == (5, 4, 12 * SECOND, 0 * SECOND)
    assert await admitted(limiter, 4) == 4
    refused = await take(limiter)
    assert (refused.remaining, refused.reset_after, refused.retry_after) == (0, 60 * SECOND, 12 * SECOND)
    clock.advance(5 * SECOND)
    refused = await take(limiter)
    assert (refused.remaining, refused.reset_after, refused.retry_after) == (0, 55 * SECOND, 7 * SECOND)
    clock.advance(refused.retry_after)
    assert (await take(limiter)).allowed


async def test_a_refusal_costs_nothing(limiter: Limiter, clock: ManualClock) -> None:
    await admitted(limiter, 50)
    clock.advance(12 * SECOND)
    assert await admitted(limiter, 50) == 1


async def test_subjects_and_rules_do_not_share(limiter: Limiter) -> None:
    assert await admitted(limiter, 9) == 5
    assert await admitted(limiter, 9, subject="bob") == 5
    assert await admitted(limiter, 9, rule=OTHER) == 2
    assert await admitted(limiter, 9, subject="") == 5
    assert await admitted(limiter, 9, subject="ü\n:" * 400) == 5


async def test_all_charges_are_taken_or_none(limiter: Limiter) -> None:
    both = [Charge(RULE, "ada"), Charge(OTHER, "ada")]
    for left in (1, 0):
        verdicts = await limiter.take(both)
        assert [one.allowed for one in verdicts] == [True, True]
        assert verdicts[1].remaining == left
    verdicts = await limiter.take(both)
    assert [one.allowed for one in verdicts] == [True, False]
    assert [one.remaining for one in verdicts] == [3, 0]
    assert [one.rule for one in verdicts] == [RULE, OTHER]
    assert await admitted(limiter, 9) == 3
    assert await limiter.take([]) == []


async def test_big_costs(limiter: Limiter) -> None:
    assert (await take(limiter, cost=3)).remaining == 2
    refused = await take(limiter, cost=3)
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 2, 12 * SECOND)
    assert (await take(limiter, cost=2)).allowed
    assert not (await take(limiter, subject="bob", cost=6)).allowed
    assert not (await take(limiter, subject="bob", cost=10**6)).allowed
    assert (await take(limiter, subject="bob", cost=5)).allowed


async def test_what_is_given_back_can_be_taken_again(limiter: Limiter) -> None:
    assert await admitted(limiter, 9) == 5
    await limiter.give_back(Charge(RULE, "ada", 2))
    assert await admitted(limiter, 9) == 2
    for _ in range(9):
        await limiter.give_back(Charge(RULE, "ada"))
    assert await admitted(limiter, 9) == 5


async def test_a_race_admits_exactly_as_many_as_the_rule_says(limiter: Limiter) -> None:
    verdicts = await asyncio.gather(*(take(limiter, subject="race") for _ in range(50)))
    assert sorted(one.remaining for one in verdicts if one.allowed) == [0, 1, 2, 3, 4]


async def test_a_clock_set_back_locks_nobody_out(limiter: Limiter, clock: ManualClock) -> None:
    assert await admitted(limiter, 9) == 5
    clock.advance(-SECOND)
    assert (await take(limiter)).retry_after == 12 * SECOND
    clock.advance(timedelta(days=-1))
    assert await admitted(limiter, 9) == 5


async def test_a_period_that_does_not_divide_admits_no_more(limiter: Limiter, clock: ManualClock) -> None:
    assert await admitted(limiter, 20, HALF_A_MINUTE) == 7
    clock.advance(timedelta(seconds=30))
    assert await admitted(limiter, 20, HALF_A_MINUTE) == 7


async def test_during_a_hold_nothing_comes_back_and_at_its_end_all_that_would_have(
    limiter: Limiter, clock: ManualClock
) -> None:
    assert (await take(limiter, FAST, cost=100)).remaining == 100
    clock.advance(timedelta(seconds=5.999999))
    assert await admitted(limiter, 110, FAST) == 100
    refused = await take(limiter, FAST)
    assert (refused.remaining, refused.retry_after) == (0, timedelta(microseconds=1))
    assert refused.reset_after == timedelta(seconds=54.000001)
    clock.advance(refused.retry_after)
    assert await admitted(limiter, 30, FAST) == 20
    # From then on one by one.
    assert (await take(limiter, FAST)).retry_after == timedelta(milliseconds=300)
    clock.advance(SECOND)
    assert await admitted(limiter, 30, FAST) == 3


async def test_a_refusal_during_a_hold_waits_for_its_end(limiter: Limiter, clock: ManualClock) -> None:
    assert (await take(limiter, FAST, cost=200)).allowed
    clock.advance(2 * SECOND)
    assert (await take(limiter, FAST)).retry_after == 4 * SECOND
    assert (await take(limiter, FAST, cost=50)).retry_after == 13 * SECOND
    clock.advance(13 * SECOND)
    assert (await take(limiter, FAST, cost=50)).allowed


async def test_little_is_back_at_the_end_of_the_hold(limiter: Limiter, clock: ManualClock) -> None:
    first = await take(limiter, FAST)
    assert (first.remaining, first.reset_after) == (199, 6 * SECOND)
    clock.advance(4 * SECOND)
    second = await take(limiter, FAST)
    assert (second.remaining, second.reset_after) == (198, 2 * SECOND)
    clock.advance(2 * SECOND)
    # Whoever has everything and takes something is held anew.
    assert (await take(limiter, FAST)).remaining == 199
    clock.advance(SECOND)
    assert (await take(limiter, FAST)).remaining == 198


async def test_what_is_given_back_during_a_hold_can_be_taken_again(limiter: Limiter, clock: ManualClock) -> None:
    assert (await take(limiter, FAST, cost=200)).allowed
    clock.advance(2 * SECOND)
    await limiter.give_back(Charge(FAST, "ada"))
    assert await admitted(limiter, 3, FAST) == 1
    await limiter.give_back(Charge(FAST, "ada", 200))
    # Nothing is left of the hold either.
    assert (await take(limiter, FAST)).reset_after == 6 * SECOND
    await limiter.give_back(Charge(FAST, "ada", 200))
    clock.advance(5 * SECOND)
    assert (await take(limiter, FAST)).reset_after == 6 * SECOND


async def test_a_clock_set_back_during_a_hold_locks_nobody_out(limiter: Limiter, clock: ManualClock) -> None:
    assert (await take(limiter, FAST, cost=200)).allowed
    clock.advance(-SECOND)
    assert (await take(limiter, FAST)).retry_after == 6 * SECOND
    clock.advance(timedelta(days=-1))
    assert (await take(limiter, FAST)).remaining == 199


async def test_on_a_running_clock_one_more_is_refused(server: str | None) -> None:
    client = None if server is None else redis_client(server, timeout=PATIENCE)
    limiter: Limiter = (
        MemoryLimiter(SystemClock())
        if client is None
        else RedisLimiter(client, prefix=f"t:{uuid4()}:", timeout=PATIENCE)
    )
    # One comes back every half a second, and nothing in the first minute.
    rule, begun = Rule("running", 1_200, 10 * MINUTE), time.monotonic()
    assert await admitted(limiter, 600, rule) == 600
    await asyncio.sleep(1.1)
    assert await admitted(limiter, 600, rule) == 600
    refused = await take(limiter, rule)
    taken = time.monotonic() - begun
    assert not refused.allowed
    assert 59 - taken < refused.retry_after.total_seconds() < 59
    if client is not None:
        await client.aclose()


@dataclass
class Bucket:
    """The reference: a bucket from which one leaks in every interval, but nothing in the hold after it was empty."""

    rule: Rule
    level: int = 0
    now: int = 0
    since: int = 0
    leaked_at: int = 0

    def wait(self, microseconds: int) -> None:
        """Let time pass."""
        self.now += microseconds
        if self.now >= self.since + self.rule.hold:
            self.level = max(0, self.level - (self.now - self.leaked_at))
            self.leaked_at = self.now
        self._empty()

    def pour(self, cost: int) -> bool:
        """Whether so much fits, or is poured out again."""
        level = self.level + cost * self.rule.interval
        if fits := level <= self.rule.burst:
            self.level = max(0, level)
        self._empty()
        return fits

    def _empty(self) -> None:
        if self.level == 0:
            self.since = self.leaked_at = self.now

    @property
    def empty_in(self) -> int:
        """After how many microseconds it is empty."""
        return max(self.leaked_at + self.level, self.since + self.rule.hold) - self.now if self.level else 0

    @property
    def room(self) -> int:
        """How many still fit."""
        return (self.rule.burst - self.level) // self.rule.interval


COSTS = st.integers(1, 8) | st.integers(-3, -1) | st.just(40)
STEPS = st.lists(st.tuples(st.integers(0, 40_000_000) | st.integers(0, 4_000_000), COSTS), max_size=40)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 7) | st.integers(1, 100), steps=STEPS)
async def test_it_is_a_bucket_that_leaks(server: str | None, limit: int, steps: list[tuple[int, int]]) -> None:
    rule, clock = Rule("leaky", limit, timedelta(seconds=60)), ManualClock()
    client = None if server is None else redis_client(server, timeout=PATIENCE)
    counting = (
        MemoryLimiter(clock)
        if client is None
        else RedisLimiter(client, clock=clock, prefix=f"t:{uuid4()}:", timeout=PATIENCE)
    )
    bucket = Bucket(rule)
    for wait, cost in steps:
        clock.advance(timedelta(microseconds=wait))
        bucket.wait(wait)
        fits = bucket.pour(cost)
        if cost < 0:
            await counting.give_back(Charge(rule, "ada", -cost))
            continue
        verdict = await take(counting, rule, cost=cost)
        assert (verdict.allowed, verdict.remaining) == (fits, bucket.room)
        assert verdict.reset_after == timedelta(microseconds=bucket.empty_in)
        if not fits and cost <= limit:
            # The wait is the real one: a moment before its end it is refused still, and then no more.
            moment = timedelta(microseconds=1)
            clock.advance(verdict.retry_after - moment)
            assert not (await take(counting, rule, cost=cost)).allowed
            clock.advance(moment)
            bucket.wait(verdict.retry_after // moment)
            assert bucket.pour(cost)
            assert (await take(counting, rule, cost=cost)).allowed
    if client is not None:
        await client.aclose()


async def test_the_twin_forgets_what_has_come_back(clock: ManualClock) -> None:
    limiter = MemoryLimiter(clock)
    for number in range(5_000):
        clock.advance(timedelta(milliseconds=100))
        assert (await take(limiter, subject=str(number))).allowed
    # Everything comes back within 12 seconds, that is 120 subjects later.
    assert len(limiter) < 1_100
    for number in range(5_000):
        await take(limiter, subject=f"right {number}")
        await limiter.give_back(Charge(RULE, f"right {number}"))
    assert len(limiter) < 1_100


async def test_the_twin_forgets_nobody_who_is_held(clock: ManualClock) -> None:
    limiter = MemoryLimiter(clock)
    assert (await take(limiter, FAST)).allowed
    clock.advance(5 * SECOND)
    for number in range(5_000):
        await take(limiter, FAST, subject=str(number))
    assert (await take(limiter, FAST)).remaining == 198


async def test_redis_forgets_what_has_come_back(redis_url: str) -> None:
    client, prefix = redis_client(redis_url, timeout=PATIENCE), f"test:{uuid4()}:"
    limiter = RedisLimiter(client, prefix=prefix, timeout=PATIENCE)
    await take(limiter)
    (key,) = await client.keys(f"{prefix}*")
    assert 11_000 < await client.pttl(key) <= 12_001
    await limiter.give_back(Charge(RULE, "ada"))
    assert await client.keys(f"{prefix}*") == []
    # What is held is kept until the end of the hold.
    await take(limiter, FAST)
    (key,) = await client.keys(f"{prefix}*")
    assert 5_000 < await client.pttl(key) <= 6_001
    await limiter.give_back(Charge(FAST, "ada", 200))
    assert await client.keys(f"{prefix}*") == []
    await client.aclose()


async def test_what_an_older_version_stored_counts(redis_url: str, clock: ManualClock) -> None:
    client, prefix = redis_client(redis_url, timeout=PATIENCE), f"test:{uuid4()}:"
    limiter = RedisLimiter(client, clock=clock, prefix=prefix, timeout=PATIENCE)
    await take(limiter, FAST)
    (key,) = await client.keys(f"{prefix}*")
    now = (clock.now() - EPOCH) // timedelta(microseconds=1)
    # A lone number: the moment at which everything will have come back. Nothing of it is held.
    await client.set(key, str(now + 150 * FAST.interval))
    clock.advance(timedelta(milliseconds=300))
    assert (await take(limiter, FAST)).remaining == 50
    assert await admitted(limiter, 60, FAST) == 50
    assert (await take(limiter, FAST)).retry_after == timedelta(milliseconds=300)
    for nonsense in ("", "x", "-1", "1:2:3", "nan"):
        await client.set(key, nonsense)
        assert (await take(limiter, FAST)).remaining == 199
    await client.aclose()


async def test_processes_agree_by_the_time_of_redis(redis_url: str) -> None:
    clients, prefix = [redis_client(redis_url, timeout=PATIENCE) for _ in range(4)], f"test:{uuid4()}:"
    limiters = [RedisLimiter(one, prefix=prefix, timeout=PATIENCE) for one in clients]
    rule = Rule("shared", 20, timedelta(hours=1))
    verdicts = await asyncio.gather(*(take(limiters[number % 4], rule) for number in range(200)))
    assert sum(one.allowed for one in verdicts) == 20
    for client in clients:
        await client.aclose()
