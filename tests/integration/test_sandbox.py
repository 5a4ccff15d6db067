"""What children do to themselves before they open a stranger's file: no network, and no life beyond their parent's."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.e2e.product import eventually, gone

from soundgraph.adapters.sandbox.scratch import scratch_directory

IMPORT = "from soundgraph.adapters.sandbox.restraint import die_with, isolate, lower\n"
CALL_HOME = IMPORT + "isolate()\nimport socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n"
LIVE = IMPORT + "import os, sys, time\ndie_with(int(sys.argv[1]))\nprint('alive', flush=True)\ntime.sleep(60)\n"
RAISE = (
    IMPORT
    + """
from resource import RLIMIT_NOFILE as FILES, getrlimit
lower(FILES, 9, 9)
lower(FILES, 20, 20)
print(getrlimit(FILES))
"""
)
FATHER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def may_unshare() -> bool:
    """Whether this kernel lets a process leave the network; asked in a child, for there is no way back."""
    asked = "import ctypes, sys\nsys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)\n"
    return hasattr(ctypes.CDLL(None), "unshare") and run(asked).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="this kernel lets nobody leave the network")
def test_nothing_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.5)
        failed = run(CALL_HOME, listening.getsockname()[1])
        assert failed.returncode == 1
        assert "OSError" in failed.stderr
        with pytest.raises(TimeoutError):
            listening.accept()


def test_it_dies_with_its_parent() -> None:
    father = subprocess.Popen([sys.executable, "-c", FATHER, LIVE], stdout=subprocess.PIPE, text=True)
    assert father.stdout is not None
    said = {father.stdout.readline().strip() for _ in range(2)}
    assert "alive" in said
    child = psutil.Process(int(next(one for one in said if one != "alive")))
    os.kill(father.pid, signal.SIGKILL)
    father.wait(10)
    eventually(lambda: gone([child]), 10, hoping="that it ends with its parent")
    father.stdout.close()


def test_it_does_not_begin_when_its_parent_is_gone_already() -> None:
    assert run(LIVE, 1).returncode == 1


def test_it_dies_when_the_pipe_from_its_parent_closes() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", LIVE, str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(10) == 1


def test_a_limit_is_never_raised_again() -> None:
    assert run(RAISE).stdout.strip() == "(9, 9)"


async def test_what_dead_processes_left_is_swept_and_what_live_ones_use_is_not(tmp_path: Path) -> None:
    dead = tmp_path / "job-dead"
    dead.mkdir()
    (dead / "original").write_bytes(b"half")
    async with scratch_directory(tmp_path) as mine, scratch_directory(tmp_path) as other:
        assert sorted(tmp_path.iterdir()) == sorted([mine, other])
    assert list(tmp_path.iterdir()) == []
