"""The server's side, which never touches the picture itself."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

from soundgraph.adapters.pillow.child import ORIGINAL, Verdict
from soundgraph.adapters.sandbox.scratch import scratch_directory
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import CoverMaker
from soundgraph.domain.errors import FieldError, Invalid, Unavailable
from soundgraph.domain.tracks import ARTWORK_SIZES

CHILD = "soundgraph.adapters.pillow.child"
WALL_SECONDS = 20.0
AT_ONCE = 2
REFUSALS = {
    Verdict.NOT_AN_IMAGE: ("not_an_image", "Send a JPEG, PNG or WebP picture."),
    Verdict.TOO_MANY_PIXELS: ("too_many_pixels", "Send at most 25 megapixels."),
}


class PillowCovers(CoverMaker):
    """Runs each picture through a child with limits of its own, in a private directory below `scratch`."""

    def __init__(self, store: ObjectStore, scratch: Path, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._store, self._scratch, self._wall_seconds = store, scratch, wall_seconds
        self._hands = asyncio.Semaphore(AT_ONCE)

    async def make(self, source_key: str, *, into: str) -> None:
        """As the port says. Raises Unavailable where the child could not do its work in time."""
        async with self._hands, scratch_directory(self._scratch) as directory:
            data = b"".join([chunk async for chunk in self._store.read(source_key)])
            await asyncio.to_thread((directory / ORIGINAL).write_bytes, data)
            await self._run(directory)
            for size in ARTWORK_SIZES:
                await self._store.put(f"{into}{size}.jpg", _content(directory / f"{size}.jpg"))

    async def _run(self, directory: Path) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", CHILD, str(os.getpid())),
            cwd=directory,
            env={"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
            # Never written to; the end of it tells the child of our death.
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        code = await self._end(process)
        if code in REFUSALS:
            raise Invalid.fields([FieldError("artwork", *REFUSALS[Verdict(code)])])
        if code is None or code > 0:
            raise Unavailable("covers_away", "This picture could not be processed now. Try again.", retry_after=5)
        if code < 0:
            # It ran into a limit, or broke the decoder.
            raise Invalid.fields([FieldError("artwork", *REFUSALS[Verdict.NOT_AN_IMAGE])])

    async def _end(self, process: Process) -> int | None:
        """Its exit status, or None if it had to be killed. No process stays, however this is left."""
        try:
            async with asyncio.timeout(self._wall_seconds):
                return await process.wait()
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())


async def _content(path: Path) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(path.read_bytes)
