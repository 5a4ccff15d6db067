"""What the limiter does while Redis is away, and when it is back."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.redis_servers import RedisServer

from soundgraph.adapters.redis.limits import RedisLimiter, redis_client
from soundgraph.application.limits import Charge, Rule
from soundgraph.domain.errors import Unavailable

RULE = Rule("tests", 3, timedelta(hours=1))
ADA = [Charge(RULE, "ada")]
PAUSE = 0.5


@pytest.fixture
async def limiter(redis_server: RedisServer) -> AsyncIterator[RedisLimiter]:
    client = redis_client(redis_server.url)
    limiter = RedisLimiter(client, pause=PAUSE)
    assert (await limiter.take(ADA))[0].remaining == 2
    yield limiter
    await client.aclose()


async def refused(limiter: RedisLimiter) -> float:
    """How many seconds it took to be told that nobody counts."""
    begun = time.perf_counter()
    with pytest.raises(Unavailable) as away:
        await limiter.take(ADA)
    assert (away.value.code, away.value.retry_after) == ("limits_away", 5)
    return time.perf_counter() - begun


async def returned(limiter: RedisLimiter) -> int:
    """What is left once Redis answers again."""
    async with asyncio.timeout(10):
        while True:
            try:
                return (await limiter.take(ADA))[0].remaining
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_one_caller_finds_out_and_the_others_are_told_at_once(
    limiter: RedisLimiter, redis_server: RedisServer
) -> None:
    redis_server.stop()
    await refused(limiter)
    assert sorted(await asyncio.gather(*(refused(limiter) for _ in range(100))))[90] < 0.1
    with pytest.raises(Unavailable):
        await limiter.give_back(ADA[0])
    redis_server.start()
    # Nothing was kept, and nothing had to be: the script is loaded again, and counting begins anew.
    assert await returned(limiter) == 2


async def test_a_redis_that_does_not_answer_costs_a_quarter_of_a_second_once(
    limiter: RedisLimiter, redis_server: RedisServer
) -> None:
    assert redis_server.process
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        assert 0.2 < await refused(limiter) < 1
        assert max(await asyncio.gather(*(refused(limiter) for _ in range(20)))) < 0.1
        await asyncio.sleep(PAUSE)
        # One of these tries again.
        taken = sorted(await asyncio.gather(*(refused(limiter) for _ in range(20))))
        assert taken[-2] < 0.1 < taken[-1]
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)
    assert await returned(limiter) < 2


async def test_a_flush_loses_the_script_and_the_counts_and_nothing_else(
    limiter: RedisLimiter, redis_server: RedisServer
) -> None:
    client = redis_client(redis_server.url)
    await client.flushall()
    await client.script_flush()
    assert (await limiter.take(ADA))[0].remaining == 2
    await client.aclose()


async def test_a_server_that_is_not_there_at_all() -> None:
    client = redis_client("redis://127.0.0.1:1/0")
    assert await refused(RedisLimiter(client)) < 1
    await client.aclose()
