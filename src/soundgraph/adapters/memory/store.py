"""Objects in memory."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from soundgraph.adapters.system import SystemClock
from soundgraph.application.ports import Clock, Found, ObjectListing, ObjectStore, Stored
from soundgraph.domain.errors import NotFound

MAX_PART_BYTES = 255


class MemoryStore(ObjectStore, ObjectListing):
    """Objects in a dict. Its URLs name the object, what it would be served as and for how long, but serve nothing.

    It refuses the keys that a file system refuses, so that what passes here passes there.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._objects: dict[str, bytes] = {}
        self._written: dict[str, datetime] = {}
        self._clock = clock or SystemClock()

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        _check(key)
        data = b"".join([chunk async for chunk in chunks])
        self._objects[key], self._written[key] = data, self._clock.now()
        return Stored(key, len(data), hashlib.sha256(data).hexdigest())

    async def read(self, key: str) -> AsyncIterator[bytes]:
        _check(key)
        if key not in self._objects:
            raise NotFound
        yield self._objects[key]

    async def size(self, key: str) -> int | None:
        _check(key)
        data = self._objects.get(key)
        return None if data is None else len(data)

    async def copy(self, source: str, target: str) -> None:
        _check(source)
        _check(target)
        if source not in self._objects:
            raise NotFound
        self._objects[target], self._written[target] = self._objects[source], self._written[source]

    async def remove(self, key: str) -> None:
        _check(key)
        self._objects.pop(key, None)

    async def remove_under(self, prefix: str) -> None:
        if not prefix.endswith("/"):
            raise ValueError(f"a prefix ends in a slash: {prefix!r}")
        _check(prefix.removesuffix("/"))
        self._objects = {key: data for key, data in self._objects.items() if not key.startswith(prefix)}

    async def under(self, prefix: str) -> AsyncIterator[Found]:
        if not prefix.endswith("/"):
            raise ValueError(f"a prefix ends in a slash: {prefix!r}")
        _check(prefix.removesuffix("/"))
        for key in sorted(self._objects, key=lambda key: key.split("/")):
            found = await self.find(key) if key.startswith(prefix) else None
            if found is not None:
                yield found

    async def find(self, key: str) -> Found | None:
        _check(key)
        data = self._objects.get(key)
        return None if data is None else Found(key, len(data), self._written[key])

    def signed_url(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None = None) -> str:
        _check(key)
        query = {"type": content_type, "lifetime": int(lifetime.total_seconds())}
        return f"memory:///{quote(key)}?{urlencode(query | ({} if not filename else {'name': filename}))}"


def _check(key: str) -> None:
    for part in key.split("/"):
        printable = part.isprintable() and not part.startswith(".")
        if not printable or not 1 <= len(part.encode()) <= MAX_PART_BYTES:
            raise ValueError(f"not a key: {key!r}")
