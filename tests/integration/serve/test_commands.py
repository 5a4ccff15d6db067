"""The commands as typed: what they refuse, and that a refusal is a sentence and no traceback."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from soundgraph.adapters.embedded.locks import FileLock
from soundgraph.adapters.embedded.servers import servers_on, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("serve")]
HERE = Path(__file__).parent
DATABASE = {"SOUNDGRAPH_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x"}


def soundgraph(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDGRAPH_")}
    return subprocess.run(
        [sys.executable, "-m", "soundgraph.entrypoints.cli.main", *arguments],
        env={**others, "SOUNDGRAPH_HOME": str(home), "NO_COLOR": "1", **environ},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_command(tmp_path: Path) -> None:
    said = soundgraph(tmp_path, "--help").stdout
    for command in ("serve", "api", "worker", "migrate", "keys", "doctor", "admin"):
        assert f" {command} " in said


def test_keys_are_made_and_named(tmp_path: Path) -> None:
    first, second = soundgraph(tmp_path, "keys"), soundgraph(tmp_path, "keys")
    assert str(tmp_path / "keys") in first.stdout
    assert first.stdout == second.stdout
    assert (tmp_path / "keys" / "signing.pem").exists()


@pytest.mark.parametrize(
    ("arguments", "environ", "reason"),
    [
        (["serve"], {"SOUNDGRAPH_PRT": "1"}, "Did you mean SOUNDGRAPH_PORT?"),
        (["serve"], {"SOUNDGRAPH_PORT": "x"}, "SOUNDGRAPH_PORT is 'x'"),
        (["api"], {}, "SOUNDGRAPH_DATABASE_URL is not set"),
        (["api", "--processes", "2"], DATABASE, "2 processes need SOUNDGRAPH_REDIS_URL"),
        (["worker"], {"SOUNDGRAPH_ENV": "production"}, "SOUNDGRAPH_DATABASE_URL is required in production"),
    ],
)
def test_a_refusal_is_a_sentence(tmp_path: Path, arguments: list[str], environ: dict[str, str], reason: str) -> None:
    run = soundgraph(tmp_path, *arguments, **environ)
    assert run.returncode == 1
    assert run.stderr.startswith("soundgraph: ")
    assert reason in run.stderr
    assert "Traceback" not in run.stderr


def test_migrating_brings_its_own_database_and_takes_it_away(tmp_path: Path) -> None:
    for _ in range(2):
        run = soundgraph(tmp_path, "migrate")
        assert run.returncode == 0, run.stderr
    assert not servers_on(tmp_path / "postgres" / "data")


@pytest.mark.parametrize("command", ["serve", "api", "worker", "migrate"])
def test_a_child_whose_supervisor_is_gone_ends(tmp_path: Path, command: str) -> None:
    run = soundgraph(tmp_path, command, SOUNDGRAPH_SUPERVISED="1")
    assert "process 1, which started this one, is gone" in run.stderr
    assert run.returncode == 1


def test_the_application_is_made_once_the_gate_is_open(tmp_path: Path) -> None:
    gate = FileLock(tmp_path / "gate")
    code = (
        "import os; from soundgraph.entrypoints.cli.api import load; "
        "print('made', load(os.getppid(), 'standin:create').__name__)"
    )
    with gate.waiting():
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "SOUNDGRAPH_GATE": str(gate.path), "PYTHONPATH": str(HERE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert not wait_until(lambda: child.poll() is not None, 0.5)
    said, _ = child.communicate(timeout=20)
    assert said == "made app\n"


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert two.holder() is None
    assert one.try_exclusive()
    assert not two.try_exclusive()
    assert two.holder() == os.getpid()
    threading.Timer(0.1, one.release).start()
    with two.waiting(shared=True):
        assert not one.held
    one.release()
