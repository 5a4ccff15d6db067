"""An object store on a directory, with signed URLs that the HTTP adapter answers."""

import asyncio
import errno
import hmac
import math
import os
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from urllib.parse import quote, urlencode

from soundgraph.adapters.filesystem.files import BUFFER_BYTES, Partial, remove_file, remove_tree, stat_file, walk
from soundgraph.application.ports import Clock, Found, ObjectListing, ObjectStore, Stored
from soundgraph.domain.errors import Forbidden, Gone, NotFound, Unavailable

MAX_PART_BYTES = 255
LISTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SignedFile:
    """What a signed URL stands for. `etag` is strong, quotes included; `filename` asks for an attachment."""

    path: Path
    content_type: str
    filename: str | None
    etag: str


class FilesystemStore(ObjectStore, ObjectListing):
    """Objects as files below `root`, mode 0600 in directories of mode 0700.

    A key is a relative path. Its parts are 1 to 255 bytes long and begin with no dot (such names are for unfinished
    puts); anything else is a ValueError, and so is a key below the key of another object. All file work happens in
    threads, in pieces of about 1 MiB. `public_url` is where the HTTP adapter serves `/media/`; `secret` signs its URLs.
    """

    def __init__(self, root: Path, secret: bytes, public_url: str, clock: Clock) -> None:
        self._root = root
        self._secret = secret
        self._public_url = public_url.rstrip("/")
        self._clock = clock

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

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes, in chunks of 1 MiB. Raises NotFound."""
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound from None
        try:
            while block := await asyncio.to_thread(file.read, BUFFER_BYTES):
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
        """`{public_url}/media/{key}?expires=…&type=…[&name=…]&signature=…`; the signature covers all before it."""
        self._path(key)
        expires = math.ceil((self._clock.now() + lifetime).timestamp())
        signed = _canonical(key, str(expires), content_type, filename)
        return f"{self._public_url}/media/{signed}&signature={self._signature(signed)}"

    async def open_signed(self, key: str, query: Mapping[str, str]) -> SignedFile:
        """What to answer to a signed URL; `key` and `query` are percent-decoded.

        Raises Forbidden(bad_signature), Gone(url_expired) or NotFound, in that order.
        """
        expires, content_type = query.get("expires", ""), query.get("type", "")
        expected = self._signature(_canonical(key, expires, content_type, query.get("name")))
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode("utf-8", "replace")):
            raise Forbidden("bad_signature", "This link is not one of ours, or was changed on the way.")
        if int(expires) <= self._clock.now().timestamp():
            raise Gone("url_expired", "This link has expired. Ask for a new one.")
        path = self._path(key)
        found = await asyncio.to_thread(stat_file, path)
        if found is None:
            raise NotFound
        # Objects are replaced by rename, never written to, so this pair names one sequence of bytes.
        etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        return SignedFile(path=path, content_type=content_type, filename=query.get("name"), etag=etag)

    def _signature(self, signed: str) -> str:
        digest = hmac.digest(self._secret, signed.encode(), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def _directory(self, prefix: str) -> Path:
        if not prefix.endswith("/"):
            raise ValueError(f"a prefix ends in a slash: {prefix!r}")
        return self._path(prefix.removesuffix("/"))

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        for part in parts:
            printable = part.isprintable() and not part.startswith(".")
            if not printable or not 1 <= len(part.encode()) <= MAX_PART_BYTES:
                raise ValueError(f"not a key: {key!r}")
        return self._root.joinpath(*parts)


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


def _canonical(key: str, expires: str, content_type: str, filename: str | None) -> str:
    """The signed part of a URL, the same whichever way a client spelled its percent-encoding."""
    parameters = {"expires": expires, "type": content_type} | ({"name": filename} if filename else {})
    return f"{quote(key, errors='surrogatepass')}?{urlencode(parameters, errors='surrogatepass')}"
