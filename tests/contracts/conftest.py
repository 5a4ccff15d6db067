"""The worlds that every contract is kept in."""

from collections.abc import AsyncIterator

import pytest
from tests.builders import App
from tests.worlds import postgres_world

from soundgraph.adapters.memory.app import memory_app


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Where a world keeps its truth: the URL of a fresh database, or None for memory."""
    # Made outside the event loop of the test, because making a database runs one of its own.
    url: str | None = None if request.param == "memory" else request.getfixturevalue("database_url")
    return url


@pytest.fixture
async def app(database: str | None) -> AsyncIterator[App]:
    """A fresh world, in memory and on PostgreSQL."""
    if database is None:
        yield memory_app()
    else:
        async with postgres_world(database) as world:
            yield world
