"""Locks between processes. The kernel drops them with their holder, so kill -9 leaves none behind."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLock:
    """An advisory lock on a file that is never removed. Children do not inherit it (Python opens close-on-exec)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def try_exclusive(self) -> bool:
        """Take the lock alone if nobody holds it, and leave our process id in it for `holder`."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    @contextmanager
    def waiting(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the lock for a block, waiting for whoever holds it."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def holder(self) -> int | None:
        """The process that took the lock alone last; a hint for a message, never proof that it lives."""
        text = self.path.read_text() if self.path.exists() else ""
        return int(text) if text.isdigit() else None

    def release(self) -> None:
        """Give the lock back; nothing happens if it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
