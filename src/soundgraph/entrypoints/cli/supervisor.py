"""Keeps services running: starts them in order, restarts those that end, stops them in reverse order.

Everything happens in the main thread, because the death signal that ties children to us follows the thread that started
them, and because Python handles signals there.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol, Self

from soundgraph.adapters.embedded.programs import PostgresError
from soundgraph.entrypoints.cli.command import Command, tail, trim_log
from soundgraph.entrypoints.settings import StartupError

ASK_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 10.0
# A service that lived this long has not crashed "again".
STEADY_SECONDS = 10.0
# So often in a row may a service end before it was ready for the first time.
STARTING_TRIES = 3
HOUSEKEEPING_SECONDS = 60.0


class Service(Protocol):
    """Something that runs until it is stopped, and may end by itself."""

    name: str
    log: Path
    # Seconds to wait after asking, hurrying, killing.
    patience: tuple[float, float, float]

    def start(self) -> None:
        """Start it, or start it again after it ended; returns at once."""

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""

    def ready(self) -> bool:
        """Whether others can use it."""

    def ask_to_stop(self, urgency: int) -> None:
        """Ask (0), hurry (1) or kill (2) it."""

    def release(self) -> None:
        """Give back what it held, after it ended for good."""


class StopRequested(Exception):
    """Somebody pressed Ctrl-C or sent a signal."""


@dataclass
class _Kept:
    service: Service
    failures: int = 0
    started: float = 0.0
    # When to start it again, while it is down.
    retry_at: float | None = None
    was_ready: bool = False


class Supervisor:
    """A block in which services are brought up and watched; leaving it stops them all. `say` prints one line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._groups: list[list[_Kept]] = []
        self._requests = 0
        self._wake_read, self._wake_write = os.pipe()
        self._before: dict[signal.Signals, Any] = {}
        self._tidied = time.monotonic()

    def __enter__(self) -> Self:
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in ASK_TO_STOP:
            # Under nohup the end of the terminal is to be ignored.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._on_request)
        # Without a handler the end of a child would not wake us.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _on_child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for group in reversed(self._groups):
                self._stop(group)
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            os.close(self._wake_read)
            os.close(self._wake_write)

    def start(self, *services: Service, together: bool = False) -> None:
        """Start services. They are stopped together, after all that are started later; or with the last before them."""
        group = [_Kept(service) for service in services]
        if together:
            self._groups[-1] += group
        else:
            self._groups.append(group)
        for kept in group:
            self._start(kept)

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until everything that was started is ready.

        Raises StartupError with the end of the log of one that keeps ending or does not get ready in time, and
        StopRequested when asked to stop meanwhile.
        """
        deadline = time.monotonic() + seconds
        while late := [kept.service for kept in self._all() if not self._is_ready(kept)]:
            if time.monotonic() > deadline:
                raise StartupError(f"{late[0].name} is not ready after {seconds:.0f} s. {_end_of(late[0])}")
            self._tick(0.02)

    def run(self, command: Command, seconds: float = 600.0) -> None:
        """Run a command to its end. Raises StartupError with the end of its log if it fails or takes longer."""
        group = [_Kept(command)]
        self._groups.append(group)
        command.start()
        deadline = time.monotonic() + seconds
        while command.poll() is None and time.monotonic() < deadline:
            self._wait(deadline - time.monotonic())
            if self._requests:
                raise StopRequested
        if command.poll() != 0:
            raise StartupError(f"{command.name} failed. {_end_of(command)}")
        self._groups.remove(group)
        command.release()

    def watch(self) -> None:
        """Keep everything running until asked to stop, then raise StopRequested."""
        while True:
            self._tick(HOUSEKEEPING_SECONDS)

    def _all(self) -> list[_Kept]:
        return [kept for group in self._groups for kept in group]

    def _on_request(self, _number: int, _frame: FrameType | None) -> None:
        self._requests += 1

    def _tick(self, seconds: float) -> None:
        """Wait for something to happen, at most so long, and see to it."""
        everything = self._all()
        retries = [kept.retry_at - time.monotonic() for kept in everything if kept.retry_at is not None]
        self._wait(max(0.0, min([seconds, *retries])))
        if self._requests:
            raise StopRequested
        for kept in everything:
            self._see_to(kept)
        if time.monotonic() - self._tidied > HOUSEKEEPING_SECONDS:
            self._tidied = time.monotonic()
            for kept in everything:
                trim_log(kept.service.log)

    def _wait(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)

    def _see_to(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.retry_at is not None:
            if now >= kept.retry_at:
                self._restart(kept)
            return
        status = kept.service.poll()
        if status is not None:
            self._schedule(kept, f"{kept.service.name} ended ({_describe(status)})")

    def _start(self, kept: _Kept) -> None:
        kept.started = time.monotonic()
        kept.service.start()
        kept.retry_at = None

    def _restart(self, kept: _Kept) -> None:
        try:
            self._start(kept)
        except (OSError, PostgresError) as error:
            self._schedule(kept, f"{kept.service.name} did not start: {error}")

    def _schedule(self, kept: _Kept, what: str) -> None:
        now = time.monotonic()
        if now - kept.started > STEADY_SECONDS:
            kept.failures = 0
        kept.failures += 1
        if not kept.was_ready and kept.failures >= STARTING_TRIES:
            raise StartupError(f"{what}, {kept.failures} times in a row. {_end_of(kept.service)}")
        pause = min(FIRST_RETRY_SECONDS * 2 ** (kept.failures - 1), LAST_RETRY_SECONDS)
        kept.retry_at = now + pause
        self._say(f"{what}; starting it again in {pause:.1f} s. Its log: {kept.service.log}")

    def _is_ready(self, kept: _Kept) -> bool:
        if not kept.was_ready and kept.retry_at is None and kept.service.ready():
            kept.was_ready = True
        return kept.was_ready

    def _stop(self, group: list[_Kept]) -> None:
        """Stop a group together. Every further request makes it more urgent."""
        seen = self._requests
        services = [kept.service for kept in group]
        self._say(f"Stopping {' and '.join(service.name for service in services)} …")
        for urgency in range(3):
            for service in services:
                service.ask_to_stop(urgency)
            deadline = time.monotonic() + max(service.patience[urgency] for service in services)
            while any(service.poll() is None for service in services):
                if time.monotonic() > deadline or self._requests > seen:
                    break
                self._wait(max(0.0, deadline - time.monotonic()))
            seen = self._requests
        for service in services:
            service.release()


def _on_child(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor does the work."""


def _describe(status: int) -> str:
    return f"status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"


def _end_of(service: Service) -> str:
    return f"The end of {service.log}:\n{tail(service.log)}"
