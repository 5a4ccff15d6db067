"""Private directories for one job each, which do not outlive the process that made them."""

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self


class Scratch:
    """A directory of mode 0700, locked for as long as its process lives, so that others see whether it is in use."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def create(cls, root: Path) -> Self:
        """A new one below `root`, which is created where it is missing."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = root / f"job-{secrets.token_hex(8)}"
            path.mkdir(mode=0o700)
            fd = _lock(path)
            # Between mkdir and lock another process may have taken it for a dead one's, and removed it.
            if fd is not None:
                if path.exists():
                    return cls(path, fd)
                os.close(fd)

    def remove(self) -> None:
        """Remove it with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._fd)


@asynccontextmanager
async def scratch_directory(root: Path) -> AsyncIterator[Path]:
    """A new one for the block, after a look for what dead processes left. Raises OSError where there is no room."""
    await asyncio.to_thread(sweep, root)
    scratch = await asyncio.to_thread(Scratch.create, root)
    try:
        yield scratch.path
    finally:
        await asyncio.shield(asyncio.to_thread(scratch.remove))


def sweep(root: Path) -> None:
    """Remove the directories of processes that died."""
    for path in root.glob("job-*"):
        fd = _lock(path)
        if fd is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(fd)


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of a directory, or None where someone else holds it or it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
