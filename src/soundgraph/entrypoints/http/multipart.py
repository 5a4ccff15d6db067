"""Reads multipart forms as they arrive, in constant memory."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeAlias

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from soundgraph.application.ports import Stored
from soundgraph.domain.errors import FieldError
from soundgraph.domain.tracks import (
    MAX_UPLOAD_BYTES,
)
from soundgraph.entrypoints.http.errors import Malformed, TooLarge, WrongMediaType
from soundgraph.entrypoints.http.requests import ApiRequest

MAX_FIELD_BYTES = 64 << 10
MAX_PARTS = 128
# The audio, and everything that may stand around it.
MAX_BODY_BYTES = MAX_UPLOAD_BYTES + MAX_PARTS * MAX_FIELD_BYTES
CHUNK_BYTES = 256 << 10
Event: TypeAlias = Any  # MultipartSegment, bytes or None: the parser is not typed


def boundary_of(request: ApiRequest) -> str:
    """The boundary of a multipart form. Raises WrongMediaType, Malformed."""
    content_type, options = request.content_type
    if content_type != "multipart/form-data":
        raise WrongMediaType("not_multipart", "Send multipart/form-data.")
    if not options.get("boundary"):
        raise Malformed("malformed_multipart", "The boundary is missing from Content-Type.")
    return options["boundary"]


async def events_of(request: ApiRequest, boundary: str, *, limit: int = MAX_BODY_BYTES) -> AsyncGenerator[Event]:
    """For each part its head, its bytes, and None at its end. Raises Malformed, TooLarge, ClientGone."""
    received = 0
    try:
        parser = PushMultipartParser(boundary, max_segment_size=MAX_UPLOAD_BYTES, max_segment_count=MAX_PARTS)
        async for chunk in request.stream():
            received += len(chunk)
            if received > limit:
                raise too_large_audio()
            if chunk:
                for event in parser.parse(chunk):
                    yield event
        parser.close()
    except ParserLimitReached as error:
        raise too_large_audio() from error
    except MultipartError as error:
        raise Malformed("malformed_multipart", f"This form cannot be read: {error}.") from error


async def only_part(events: AsyncGenerator[Event], name: str) -> MultipartSegment:
    """The head of the one part of a form. Raises Malformed unless it is that of `name`."""
    segment = await anext(events, None)
    if segment is None:
        raise _not_one(name, FieldError(name, "missing", "This field is required."))
    assert isinstance(segment, MultipartSegment), "a part begins where the one before has ended"
    if segment.name != name:
        raise _not_one(name, FieldError(segment.name, "unknown", "This field is not known here."))
    return segment


async def refuse_more(events: AsyncGenerator[Event], name: str) -> None:
    """Read a form to its end. Raises Malformed where another part follows that of `name`."""
    async for segment in events:
        again = segment.name == name
        wrong = ("duplicate", "Send this field once.") if again else ("unknown", "This field is not known here.")
        raise _not_one(name, FieldError(segment.name, *wrong))


def _not_one(name: str, error: FieldError) -> Malformed:
    return Malformed("malformed", f"Send one file, as `{name}`.", [error])


async def payload_of(events: AsyncGenerator[Event]) -> AsyncIterator[bytes]:
    """The bytes of the part that has just begun."""
    async for event in events:
        if event is None:
            return
        yield event


async def digested(pieces: AsyncIterator[bytes]) -> Stored:
    """What a store would know of these bytes, without keeping them."""
    digest, size = hashlib.sha256(), 0
    async for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return Stored("", size, digest.hexdigest())


async def hashed(pieces: AsyncIterator[bytes], digest: "hashlib._Hash") -> AsyncIterator[bytes]:
    """The same bytes, fed to a digest as they pass."""
    async for piece in pieces:
        digest.update(piece)
        yield piece


async def coalesced(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in larger pieces, so that a store is not called for every packet."""
    pending = bytearray()
    async for piece in pieces:
        pending += piece
        if len(pending) >= CHUNK_BYTES:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def too_large_audio() -> TooLarge:
    """The refusal of more audio than is taken."""
    return TooLarge("too_large", f"Audio files may have up to {MAX_UPLOAD_BYTES} bytes.")
