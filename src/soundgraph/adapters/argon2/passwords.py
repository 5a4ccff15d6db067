"""Passwords under argon2id, in threads of their own and never more at once than there is room for."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import BoundedSemaphore, get_native_id
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from soundgraph.application.identity import Passwords
from soundgraph.domain.errors import LimitReached

T = TypeVar("T")

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane.
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
HASHING_NICENESS = 10


class Argon2Passwords(Passwords):
    """Hashes on all cores but one, so that a rush of logins leaves the event loop its core.

    `queue` is how many may wait or run at once; one more is refused as busy, because waiting longer than that helps
    nobody. `close` ends the threads.
    """

    def __init__(self, *, queue: int = 64, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(passes, memory_kib, LANES, type=Type.ID)
        threads = max(1, (os.cpu_count() or 1) - 1)
        self._threads = ThreadPoolExecutor(threads, "argon2", _give_way)
        self._room = BoundedSemaphore(queue)
        # One reads and writes while the others' passwords are hashed.
        self._turns = asyncio.Semaphore(threads + 1)
        self._queue, self._queued = queue, 0
        # What an unknown login is checked against: the same work as for a known one.
        self._nobody = self._hasher.hash(os.urandom(16))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """First come, first served. Raises LimitReached(busy)."""
        if self._queued >= self._queue:
            raise _busy()
        self._queued += 1
        try:
            async with self._turns:
                yield
        finally:
            self._queued -= 1

    async def hash(self, password: str) -> str:
        """An encoded argon2id hash. Raises LimitReached(busy)."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether they match; False for a hash that is not argon2's. Raises LimitReached(busy)."""
        return await self._run(lambda: self._matches(encoded or self._nobody, password)) and encoded is not None

    def outdated(self, encoded: str) -> bool:
        """Whether it was made with other parameters than today's."""
        try:
            return self._hasher.check_needs_rehash(encoded)
        except InvalidHashError:
            return True

    def close(self) -> None:
        """End the threads once what waits is done."""
        self._threads.shutdown()

    def _matches(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise _busy()
        future = self._threads.submit(work)
        # Released when the thread is done with it: a caller who gave up leaves the work behind.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


def _give_way() -> None:
    """Make this thread less urgent than what else the machine does. Only Linux has priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + HASHING_NICENESS)


def _busy() -> LimitReached:
    return LimitReached("busy", "Too many people are logging in right now. Try again in a second.", 1)
