"""The supervisor with tiny children: order, readiness, restarts, stops."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from soundgraph.adapters.embedded.servers import wait_until
from soundgraph.entrypoints.cli.command import Command, tail, trim_log
from soundgraph.entrypoints.cli.supervisor import StopRequested, Supervisor
from soundgraph.entrypoints.settings import StartupError

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("serve")]

SLEEPS = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
# Leaves a child behind when it is killed.
PARENT = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read(); " + SLEEPS


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Command]:
    """Makes a command that runs a line of Python."""

    def make(name: str, code: str, answers: Callable[[], bool] | None = None) -> Command:
        return Command(
            name=name,
            argv=[sys.executable, "-I", "-S", "-c", code],
            log=tmp_path / f"{name}.log",
            environ=dict(os.environ),
            answers=answers,
            patience=(0.5, 1.0, 1.0),
        )

    return make


def alive(pid: int | None) -> bool:
    return pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def request_stop(after: float = 0.0) -> None:
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_it_waits_until_all_are_ready(python: Callable[..., Command]) -> None:
    answers = iter([False, False, True])
    asked = python("api", SLEEPS, lambda: next(answers))
    plain = python("worker", SLEEPS)
    with Supervisor(print) as supervisor:
        supervisor.start(plain, asked)
        supervisor.wait_ready()
        assert next(answers, None) is None
        pids = (asked.pid, plain.pid)
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)


def test_groups_stop_in_reverse_order(python: Callable[..., Command]) -> None:
    said: list[str] = []
    with Supervisor(said.append) as supervisor:
        supervisor.start(python("postgres", SLEEPS))
        supervisor.wait_ready()
        supervisor.start(python("api", SLEEPS))
        supervisor.start(python("worker", SLEEPS), together=True)
    assert said == ["Stopping api and worker …", "Stopping postgres …"]


def test_what_ends_is_started_again_and_said(python: Callable[..., Command]) -> None:
    said: list[str] = []
    worker = python("worker", SLEEPS)
    with suppress(StopRequested), Supervisor(said.append) as supervisor:
        supervisor.start(worker)
        supervisor.wait_ready()
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        request_stop(after=0.6)
        supervisor.watch()
    assert said[0].startswith("worker ended (killed by SIGKILL); starting it again in 0.1 s. Its log: ")
    assert worker.pid is None


def test_what_keeps_ending_is_started_ever_later(python: Callable[..., Command]) -> None:
    said: list[str] = []
    with suppress(StopRequested), Supervisor(said.append) as supervisor:
        supervisor.start(python("worker", "import sys; sys.exit(3)"))
        supervisor.wait_ready()
        request_stop(after=1.2)
        supervisor.watch()
    pauses = [line.split(" in ")[1].split(" s")[0] for line in said if "ended (status 3)" in line]
    assert pauses[:3] == ["0.1", "0.2", "0.4"]


def test_what_never_gets_ready_ends_the_start_with_its_log(python: Callable[..., Command]) -> None:
    api = python("api", "print('no such table', flush=True); raise SystemExit(1)", lambda: False)
    refusal = pytest.raises(StartupError, match=r"api ended \(status 1\), 3 times in a row(.|\n)*no such table")
    with refusal, Supervisor(print) as supervisor:
        supervisor.start(api)
        supervisor.wait_ready()


def test_what_is_too_slow_ends_the_start(python: Callable[..., Command]) -> None:
    api = python("api", SLEEPS, lambda: False)
    with Supervisor(print) as supervisor:
        supervisor.start(api)
        with pytest.raises(StartupError, match="api is not ready after 0 s"):
            supervisor.wait_ready(seconds=0.1)
    assert api.pid is None


def test_a_stop_while_starting_is_a_stop(python: Callable[..., Command]) -> None:
    api = python("api", SLEEPS, lambda: False)
    with Supervisor(print) as supervisor:
        request_stop(after=0.2)
        supervisor.start(api)
        with pytest.raises(StopRequested):
            supervisor.wait_ready()
    assert api.pid is None


def test_one_command_is_run_to_its_end(python: Callable[..., Command], tmp_path: Path) -> None:
    with Supervisor(print) as supervisor:
        supervisor.run(python("migrate", "print('done')"))
        with pytest.raises(StartupError, match=r"migrate failed\.(.|\n)*ZeroDivisionError"):
            supervisor.run(python("migrate", "1 / 0"))
        with pytest.raises(StartupError, match="migrate failed"):
            supervisor.run(python("migrate", SLEEPS), seconds=0.1)
        request_stop(after=0.2)
        with pytest.raises(StopRequested):
            supervisor.run(python("migrate", SLEEPS))


def test_what_ignores_the_request_is_killed(python: Callable[..., Command], tmp_path: Path) -> None:
    deaf = python("deaf", STUBBORN, lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    with Supervisor(print) as supervisor:
        supervisor.start(deaf)
        supervisor.wait_ready()
        pid = deaf.pid
    assert not alive(pid)


def test_a_second_request_hurries(python: Callable[..., Command], tmp_path: Path) -> None:
    deaf = python("deaf", STUBBORN, lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    deaf.patience = (600.0, 1.0, 1.0)
    # Said once the first request is being served.
    with suppress(StopRequested), Supervisor(lambda line: request_stop(after=0.1)) as supervisor:
        supervisor.start(deaf)
        supervisor.wait_ready()
        pid = deaf.pid
        request_stop()
        supervisor.watch()
    assert not alive(pid)


def test_what_a_killed_child_left_goes_with_it(python: Callable[..., Command], tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    api = python("api", PARENT, lambda: bool(log.read_text().strip()))
    with suppress(StopRequested), Supervisor(print) as supervisor:
        supervisor.start(api)
        supervisor.wait_ready()
        grandchild = int(log.read_text())
        assert alive(grandchild)
        assert api.pid is not None
        os.kill(api.pid, signal.SIGKILL)
        request_stop(after=0.5)
        supervisor.watch()
    assert wait_until(lambda: not alive(grandchild), 2)


def test_a_child_that_cannot_be_started_again_is_tried_again(python: Callable[..., Command], tmp_path: Path) -> None:
    said: list[str] = []
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    fleeting = Command(name="fleeting", argv=[str(program), "60"], log=tmp_path / "log", environ=dict(os.environ))
    with suppress(StopRequested), Supervisor(said.append) as supervisor:
        supervisor.start(fleeting)
        supervisor.wait_ready()
        program.unlink()
        assert fleeting.pid is not None
        os.kill(fleeting.pid, signal.SIGKILL)
        request_stop(after=0.5)
        supervisor.watch()
    assert any(line.startswith("fleeting did not start: [Errno 2]") for line in said)


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    with Supervisor(print):
        assert signal.getsignal(signal.SIGINT) != before[0]
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    assert after == before


def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    trim_log(log)
    with log.open("a") as writer:
        writer.write("old\n" * 10)
        writer.flush()
        trim_log(log, limit=100)
        assert log.stat().st_size == 40
        trim_log(log, limit=10)
        writer.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "api.log.1").read_text() == "old\n" * 10


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    assert tail(log) == "    (empty)"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    assert tail(log, lines=2) == "    98\n    99"
