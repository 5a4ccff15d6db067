"""The contract of `Limiter`, over the in-process twin and Redis."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.memory.limits import MemoryLimiter
from soundgraph.adapters.redis.limits import RedisLimiter, redis_client
from soundgraph.application.limits import Charge, Limiter, Rule, Verdict

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
RULE = Rule("tests", 5, MINUTE)
OTHER = Rule("others", 2, MINUTE)
HALF_A_MINUTE = Rule("odd", 7, timedelta(seconds=30))


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


STEPS = st.lists(st.tuples(st.integers(0, 40_000_000), st.integers(1, 8)), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 7), steps=STEPS)
async def test_it_is_a_bucket_that_leaks(server: str | None, limit: int, steps: list[tuple[int, int]]) -> None:
    """The reference: a bucket of `limit`, from which one leaks in every interval."""
    rule, clock = Rule("leaky", limit, timedelta(seconds=60)), ManualClock()
    client = None if server is None else redis_client(server, timeout=PATIENCE)
    counting = (
        MemoryLimiter(clock)
        if client is None
        else RedisLimiter(client, clock=clock, prefix=f"t:{uuid4()}:", timeout=PATIENCE)
    )
    level = Fraction(0)
    for wait, cost in steps:
        clock.advance(timedelta(microseconds=wait))
        level = max(Fraction(0), level - Fraction(wait, rule.interval))
        fits = level + cost <= limit
        level += cost if fits else 0
        verdict = await take(counting, rule, cost=cost)
        assert (verdict.allowed, verdict.remaining) == (fits, int(limit - level))
        assert verdict.reset_after / timedelta(microseconds=1) == level * rule.interval
    if client is not None:
        await client.aclose()


async def test_the_twin_forgets_what_has_come_back(clock: ManualClock) -> None:
    limiter = MemoryLimiter(clock)
    for number in range(5_000):
        clock.advance(timedelta(milliseconds=100))
        assert (await take(limiter, subject=str(number))).allowed
    # Everything comes back within 12 seconds, that is 120 subjects later.
    assert len(limiter) < 1_100


async def test_redis_forgets_what_has_come_back(redis_url: str) -> None:
    client, prefix = redis_client(redis_url, timeout=PATIENCE), f"test:{uuid4()}:"
    limiter = RedisLimiter(client, prefix=prefix, timeout=PATIENCE)
    await take(limiter)
    (key,) = await client.keys(f"{prefix}*")
    assert 11_000 < await client.pttl(key) <= 12_001
    await limiter.give_back(Charge(RULE, "ada"))
    assert await client.keys(f"{prefix}*") == []
    await client.aclose()


async def test_processes_agree_by_the_time_of_redis(redis_url: str) -> None:
    clients, prefix = [redis_client(redis_url, timeout=PATIENCE) for _ in range(4)], f"test:{uuid4()}:"
    limiters = [RedisLimiter(one, prefix=prefix, timeout=PATIENCE) for one in clients]
    rule = Rule("shared", 20, timedelta(hours=1))
    verdicts = await asyncio.gather(*(take(limiters[number % 4], rule) for number in range(200)))
    assert sum(one.allowed for one in verdicts) == 20
    for client in clients:
        await client.aclose()
