"""The media processor on FFmpeg: the worker's side, which never touches the audio itself."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from pathlib import Path
from typing import BinaryIO, Self

from soundgraph.adapters.pyav import protocol
from soundgraph.adapters.pyav.protocol import (
    COVER_FILE,
    FILES,
    ORIGINAL_FILE,
    WAVEFORM_FILE,
    Advanced,
    Analysed,
    Encoded,
    Finished,
    Limits,
    Measured,
    NoRoom,
    Refused,
    aac_segment_file,
)
from soundgraph.adapters.pyav.supervisor import Child, running
from soundgraph.adapters.sandbox.scratch import scratch_directory
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import (
    EmbeddedCover,
    MediaFailed,
    MediaProcessor,
    MediaResult,
    Probed,
    Progress,
    refuse_damaged,
)
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.tracks import Analysis, Failure, Gapless, Loudness, Rendition, Segment

BUFFER_BYTES = 1 << 20
PUTS_AT_ONCE = 8


class PyAvProcessor(MediaProcessor):
    """Runs each job in a child process with limits of its own, in a private directory below `scratch`.

    MediaFailed is a verdict on the file. Everything else that goes wrong is raised as it is and worth another try:
    Unavailable from the store, for an original that is not what its key names or, as Unavailable(storage_full), for a
    full scratch disk; NotFound where there is no original. `environment` adds to the child's environment, which is
    otherwise all but empty.

    At most `first` files are on their way to being playable at once. What plays already makes way for them: the rest of
    it is encoded beside, by less urgent processes, as many as there are jobs.
    """

    def __init__(
        self,
        store: ObjectStore,
        scratch: Path,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        first: int = max(1, (os.cpu_count() or 1) // 2),
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._limits = limits or Limits()
        self._environment = environment or {}
        self._turns = asyncio.Semaphore(first)

    async def process(self, original_key: str, *, into: str) -> AsyncGenerator[MediaResult]:
        """As the port says. Also removes what jobs of dead processes left in the scratch directory."""
        yield Progress("probing", 0)
        async with Turn(self._turns) as turn, AsyncExitStack() as stack:
            with _room():
                directory = await stack.enter_async_context(scratch_directory(self._scratch))
                await self._fetch(original_key, directory / ORIGINAL_FILE)
            async with (
                running(directory, self._limits, self._environment) as child,
                aclosing(self._results(child, directory, into)) as results,
            ):
                async for result in results:
                    yield result
                    # The first one comes when the file is decoded, and with it what there is to play.
                    if isinstance(result, Rendition):
                        turn.end()

    async def _results(self, child: Child, directory: Path, into: str) -> AsyncGenerator[MediaResult]:
        percent, cover = 0, False
        async for message in child.messages():
            match message:
                case protocol.Probed():
                    yield Probed(round(message.duration * 1000))
                case Advanced() if percent < message.percent < 100:
                    percent = message.percent
                    yield Progress(message.stage, percent)
                case Analysed():
                    yield await self._keep_analysis(message, directory, into)
                    cover = message.cover
                case Measured():
                    yield Loudness(message.integrated_lufs, message.range_lu, message.true_peak_dbtp)
                case Encoded():
                    yield Progress("storing", percent)
                    yield await self._keep_rendition(message, directory, into)
                case Refused() | NoRoom():
                    raise _ending(message)
                case Finished():
                    if cover:
                        # Last, for it may take a while, and nobody waits for it.
                        await self._keep(directory, COVER_FILE, into)
                        yield EmbeddedCover(into + COVER_FILE)
                    yield Progress("storing", 100)
                    return
        raise await child.death()

    async def _fetch(self, key: str, target: Path) -> None:
        """Copy the original here. Raises Unavailable(original_damaged) where the copy is not what the key names."""
        digest = hashlib.sha256()

        def keep(chunk: bytes) -> None:
            file.write(chunk)
            digest.update(chunk)

        with _created(target) as file:
            async for chunk in self._store.read(key):
                await asyncio.to_thread(keep, chunk)
        refuse_damaged(key, digest.hexdigest())

    async def _keep_analysis(self, analysed: Analysed, directory: Path, into: str) -> Analysis:
        await self._keep(directory, WAVEFORM_FILE, into)
        return Analysis(
            duration_ms=analysed.duration_ms,
            sample_rate=analysed.sample_rate,
            channels=analysed.channels,
            codec=analysed.codec,
            waveform_key=into + WAVEFORM_FILE,
            tags=analysed.tags,
        )

    async def _keep_rendition(self, encoded: Encoded, directory: Path, into: str) -> Rendition:
        head = FILES[encoded.name]
        segments = {aac_segment_file(number): length for number, length in enumerate(encoded.segments_ms)}
        size = await self._keep_all(directory, [head, *segments], into)
        kept = tuple(Segment(into + name, length) for name, length in segments.items())
        trim = encoded.gapless
        gapless = Gapless(trim.encoder_delay, trim.padding, trim.samples)
        return Rendition(name=encoded.name, key=into + head, size_bytes=size, segments=kept, gapless=gapless)

    async def _keep_all(self, directory: Path, names: list[str], into: str) -> int:
        """Store files, some at a time, for there may be thousands. Returns their size in bytes."""
        sizes: list[int] = []
        waiting = iter(names)

        async def keep_next() -> None:
            sizes.extend([await self._keep(directory, name, into) for name in waiting])

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(PUTS_AT_ONCE, len(names))):
                    group.create_task(keep_next())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return sum(sizes)

    async def _keep(self, directory: Path, name: str, into: str) -> int:
        """Move one file to the store. Returns its size in bytes."""
        async with aclosing(_chunks(directory / name)) as chunks:
            stored = await self._store.put(into + name, chunks)
        await asyncio.to_thread((directory / name).unlink)
        return stored.size_bytes


class Turn:
    """One's turn, which ends with the block or before."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns, self._mine = turns, False

    async def __aenter__(self) -> Self:
        await self._turns.acquire()
        self._mine = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let the next one have it. Twice is once."""
        if self._mine:
            self._mine = False
            self._turns.release()


async def _chunks(path: Path) -> AsyncGenerator[bytes]:
    with _opened(path) as file:
        while chunk := await asyncio.to_thread(file.read, BUFFER_BYTES):
            yield chunk


def _created(path: Path) -> BinaryIO:
    return path.open("xb")


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


@contextmanager
def _room() -> Iterator[None]:
    """Turn a full scratch disk into Unavailable."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_room() from error


def _ending(said: Refused | NoRoom) -> Exception:
    """What to raise where a child gives up."""
    return _no_room() if isinstance(said, NoRoom) else MediaFailed(Failure(said.stage, said.code, said.message))


def _no_room() -> Unavailable:
    return Unavailable("storage_full", "There is no room to process this. Try again later.", retry_after=60)
