"""Which PostgreSQL servers really run on a cluster, whatever its pid file says."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from soundgraph.adapters.embedded.programs import PostgresError


def servers_on(data: Path) -> list[psutil.Process]:
    """Every PostgreSQL process on the cluster. All of them work in its directory, so the kernel knows."""
    place = str(data.resolve())
    return [process for process in psutil.process_iter() if _is_server_on(process, place)]


def end_servers_on(data: Path) -> None:
    """End the servers of an owner that was killed: politely, then less so. Raises PostgresError if one stays."""
    steps: tuple[tuple[Callable[[psutil.Process], None], float], ...] = (
        (_interrupt, 15.0),
        (psutil.Process.kill, 5.0),
    )
    for end, seconds in steps:
        left = servers_on(data)
        if not left:
            return
        for process in _parents(left):
            try:
                end(process)
            except psutil.NoSuchProcess:
                continue
        if wait_until(lambda: not servers_on(data), seconds):
            return
    pids = ", ".join(str(process.pid) for process in servers_on(data))
    raise PostgresError(f"A PostgreSQL that nobody owns does not stop: end process {pids} and start again.")


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time; it is asked at least once."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _is_server_on(process: psutil.Process, place: str) -> bool:
    try:
        return process.name() == "postgres" and process.cwd() == place
    except psutil.Error:
        # Gone meanwhile, dead and not yet reaped, or another user's: none of these runs on our cluster.
        return False


def _interrupt(process: psutil.Process) -> None:
    process.send_signal(2)


def _parents(servers: list[psutil.Process]) -> list[psutil.Process]:
    """The main processes; their children end with them, or by themselves when their parent was killed."""
    pids = {server.pid for server in servers}
    return [server for server in servers if server.ppid() not in pids]
