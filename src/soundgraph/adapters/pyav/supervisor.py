"""The worker's hold on one child process: what it says, what it may cost, and that it ends."""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from soundgraph.adapters.pyav.protocol import Finished, Job, Limits, Message, NoRoom, Probed, Refused
from soundgraph.application.tracks import MediaFailed
from soundgraph.domain.tracks import Failure

CHILD_MODULE = "soundgraph.adapters.pyav.child"
ERRORS_FILE = "stderr.txt"
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    # Slices of sound go back to the system when they are done with.
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "LC_ALL": "C.UTF-8",
}
WATCH_SECONDS = 0.2
# After its last word a child has nothing left to do but exit, which takes a fraction of this.
EXIT_SECONDS = 5.0
MAX_LINE_BYTES = 1 << 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

logger = logging.getLogger(__name__)


class Child:
    """A running child. `messages` ends when it does."""

    def __init__(self, process: Process, limits: Limits, errors: Path) -> None:
        self._process = process
        self._limits = limits
        self._errors = errors
        self._stage = "probing"
        self._verdict: Failure | None = None
        self._said_all = False
        self._deadline = asyncio.get_running_loop().time() + limits.wall_base

    async def messages(self) -> AsyncIterator[Message]:
        """What it says, as it says it. Raises MediaFailed(crashed) where that makes no sense."""
        decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                message = decoder.decode(line)
                if isinstance(message, Probed):
                    self._extend(message.duration)
                self._said_all = isinstance(message, Finished | Refused | NoRoom)
                yield message
        except (ValueError, msgspec.DecodeError) as error:
            logger.warning("a media child spoke out of turn: %s", error)
            raise MediaFailed(_crashed(self._stage)) from error

    async def death(self) -> MediaFailed:
        """Why it ended without its last word. Waits for the end."""
        code = await self._process.wait()
        failure = self._verdict or _failure_of_exit(self._stage, code)
        logger.warning("a media child ended with %d (%s): %s", code, failure.code, _tail(self._errors))
        return MediaFailed(failure)

    async def watch(self) -> None:
        """Kill it when it has run too long or holds too much memory."""
        loop = asyncio.get_running_loop()
        while self._process.returncode is None:
            if _resident_bytes(self._process.pid) > self._limits.resident_bytes:
                return self._condemn("Processing this file takes more memory than we allow.")
            if loop.time() > self._deadline:
                return self._condemn("Processing this file takes longer than we allow.")
            await asyncio.sleep(WATCH_SECONDS)
        return None

    async def end(self) -> None:
        """Let it exit if it is through, kill it with everything it may have started, and wait until it is gone."""
        if self._said_all:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), EXIT_SECONDS)
        self._kill()
        # Reads what is left, for an undrained pipe keeps its transport open.
        await self._process.communicate()

    def _extend(self, duration: float) -> None:
        # A child that was taken over may claim anything.
        duration = min(max(duration, 0.0), self._limits.max_duration)
        now = asyncio.get_running_loop().time()
        self._deadline = now + self._limits.wall_base + self._limits.wall_factor * duration
        self._stage = "transcoding"

    def _condemn(self, message: str) -> None:
        self._verdict = Failure(self._stage, "too_expensive", message)
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:
            # It may have been waited for a moment ago, before anybody was told.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


@asynccontextmanager
async def running(directory: Path, limits: Limits, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    """A child at work in `directory`. Leaving the block, however, leaves no process.

    Its parent-death signal follows the thread that starts it: enter this from an event loop that lives as long as the
    process does. Its stdin stays open meanwhile and is never written to; the end of it tells the child of our death.
    """
    job = msgspec.json.encode(Job(os.getpid(), limits)).decode()
    with _errors(directory) as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", CHILD_MODULE, job),
            cwd=directory,
            env={**ENVIRONMENT, **environment},
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            start_new_session=True,
            limit=MAX_LINE_BYTES,
        )
    child = Child(process, limits, directory / ERRORS_FILE)
    watch = asyncio.create_task(child.watch())
    try:
        yield child
    finally:
        watch.cancel()
        await child.end()


def _errors(directory: Path) -> BinaryIO:
    return (directory / ERRORS_FILE).open("wb")


def _tail(path: Path) -> str:
    return path.read_bytes()[-2_000:].decode(errors="replace").strip()


def _resident_bytes(pid: int) -> int:
    """Resident memory (proc(5), statm), or 0 where the process or /proc is not there."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _failure_of_exit(stage: str, code: int) -> Failure:
    if code == -signal.SIGXCPU:
        return Failure(stage, "too_expensive", "Processing this file takes more processor time than we allow.")
    # A traceback is our own fault, and SIGKILL came from an operator or a kernel short of memory: not the file's.
    return _crashed(stage, retryable=code >= 0 or code == -signal.SIGKILL)


def _crashed(stage: str, *, retryable: bool = False) -> Failure:
    message = "Processing broke down. Try again." if retryable else "Something in this file made processing break down."
    return Failure(stage, "crashed", message, retryable)
