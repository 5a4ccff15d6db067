"""What runs for these tests: one served product for all of them, and a deployment for the tests that stop workers."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.e2e.product import Deployed, Person, Served
from tests.ports import free_port
from tests.redis_servers import RedisServer


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
def deployment(
    tmp_path_factory: pytest.TempPathFactory, lasting_database_url: str, broker: RedisServer
) -> Iterator[Deployed]:
    """`soundgraph api` on a database and a Redis of its own. The tests start its workers."""
    home = tmp_path_factory.mktemp("deployed") / "home"
    with closing(Deployed(home, free_port(), lasting_database_url, broker.url)) as deployed:
        yield deployed
