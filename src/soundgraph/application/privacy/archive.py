"""A ZIP archive as a stream: what was written is handed on at once, and nothing is ever sought back to."""

import hashlib
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import IO, Final, cast

import msgspec

from soundgraph.application.privacy.ports import Copy, Fact

BLOCK_BYTES: Final = 256 << 10
# The earliest moment that a ZIP can tell; when an archive was made is in its manifest.
EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class Pipe:
    """A file to `zipfile` that can only be written; what was written waits here to be taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        """Keep it until it is taken."""
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken

    def __len__(self) -> int:
        return len(self._written)


class Archive:
    """Writes files into a ZIP of any size, one after the other, and knows the SHA-256 of each."""

    def __init__(self, read: Callable[[str], AsyncIterator[bytes]]) -> None:
        self._read, self._pipe = read, Pipe()
        self._zip = zipfile.ZipFile(cast(IO[bytes], self._pipe), "w", allowZip64=True)
        self._manifest: list[dict[str, object]] = []
        self._open: tuple[str, Entry] | None = None

    async def stream(
        self, pieces: AsyncIterator[Fact | Copy], seen: Callable[[Fact | Copy], Awaitable[None]], about: dict[str, str]
    ) -> AsyncIterator[bytes]:
        """The archive of `pieces` in chunks; the last file is the manifest, which begins with `about`."""
        async for piece in pieces:
            if isinstance(piece, Fact):
                self._add_row(piece)
                if len(self._pipe) >= BLOCK_BYTES:
                    yield self._pipe.take()
            else:
                self._close()
                entry = self._entry(piece.path, zipfile.ZIP_STORED)
                async for chunk in self._read(piece.key):
                    entry.write(chunk)
                    yield self._pipe.take()
                self._finish(piece.path, entry)
            await seen(piece)
        self._close()
        entry = self._entry("manifest.json", zipfile.ZIP_DEFLATED)
        entry.write(msgspec.json.format(msgspec.json.encode({**about, "files": self._manifest})))
        entry.close()
        self._zip.close()
        yield self._pipe.take()

    def _add_row(self, fact: Fact) -> None:
        path = f"{fact.file}.json"
        if self._open is None or self._open[0] != path:
            self._close()
            self._open = path, self._entry(path, zipfile.ZIP_DEFLATED)
            self._open[1].write(b"[\n")
        else:
            self._open[1].write(b",\n")
        self._open[1].write(msgspec.json.encode(fact.row))

    def _close(self) -> None:
        if self._open is not None:
            path, entry = self._open
            entry.write(b"\n]\n")
            self._finish(path, entry)
            self._open = None

    def _entry(self, path: str, compression: int) -> "Entry":
        info = zipfile.ZipInfo(path, EPOCH)
        info.compress_type = compression
        # Nobody knows how long it gets, so every entry may be longer than 4 GiB.
        return Entry(self._zip.open(info, "w", force_zip64=True))

    def _finish(self, path: str, entry: "Entry") -> None:
        entry.close()
        self._manifest.append({"path": path, "size_bytes": entry.size, "sha256": entry.hash.hexdigest()})


class Entry:
    """One file in the making, its length and its hash."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.size, self.hash = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Add to it."""
        self._file.write(data)
        self.size += len(data)
        self.hash.update(data)

    def close(self) -> None:
        """It is complete."""
        self._file.close()
