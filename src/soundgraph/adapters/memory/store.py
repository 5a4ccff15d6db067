"""Objects in memory."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from soundgraph.adapters.system import SystemClock
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
from soundgraph.domain.errors import NotFound


class MemoryStore(ObjectStore, ObjectListing, Presigner):
    """Objects in a dict. Its URLs name the object, what it would be served as and for how long, but serve nothing.

    It refuses the keys that a file system refuses, so that what passes here passes there.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._objects: dict[str, bytes] = {}
        self._written: dict[str, datetime] = {}
        self._clock = clock or SystemClock()

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        key_parts(key)
        data = b"".join([chunk async for chunk in chunks])
        self._objects[key], self._written[key] = data, self._clock.now()
        return Stored(key, len(data), hashlib.sha256(data).hexdigest())

    async def read(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        key_parts(key)
        if key not in self._objects:
            raise NotFound
        yield self._objects[key][start:stop]

    async def size(self, key: str) -> int | None:
        key_parts(key)
        data = self._objects.get(key)
        return None if data is None else len(data)

    async def copy(self, source: str, target: str) -> None:
        key_parts(source)
        key_parts(target)
        if source not in self._objects:
            raise NotFound
        self._objects[target], self._written[target] = self._objects[source], self._written[source]

    async def remove(self, key: str) -> None:
        key_parts(key)
        self._objects.pop(key, None)

    async def remove_under(self, prefix: str) -> None:
        prefix_parts(prefix)
        self._objects = {key: data for key, data in self._objects.items() if not key.startswith(prefix)}

    async def under(self, prefix: str) -> AsyncIterator[Found]:
        prefix_parts(prefix)
        for key in sorted(self._objects, key=lambda key: key.split("/")):
            found = await self.find(key) if key.startswith(prefix) else None
            if found is not None:
                yield found

    async def find(self, key: str) -> Found | None:
        key_parts(key)
        data = self._objects.get(key)
        return None if data is None else Found(key, len(data), self._written[key])

    def signed_url(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None = None) -> str:
        key_parts(key)
        query = {"type": content_type, "lifetime": int(lifetime.total_seconds())}
        return f"memory:///{quote(key)}?{urlencode(query | ({} if not filename else {'name': filename}))}"

    def signed_urls(
        self, keys: Sequence[str], *, lifetime: timedelta, content_type: str, filename: str | None = None
    ) -> list[str]:
        return [self.signed_url(key, lifetime=lifetime, content_type=content_type, filename=filename) for key in keys]

    def signed_put(self, key: str, *, size_bytes: int, lifetime: timedelta) -> SignedPut:
        key_parts(key)
        return SignedPut(f"memory:///{quote(key)}", {"Content-Length": str(size_bytes)}, self._clock.now() + lifetime)

    def signed_form(self, key: str, *, max_bytes: int, lifetime: timedelta) -> SignedForm:
        key_parts(key)
        return SignedForm("memory:///", {"key": key, "max_bytes": str(max_bytes)}, self._clock.now() + lifetime)
