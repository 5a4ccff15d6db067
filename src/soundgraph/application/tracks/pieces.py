"""Where the bytes of an upload wait that comes over several requests: objects of at most PIECE_BYTES.

A piece is named by its first and its last byte, and what is stored never shrinks: where two requests send the same
bytes at once, as after a cut line, both write the same, and the longer piece counts. So nobody has to be locked out.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from soundgraph.application.ports import ObjectListing, ObjectStore
from soundgraph.domain.tracks import Upload

PIECE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes from `start` to before `stop`."""

    key: str
    start: int
    stop: int

    @property
    def full(self) -> bool:
        """Whether the next one begins where it ends."""
        return self.stop - self.start == PIECE_BYTES


async def arrived(listing: ObjectListing, upload: Upload) -> list[Piece]:
    """The pieces without a gap from the first byte on."""
    longest: dict[int, Piece] = {}
    async for found in listing.under(upload.incoming):
        start, _, stop = found.key.rpartition("/")[2].partition("-")
        if start.isdigit() and stop.isdigit():
            piece = Piece(found.key, int(start), int(stop))
            known = longest.get(piece.start)
            longest[piece.start] = piece if known is None or known.stop < piece.stop else known
    pieces: list[Piece] = []
    while (following := longest.get(len(pieces) * PIECE_BYTES)) is not None:
        pieces.append(following)
        if not following.full:
            break
    return pieces


def end_of(pieces: Iterable[Piece]) -> int:
    """How many bytes they are."""
    return max((one.stop for one in pieces), default=0)


async def joined(store: ObjectStore, keys: Iterable[str]) -> AsyncIterator[bytes]:
    """The bytes of several objects, one after the other."""
    for key in keys:
        async for chunk in store.read(key):
            yield chunk


@dataclass(slots=True)
class PieceWriter:
    """Goes on where `last` ends, in memory of one piece. With `holder` nothing counts before `publish`."""

    store: ObjectStore
    upload: Upload
    last: Piece | None
    holder: UUID | None = None
    start: int = 0
    kept: int = 0
    pending: bytearray = field(default_factory=bytearray)
    written: list[Piece] = field(default_factory=list)

    async def open(self) -> None:
        """Take up the last piece, unless it is full."""
        if self.last is None:
            return
        if self.last.full:
            self.start, self.last = self.last.stop, None
            return
        self.start = self.last.start
        async for chunk in self.store.read(self.last.key):
            self.pending += chunk
        self.kept = len(self.pending)

    @property
    def end(self) -> int:
        """How far the bytes go that it was given."""
        return self.start + len(self.pending)

    async def write(self, chunk: bytes) -> None:
        """Take more, and store what fills a piece."""
        rest = memoryview(chunk)
        while rest:
            room = PIECE_BYTES - len(self.pending)
            self.pending += rest[:room]
            rest = rest[room:]
            if len(self.pending) == PIECE_BYTES:
                await self.flush()
                self.start, self.last, self.kept = self.end, None, 0
                self.pending.clear()

    async def flush(self) -> None:
        """Store what there is."""
        if len(self.pending) <= self.kept:
            return
        piece = self._piece(self.start, self.end)
        await self.store.put(piece.key, _once(bytes(self.pending)))
        self.written.append(piece)
        self.kept = len(self.pending)
        if self.holder is None:
            await self._forget_last()
            self.last = piece

    async def publish(self) -> None:
        """Let what was written under a holder count."""
        for piece in self.written:
            await self.store.copy(piece.key, f"{self.upload.incoming}{piece.start:010}-{piece.stop:010}")
        await self.discard()

    async def discard(self) -> None:
        """Remove what was written under a holder."""
        await self.store.remove_under(f"{self.upload.prefix}unchecked/{self.holder}/")

    async def _forget_last(self) -> None:
        if self.last is not None:
            await self.store.remove(self.last.key)

    def _piece(self, start: int, stop: int) -> Piece:
        place = self.upload.incoming if self.holder is None else f"{self.upload.prefix}unchecked/{self.holder}/"
        return Piece(f"{place}{start:010}-{stop:010}", start, stop)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
