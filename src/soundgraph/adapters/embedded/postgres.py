"""The embedded PostgreSQL server: one owner process at a time, its leftovers never trusted.

The process that starts it holds a lock for as long as it runs. Whoever gets that lock therefore knows that any server
still on the cluster is an orphan; whoever does not attaches to the running one through a small state file.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from soundgraph.adapters.embedded.cluster import Cluster, server_environment
from soundgraph.adapters.embedded.locks import FileLock
from soundgraph.adapters.embedded.programs import PostgresError, Programs
from soundgraph.adapters.embedded.servers import end_servers_on, servers_on, wait_until

ADDRESS = "127.0.0.1"

# For one machine and little memory. What is durable stays durable: fsync and full_page_writes keep their defaults.
OPTIONS: Mapping[str, str] = {
    "shared_buffers": "48MB",
    "max_connections": "60",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "4",
    "autovacuum_max_workers": "2",
    "autovacuum_worker_slots": "2",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # The detail of an error quotes stored values.
    "log_error_verbosity": "terse",
}


class _State(msgspec.Struct, frozen=True):
    """What others need to attach. The start time tells the server from a later process with its number."""

    pid: int
    started: float
    port: int


class EmbeddedPostgres:
    """One cluster in `directory` and the server on it; `run` holds its lock and state, `log` what it says.

    A server is started by `start`, answers once `ready`, and is stopped by `stop`. `options` override its settings.
    Raises PostgresError, with what to do, wherever it cannot.
    """

    name = "postgres"
    # Seconds that a stop may take when asked, when hurried, when killed.
    patience = (20.0, 5.0, 5.0)

    def __init__(self, *, directory: Path, run: Path, log: Path, options: Mapping[str, str] | None = None) -> None:
        self.log = log
        self._cluster = Cluster(directory)
        self._options = {**OPTIONS, **(options or {})}
        self._state_file = run / "postgres.json"
        self._lock = FileLock(run / "postgres.lock")
        self._users = FileLock(run / "postgres.users")
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None
        self._known: _State | None = None

    @property
    def dsn(self) -> str:
        """Where the server that this object started listens, as the role that owns the one database."""
        return self._cluster.dsn(ADDRESS, self.port)

    @property
    def port(self) -> int:
        """The port that the server listens on, on the loopback address."""
        assert self._port is not None, "not started"
        return self._port

    @property
    def pid(self) -> int | None:
        """The server's process, while this object runs one."""
        return self._process.pid if self._process is not None else None

    def start(self, wait: float = 10.0) -> None:
        """Start the server, and make the cluster first if there is none. Returns before it answers: see `ready`.

        Waits up to `wait` seconds for another command that uses the cluster, and stops a server nobody owns any more.
        """
        if not self._lock.held and not wait_until(self._lock.try_exclusive, wait):
            raise PostgresError(self._busy())
        try:
            programs = self._cluster.prepare(durable=self._options.get("fsync") != "off")
            end_servers_on(self._cluster.data)
            # A leftover, as no server runs here; PostgreSQL takes a recycled process id in it for a live server.
            (self._cluster.data / "postmaster.pid").unlink(missing_ok=True)
            self._port = self._choose_port()
            self._process = self._spawn(programs)
        except BaseException:
            self._lock.release()
            raise

    def poll(self) -> int | None:
        """The exit status of the server, or None while it runs."""
        return self._process.poll() if self._process is not None else 0

    def ready(self) -> bool:
        """Whether the server accepts connections. The first time, others are told where it is."""
        if self._process is None or self._port is None or self._process.poll() is not None:
            return False
        if self._known is not None and self._known.pid == self._process.pid:
            return True
        lines = _lines(self._cluster.data / "postmaster.pid")
        # The eighth line is the server's own word on its state (LOCK_FILE_LINE_PM_STATUS in miscadmin.h).
        if len(lines) < 8 or lines[0] != str(self._process.pid) or lines[7].strip() != "ready":
            return False
        self._tell(_State(self._process.pid, psutil.Process(self._process.pid).create_time(), self._port))
        return True

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until the server answers; PostgresError with the end of its log if it does not."""
        wait_until(lambda: self.ready() or self.poll() is not None, seconds)
        if not self.ready():
            self.stop()
            tail = "\n".join(_lines(self.log)[-10:])
            raise PostgresError(f"PostgreSQL did not start. The end of {self.log}:\n{tail}")

    def ask_to_stop(self, urgency: int) -> None:
        """Send a stop: 0 rolls back what is open and checkpoints, 1 leaves recovery to the next start, 2 kills."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)[urgency])

    def release(self) -> None:
        """Let others have the cluster, after the server ended."""
        self._process = None
        self._lock.release()

    def stop(self) -> None:
        """Stop the server with growing urgency, then `release`. Nothing happens if it does not run."""
        for urgency, seconds in enumerate(self.patience):
            self.ask_to_stop(urgency)
            if wait_until(lambda: self.poll() is not None, seconds):
                break
        self.release()

    @contextmanager
    def running_or_started(self, wait: float = 30.0) -> Iterator[str]:
        """The DSN, for the duration of a block, of the running server or of our own that ends with the block."""
        deadline = time.monotonic() + wait
        while not self._lock.try_exclusive():
            # An owner of this kind waits for whoever holds this before it stops its server.
            with self._users.waiting(shared=True):
                state = self._running()
                if state is not None:
                    yield self._cluster.dsn(ADDRESS, state.port)
                    return
            if time.monotonic() > deadline:
                raise PostgresError(self._busy())
            time.sleep(0.05)
        try:
            self.start()
            self.wait_ready()
            yield self.dsn
        finally:
            with self._users.waiting():
                self.stop()

    def _busy(self) -> str:
        return (
            f"Process {self._lock.holder()} is using the database in {self._cluster.directory}: "
            "wait for it or stop it, or set SOUNDGRAPH_HOME to another directory."
        )

    def _choose_port(self) -> int:
        """The same port while one owner lives, because its clients know it; else the last one if free; else any."""
        if self._known is not None:
            return self._known.port
        last = self._read_state()
        for port in (last.port if last is not None else 0, 0):
            with socket.socket() as probe:
                # As PostgreSQL does, so that connections in TIME_WAIT do not count as taken.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((ADDRESS, port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
        raise PostgresError(f"No port is free on {ADDRESS}.")

    def _spawn(self, programs: Programs) -> subprocess.Popen[bytes]:
        data = self._cluster.data
        settings = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", str(data), "-h", ADDRESS, "-p", str(self._port), "-k", ""]
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                programs.command(self._cluster.owner, data, "postgres", *place, *settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=server_environment(),
                start_new_session=True,
            )

    def _tell(self, state: _State) -> None:
        self._known = state
        draft = self._state_file.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(state))
        draft.rename(self._state_file)

    def _read_state(self) -> _State | None:
        try:
            return msgspec.json.decode(self._state_file.read_bytes(), type=_State)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _running(self) -> _State | None:
        """The state that was left for us, if the server it tells of lives."""
        state = self._read_state()
        servers = {server.pid: server for server in servers_on(self._cluster.data)} if state is not None else {}
        if state is None or state.pid not in servers or servers[state.pid].create_time() != state.started:
            return None
        return state


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
