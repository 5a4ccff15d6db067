"""What runs for these tests: one served product for all of them, and a deployment for the tests that stop workers."""

from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from tests.e2e.product import Deployed, Person, Served, free_port
from tests.e2e.redis_server import RedisServer
from tests.postgres import Databases


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`soundgraph serve`, with everything embedded."""
    with closing(Served(tmp_path_factory.mktemp("served") / "home", free_port())) as served:
        served.wait_ready()
        yield served


@pytest.fixture
def ada(product: Served) -> Person:
    return product.join("ada")


@pytest.fixture
def ben(product: Served) -> Person:
    return product.join("ben")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of the deployment."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory,
    databases: Databases,
    migrate: Callable[[str], None],
    broker: RedisServer,
) -> Iterator[Deployed]:
    """`soundgraph api` on a database and a Redis of its own. The tests start its workers."""
    home = tmp_path_factory.mktemp("deployed") / "home"
    name = f"e2e_{uuid4().hex}"
    url = databases.create(name)
    try:
        migrate(url)
        with closing(Deployed(home, free_port(), url, broker.url)) as deployed:
            yield deployed
    finally:
        databases.drop(name)
