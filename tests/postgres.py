"""Fixtures: a migrated PostgreSQL database of its own for every test.

Load with `pytest_plugins = ["tests.postgres"]`. SOUNDGRAPH_TEST_DATABASE_URL names a server to use (its role must be
able to create databases); else one server from the embedded wheel is shared by all xdist workers of a run.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from soundgraph.adapters.embedded.postgres import EmbeddedPostgres

# Nothing here outlives the run, so nothing needs to survive a power cut.
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
}


class Databases:
    """Creates and drops databases over one connection that lives as long as the session."""

    def __init__(self, url: str) -> None:
        self._url = url
        # A loop of its own: tests come and go with theirs, and setting a current one would disturb them.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection: asyncpg.Connection[asyncpg.Record] = self._runner.run(asyncpg.connect(url))

    def create(self, name: str, *, template: str = "template1") -> str:
        """A new database, a copy of `template`; its URL."""
        # Without fsync, copying files beats writing every page to the log.
        self._runner.run(self._connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'))
        parts = urlsplit(self._url)
        return urlunsplit(parts._replace(path=f"/{name}"))

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._runner.run(self._connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._connection.close())
        self._runner.close()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for this run, as a role that may create databases. Its own database stays empty."""
    given = os.environ.get("SOUNDGRAPH_TEST_DATABASE_URL")
    if given:
        yield given
        return
    home = _shared_by_workers(tmp_path_factory) / "postgres"
    home.mkdir(exist_ok=True)
    server = EmbeddedPostgres(directory=home / "cluster", run=home, log=home / "postgres.log", options=THROWAWAY)
    # The worker that started it waits at the end for the others that use it.
    with server.running_or_started(wait=60.0) as url:
        yield url


@pytest.fixture(scope="session")
def migrate() -> Callable[[str], None]:
    """What turns an empty database into the product's. Imported late: most tests need no database."""
    upgrade: Callable[[str], None] = import_module("soundgraph.adapters.postgres.migrations").upgrade
    return upgrade


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Iterator[Databases]:
    """Creates and drops databases on the server of this run."""
    databases = Databases(postgres_url)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def database_template(databases: Databases, migrate: Callable[[str], None]) -> Iterator[str]:
    """The name of a migrated database that nobody connects to, so that it can be copied."""
    name = f"template_{uuid4().hex}"
    migrate(databases.create(name))
    yield name
    databases.drop(name)


@pytest.fixture
def database_url(databases: Databases, database_template: str) -> Iterator[str]:
    """A fresh, migrated database for one test, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    yield databases.create(name, template=database_template)
    databases.drop(name)


@pytest.fixture(scope="module")
def lasting_database_url(databases: Databases, database_template: str) -> Iterator[str]:
    """A fresh, migrated database for the tests of one module, where what works on it takes long to start."""
    name = f"module_{uuid4().hex}"
    yield databases.create(name, template=database_template)
    databases.drop(name)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A fresh database with nothing in it, for tests of the migrations themselves."""
    name = f"empty_{uuid4().hex}"
    yield databases.create(name)
    databases.drop(name)


def _shared_by_workers(factory: pytest.TempPathFactory) -> Path:
    # xdist gives every worker a directory below one that belongs to the run.
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
