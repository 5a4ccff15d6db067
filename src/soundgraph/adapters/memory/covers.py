"""Covers with the standard library alone."""

import struct
from collections.abc import AsyncIterator

from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import CoverMaker
from soundgraph.domain.errors import FieldError, Invalid
from soundgraph.domain.tracks import ARTWORK_SIZES, MAX_IMAGE_PIXELS

PNG = b"\x89PNG\r\n\x1a\n"


class PlainCovers(CoverMaker):
    """Knows pictures by their first bytes and keeps them as they are: it can neither cut nor scale.

    Only a PNG tells it how many pixels it has.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def make(self, source_key: str, *, into: str) -> None:
        data = b"".join([chunk async for chunk in self._store.read(source_key)])
        webp = data.startswith(b"RIFF") and data[8:12] == b"WEBP"
        if not (data.startswith((PNG, b"\xff\xd8\xff")) or webp) or len(data) < 33:
            raise Invalid.fields([FieldError("artwork", "not_an_image", "Send a JPEG, PNG or WebP picture.")])
        if data.startswith(PNG):
            width, height = struct.unpack(">II", data[16:24])
            if width * height > MAX_IMAGE_PIXELS:
                raise Invalid.fields([FieldError("artwork", "too_many_pixels", "Send at most 25 megapixels.")])
        for size in ARTWORK_SIZES:
            await self._store.put(f"{into}{size}.jpg", _once(data))


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
