"""Objects in memory."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

from soundgraph.application.ports import ObjectStore, Stored
from soundgraph.domain.errors import NotFound


class MemoryStore(ObjectStore):
    """Objects in a dict. Its URLs name the object but serve nothing."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        data = b"".join([chunk async for chunk in chunks])
        self._objects[key] = data
        return Stored(key, len(data), hashlib.sha256(data).hexdigest())

    async def read(self, key: str) -> AsyncIterator[bytes]:
        if key not in self._objects:
            raise NotFound
        yield self._objects[key]

    async def size(self, key: str) -> int | None:
        data = self._objects.get(key)
        return None if data is None else len(data)

    async def copy(self, source: str, target: str) -> None:
        if source not in self._objects:
            raise NotFound
        self._objects[target] = self._objects[source]

    async def remove(self, key: str) -> None:
        self._objects.pop(key, None)

    async def remove_under(self, prefix: str) -> None:
        self._objects = {key: data for key, data in self._objects.items() if not key.startswith(prefix)}

    def signed_url(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None = None) -> str:
        name = f"&name={quote(filename)}" if filename else ""
        return f"memory:///{quote(key)}?type={quote(content_type)}&lifetime={int(lifetime.total_seconds())}{name}"
