"""An object store on a directory, with signed URLs that the HTTP adapter answers."""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from soundgraph.adapters.filesystem.files import BUFFER_BYTES, Partial, remove_file, remove_tree, stat_file, walk
from soundgraph.adapters.filesystem.signing import SignedTarget, UrlSigner
from soundgraph.application.ports import (
    Clock,
    Found,
    ObjectListing,
    ObjectStore,
    Presigner,
    SignedForm,
    SignedPut,
    Stored,
    key_parts,
    prefix_parts,
)
from soundgraph.domain.errors import NotFound, Unavailable

LISTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SignedFile:
    """What a signed URL stands for. `etag` is strong, quotes included; `filename` asks for an attachment."""

    path: Path
    content_type: str
    filename: str | None
    etag: str


class FilesystemStore(ObjectStore, ObjectListing, Presigner):
    """Objects as files below `root`, mode 0600 in directories of mode 0700.

    A key is a relative path. Its parts are 1 to 255 bytes long and begin with no dot (such names are for unfinished
    puts); anything else is a ValueError, and so is a key below the key of another object. All file work happens in
    threads, in pieces of about 1 MiB. `public_url` is where the HTTP adapter serves `/media/`; `secret` signs its URLs.
    """

    def __init__(self, root: Path, secret: bytes, public_url: str, clock: Clock) -> None:
        self._root = root
        self._signer = UrlSigner(secret, f"{public_url.rstrip('/')}/media", clock)

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        """As the port says. Raises Conflict(removed_meanwhile) if `remove` took the unfinished object away."""
        partial = Partial(self._root, self._path(key))
        try:
            with _room():
                async for block in _blocks(chunks):
                    await asyncio.to_thread(partial.write, block)
                size, sha256 = await asyncio.to_thread(partial.publish)
        finally:
            await asyncio.shield(asyncio.to_thread(partial.discard))
        return Stored(key=key, size_bytes=size, sha256=sha256)

    async def read(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, in chunks of 1 MiB. Raises NotFound."""
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound from None
        left = sys.maxsize if stop is None else max(0, stop - start)
        try:
            file.seek(start)
            while block := await asyncio.to_thread(file.read, min(BUFFER_BYTES, left)):
                left -= len(block)
                yield block
        finally:
            await asyncio.to_thread(file.close)

    async def size(self, key: str) -> int | None:
        """Its length in bytes, or None."""
        found = await asyncio.to_thread(stat_file, self._path(key))
        return None if found is None else found.st_size

    async def copy(self, source: str, target: str) -> None:
        """A hard link where the disk has them, for objects never change in place; else the bytes. Raises NotFound."""
        partial = Partial(self._root, self._path(target))
        try:
            with _room():
                await asyncio.to_thread(partial.copy, self._path(source))
                await asyncio.to_thread(partial.publish)
        finally:
            await asyncio.shield(asyncio.to_thread(partial.discard))

    async def remove(self, key: str) -> None:
        """Remove an object and every unfinished put of it."""
        await asyncio.to_thread(remove_file, self._path(key))

    async def remove_under(self, prefix: str) -> None:
        """Remove a whole directory, unfinished puts included. Raises ValueError if `prefix` does not end in a slash."""
        await asyncio.to_thread(remove_tree, self._directory(prefix))

    async def under(self, prefix: str) -> AsyncIterator[Found]:
        """As the port says, in the order of their keys' parts. Raises ValueError without the slash."""
        files = walk(self._directory(prefix))
        while batch := await asyncio.to_thread(lambda: list(islice(files, LISTED_AT_ONCE))):
            for path, stat in batch:
                yield _found(path.relative_to(self._root).as_posix(), stat)

    async def find(self, key: str) -> Found | None:
        """One object, as it is now."""
        stat = await asyncio.to_thread(stat_file, self._path(key))
        return None if stat is None else _found(key, stat)

    def signed_url(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None = None) -> str:
        """An address below `{public_url}/media/`."""
        (url,) = self.signed_urls([key], lifetime=lifetime, content_type=content_type, filename=filename)
        return url

    def signed_urls(
        self, keys: Sequence[str], *, lifetime: timedelta, content_type: str, filename: str | None = None
    ) -> list[str]:
        """Addresses below `{public_url}/media/`."""
        for key in keys:
            key_parts(key)
        return [self._signer.get(key, lifetime=lifetime, content_type=content_type, filename=filename) for key in keys]

    def signed_put(self, key: str, *, size_bytes: int, lifetime: timedelta) -> SignedPut:
        """An address below `{public_url}/media/`."""
        key_parts(key)
        return self._signer.put(key, size_bytes=size_bytes, lifetime=lifetime)

    def signed_form(self, key: str, *, max_bytes: int, lifetime: timedelta) -> SignedForm:
        """A form for `{public_url}/media`."""
        key_parts(key)
        return self._signer.form(key, max_bytes=max_bytes, lifetime=lifetime)

    def open_put(self, key: str, query: Mapping[str, str]) -> SignedTarget:
        """What a signed PUT may write. Raises Forbidden(bad_signature), Gone(url_expired)."""
        return self._signer.check_put(key, query)

    def open_form(self, fields: Mapping[str, str]) -> SignedTarget:
        """What a signed form may write. Raises Forbidden(bad_signature), Gone(url_expired)."""
        return self._signer.check_form(fields)

    async def open_signed(self, key: str, query: Mapping[str, str]) -> SignedFile:
        """What to answer to a signed URL; `key` and `query` are percent-decoded.

        Raises Forbidden(bad_signature), Gone(url_expired) or NotFound, in that order.
        """
        self._signer.check_get(key, query)
        path = self._path(key)
        found = await asyncio.to_thread(stat_file, path)
        if found is None:
            raise NotFound
        # Objects are replaced by rename, never written to, so this pair names one sequence of bytes.
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        return SignedFile(path=path, content_type=query.get("type", ""), filename=query.get("name"), etag=etag)

    def _directory(self, prefix: str) -> Path:
        return self._root.joinpath(*prefix_parts(prefix))

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*key_parts(key))


def _found(key: str, stat: os.stat_result) -> Found:
    return Found(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at least 1 MiB but for the last, so that a small chunk costs no thread hop."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        if len(pending) >= BUFFER_BYTES:
            yield bytes(pending)
            pending.clear()
    yield bytes(pending)


@contextmanager
def _room() -> Iterator[None]:
    """Turn a full disk into Unavailable(storage_full)."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("storage_full", "The storage is full. Try again later.", retry_after=60) from error
