"""`serve` as a person meets it: real processes on a data directory of their own, started, killed, and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.ports import free_port

from soundgraph.adapters.embedded.servers import wait_until

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("serve")]
STANDIN = Path(__file__).with_name("standin.py")


class Serving:
    """One `serve` and what it says."""

    def __init__(self, home: Path, port: int, **environ: str) -> None:
        self.home, self.port = home, port
        self.output = home.with_name(f"{home.name}-{time.monotonic_ns()}.txt")
        mine = {"SOUNDGRAPH_HOME": str(home), "SOUNDGRAPH_PORT": str(port)}
        others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDGRAPH_")}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(STANDIN), "serve"],
                env={**others, **mine, **environ},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def wait_ready(self) -> "Serving":
        assert wait_until(lambda: "soundgraph is ready." in self.said or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.said
        return self

    def wait(self, seconds: float = 20.0) -> int:
        return self.process.wait(seconds)

    def family(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def child(self, name: str) -> psutil.Process:
        for child in psutil.Process(self.process.pid).children():
            if child.name() == name or name in child.cmdline():
                return child
        raise AssertionError(f"{name} does not run")

    def has(self, name: str, *, other_than: int = 0) -> bool:
        children = psutil.Process(self.process.pid).children()
        try:
            named = [child for child in children if child.name() == name or name in child.cmdline()]
        except psutil.Error:
            return False
        return any(child.pid != other_than for child in named)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def dsn(self) -> str:
        port = self.said.split("embedded PostgreSQL on port ")[1].split(";")[0]
        password = (self.home / "postgres" / "password").read_text()
        return f"postgresql://soundgraph:{password}@127.0.0.1:{port}/soundgraph"


def gone(processes: list[psutil.Process]) -> bool:
    # What was reparented may be waited for by nobody; a zombie holds nothing.
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serve(tmp_path: Path, port: int) -> Iterator[Callable[..., Serving]]:
    started: list[Serving] = []

    def start(home: str = "home", port: int = port, **environ: str) -> Serving:
        started.append(Serving(tmp_path / home, port, **environ))
        return started[-1]

    yield start
    for serving in started:
        if serving.process.poll() is None:
            serving.process.send_signal(signal.SIGTERM)
        serving.process.wait(20)


def test_it_says_where_everything_is_and_how_to_stop(serve: Callable[..., Serving]) -> None:
    serving = serve().wait_ready()
    said = serving.said
    for expected in (
        f"http://127.0.0.1:{serving.port}",
        f"http://127.0.0.1:{serving.port}/docs",
        str(serving.home / "mail"),
        str(serving.home / "logs"),
        "Ctrl-C stops everything",
        f"kill {serving.process.pid}",
    ):
        assert expected in said
    assert serving.answers()


@pytest.fixture(autouse=True)
def hangup() -> Iterator[None]:
    """Whoever runs the tests under nohup has them ignore SIGHUP, and so has every command that they start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_leaves_no_process(serve: Callable[..., Serving], number: signal.Signals) -> None:
    serving = serve().wait_ready()
    family = serving.family()
    assert len(family) > 5
    serving.process.send_signal(number)
    assert serving.wait() == 0
    assert gone(family)
    said = serving.said
    assert said.index("Stopping api and worker …") < said.index("Stopping postgres …") < said.index("Stopped.")


@pytest.mark.parametrize("name", ["postgres", "worker", "api"])
def test_a_killed_child_is_started_again(serve: Callable[..., Serving], name: str) -> None:
    serving = serve().wait_ready()
    old = serving.child(name).pid
    os.kill(old, signal.SIGKILL)
    assert wait_until(lambda: serving.has(name, other_than=old), 10)
    assert wait_until(serving.answers, 10)
    assert f"{name} ended (killed by SIGKILL); starting it again" in serving.said


def test_a_killed_server_process_is_started_again(serve: Callable[..., Serving]) -> None:
    serving = serve().wait_ready()
    for process in serving.child("api").children():
        process.kill()
    assert wait_until(serving.answers, 10)


async def test_a_killed_postgres_comes_back_where_it_was(serve: Callable[..., Serving]) -> None:
    serving = serve().wait_ready()
    dsn, old = serving.dsn(), serving.child("postgres").pid
    os.kill(old, signal.SIGKILL)
    assert wait_until(lambda: serving.has("postgres", other_than=old), 10)
    assert await _eventually(dsn, "SELECT 1") == 1


def test_killing_serve_takes_everything_along(serve: Callable[..., Serving]) -> None:
    serving = serve().wait_ready()
    family = serving.family()
    serving.process.kill()
    assert wait_until(lambda: gone(family), 2)
    assert not serving.answers()
    again = serve().wait_ready()
    assert again.answers()


async def test_killing_everything_loses_nothing_committed(serve: Callable[..., Serving]) -> None:
    serving = serve().wait_ready()
    await _eventually(serving.dsn(), "CREATE TABLE kept AS SELECT 1 AS one")
    family = serving.family()
    for process in family:
        if process.is_running():
            process.kill()
    serving.wait()
    assert wait_until(lambda: gone(family), 5)
    again = serve().wait_ready()
    assert await _eventually(again.dsn(), "SELECT one FROM kept") == 1


def test_a_second_serve_on_the_same_directory_is_refused(serve: Callable[..., Serving]) -> None:
    first = serve().wait_ready()
    started = time.monotonic()
    second = serve(port=first.port + 1)
    assert second.wait() == 1
    assert time.monotonic() - started < 3
    assert f"already runs on {first.home}, as process {first.process.pid}" in second.said
    assert f"kill {first.process.pid}" in second.said
    assert "SOUNDGRAPH_HOME=" in second.said
    assert first.answers()


def test_a_port_in_use_is_refused_before_anything_starts(serve: Callable[..., Serving]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        serving = serve(port=port)
        assert serving.wait() == 1
    assert f"Port {port} on 127.0.0.1 cannot be used: address already in use" in serving.said
    assert "SOUNDGRAPH_PORT=" in serving.said
    assert not (serving.home / "postgres").exists()


def test_an_unknown_host_is_refused(serve: Callable[..., Serving]) -> None:
    serving = serve(SOUNDGRAPH_HOST="no.such.host.invalid")
    assert serving.wait() == 1
    assert "SOUNDGRAPH_HOST is 'no.such.host.invalid'" in serving.said


def test_a_failed_migration_ends_the_start(serve: Callable[..., Serving]) -> None:
    serving = serve(STANDIN_FAILS="migrate")
    assert serving.wait() == 1
    assert "migrate failed." in serving.said
    assert "asked to fail" in serving.said
    assert "Stopping postgres" in serving.said


def test_a_database_that_is_set_is_used(serve: Callable[..., Serving]) -> None:
    serving = serve(SOUNDGRAPH_DATABASE_URL="postgresql://u:p@127.0.0.1:1/x").wait_ready()
    assert "as set by SOUNDGRAPH_DATABASE_URL" in serving.said
    assert not serving.has("postgres")


async def _eventually(dsn: str, statement: str, seconds: float = 10.0) -> object:
    """Run a statement once the server is back; clients see refusals while it recovers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()
