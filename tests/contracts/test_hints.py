"""The contract of `Hints`, over nothing, NOTIFY and a Redis broker: sending never fails, waits or promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from dramatiq.brokers.redis import RedisBroker

from soundgraph.adapters.memory.deliveries import NoHints
from soundgraph.adapters.postgres.deliveries import NotifyHints
from soundgraph.adapters.postgres.engine import write_engine
from soundgraph.adapters.postgres.wakeups import listen
from soundgraph.adapters.redis.hints import BrokerHints, redis_broker
from soundgraph.application.deliveries import Hint, Hints
from soundgraph.domain.ids import EventId

SECONDS = 10
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def a_hint() -> Hint:
    return Hint(EventId(uuid4()), "tests.subscriber", "mail")


@dataclass
class Line:
    """Hints, and how to wait until something of them has arrived."""

    hints: Hints
    arrived: Callable[[], Awaitable[None]]


@asynccontextmanager
async def notify_line(url: str) -> AsyncIterator[Line]:
    engine, woken, connected = write_engine(url, size=2), asyncio.Event(), asyncio.Event()

    def wake() -> None:
        # The first is for having connected.
        (woken if connected.is_set() else connected).set()

    listening = asyncio.create_task(listen(url, wake))
    try:
        await asyncio.wait_for(connected.wait(), SECONDS)

        async def arrived() -> None:
            await woken.wait()

        yield Line(NotifyHints(engine), arrived)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await engine.dispose()


@asynccontextmanager
async def broker_line(url: str) -> AsyncIterator[Line]:
    broker = redis_broker(url, ["mail"], [])
    assert isinstance(broker, RedisBroker)

    async def arrived() -> None:
        while not await asyncio.to_thread(broker.client.llen, "dramatiq:mail"):
            await asyncio.sleep(0)

    try:
        yield Line(BrokerHints(broker), arrived)
    finally:
        broker.flush_all()
        broker.close()


@pytest.mark.parametrize("kind", ["postgres", "redis"])
async def test_what_is_sent_arrives(kind: str, url: str) -> None:
    async with notify_line(url) if kind == "postgres" else broker_line(url) as line:
        line.hints.send([a_hint(), a_hint()])
        await asyncio.wait_for(line.arrived(), SECONDS)


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str) -> str:
    # Made outside the event loop of the test, because making a database runs one of its own.
    return str(request.getfixturevalue("database_url" if kind == "postgres" else "redis_url"))


@pytest.mark.parametrize("kind", ["memory", "postgres", "redis"])
async def test_sending_nothing_or_where_nobody_is_harms_nobody(kind: str) -> None:
    made: dict[str, Callable[[], Hints]] = {
        "memory": NoHints,
        "postgres": lambda: NotifyHints(write_engine(NOWHERE, size=1)),
        "redis": lambda: BrokerHints(redis_broker("redis://127.0.0.1:1/0", ["mail"], [])),
    }
    hints = made[kind]()
    hints.send([])
    hints.send([a_hint()])
    # Whatever was begun in the background ends, and raises nothing that anybody would have to catch.
    begun = asyncio.all_tasks() - {asyncio.current_task()}
    for outcome in await asyncio.wait_for(asyncio.gather(*begun, return_exceptions=True), SECONDS):
        assert outcome is None
