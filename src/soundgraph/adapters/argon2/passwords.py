"""Passwords under argon2id, in threads of their own and never more at once than there is room for."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
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


class Argon2Passwords(Passwords):
    """Hashes on all cores but one, so that a rush of logins leaves the event loop its core.

    `queue` is how many may wait or run at once; one more is refused as busy, because waiting longer than that helps
    nobody. `close` ends the threads.
    """

    def __init__(self, *, queue: int = 64, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(passes, memory_kib, LANES, type=Type.ID)
        threads = max(1, (os.cpu_count() or 1) - 1)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._room = BoundedSemaphore(queue)
        # What an unknown login is checked against: the same work as for a known one.
        self._nobody = self._hasher.hash(os.urandom(16))

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
            raise LimitReached("busy", "Too many people are logging in right now. Try again in a second.", 1)
        future = self._threads.submit(work)
        # Released when the thread is done with it: a caller who gave up leaves the work behind.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)
