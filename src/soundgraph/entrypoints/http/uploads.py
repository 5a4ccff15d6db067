"""Receives a multipart upload in constant memory: audio flows to the store while it arrives, in any order of parts."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from soundgraph.application.ports import ObjectStore, Stored
from soundgraph.application.tracks import AbandonUpload, BeginUpload, CreateTrack, MakeArtwork
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import FieldError, Invalid
from soundgraph.domain.ids import ArtworkId, TrackId
from soundgraph.domain.tracks import (
    LICENSES,
    MAX_IMAGE_BYTES,
    MAX_UPLOAD_BYTES,
    TrackDetails,
    Upload,
    artwork_prefix,
)
from soundgraph.domain.visibility import Actor, Audience
from soundgraph.entrypoints.http.errors import Malformed, TooLarge, WrongMediaType
from soundgraph.entrypoints.http.requests import ApiRequest, refuse_nul

AUDIO, ARTWORK, TAGS = "audio", "artwork", "tags"
TEXTS = frozenset(["title", "description", "genre", "license"])
FLAGS = frozenset(["downloadable", "comments_enabled", "embeddable"])
FIELDS = TEXTS | FLAGS | {TAGS, "visibility", "permalink"}
BOOLEANS = {"true": True, "false": False}

MAX_FIELD_BYTES = 64 << 10
MAX_PARTS = 128
# The audio, and everything that may stand around it.
MAX_BODY_BYTES = MAX_UPLOAD_BYTES + MAX_PARTS * MAX_FIELD_BYTES
CHUNK_BYTES = 256 << 10

Event: TypeAlias = Any  # MultipartSegment, bytes or None: the parser is not typed
log = structlog.get_logger()


async def receive_track(request: ApiRequest, actor: Actor, use: Wiring) -> TrackId:
    """Store the audio and make a track of it. Whatever goes wrong, nothing stays behind.

    Raises WrongMediaType, TooLarge, Malformed naming every field that cannot be read, and what the use cases raise.
    """
    boundary = boundary_of(request)
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    form = _Form(actor, use)
    try:
        async with aclosing(events_of(request, boundary)) as events:
            upload, stored, details = await form.read(events)
        return await use(CreateTrack)(
            actor=actor,
            upload_id=upload.id,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            details=details,
            permalink=form.texts.get("permalink"),
            artwork_id=form.artwork_id,
        )
    except BaseException:
        # Shielded: a client that hangs up cancels this task, and what it sent must go all the same.
        await asyncio.shield(form.abandon())
        raise


def audience_of(visibility: str) -> Audience:
    """Whom a track is for. Raises Invalid for scheduled, which comes later."""
    if visibility == Audience.SCHEDULED:
        error = FieldError("visibility", "not_available_yet", "Scheduling is not available yet: use public or private.")
        raise Invalid.fields([error])
    return Audience(visibility)


@dataclass(slots=True)
class _Form:
    """What has arrived so far."""

    actor: Actor
    use: Wiring
    texts: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)
    upload: Upload | None = None
    artwork_id: ArtworkId | None = None
    stored: Stored | None = None

    async def read(self, events: AsyncGenerator[Event]) -> tuple[Upload, Stored, TrackDetails]:
        """Everything up to the end of the form. Raises Malformed."""
        async for segment in events:
            assert isinstance(segment, MultipartSegment), "a part begins where the one before has ended"
            if segment.name == AUDIO:
                await self._keep_audio(segment, events)
            elif segment.name == ARTWORK:
                await self._keep_artwork(segment, events)
            else:
                self._keep_text(segment.name, await self._text(segment.name, events))
        missing = [] if "title" in self.texts else ["title"]
        missing += [] if self.stored else [AUDIO]
        self.errors += [FieldError(name, "missing", "This field is required.") for name in missing]
        details = self._details()
        self._refuse_errors()
        assert self.upload is not None
        assert self.stored is not None
        return self.upload, self.stored, details

    async def abandon(self) -> None:
        """Remove what was stored. Failing to is for the log: the caller has an error of its own to tell."""
        try:
            if self.artwork_id is not None:
                await self.use(ObjectStore).remove_under(artwork_prefix(self.artwork_id))
            if self.upload is not None:
                await self.use(AbandonUpload)(actor=self.actor, upload=self.upload)
        except Exception:
            log.exception("an abandoned upload was left behind", upload_id=str(self.upload and self.upload.id))

    async def _keep_audio(self, segment: MultipartSegment, events: AsyncGenerator[Event]) -> None:
        if self.upload is not None:
            self.errors.append(FieldError(AUDIO, "duplicate", "Send this field once."))
        # Not one byte is stored for a form that is wrong already.
        self._refuse_errors()
        filename = segment.filename or ""
        refuse_nul({AUDIO: filename})
        self.upload = await self.use(BeginUpload)(actor=self.actor, filename=filename)
        store = self.use(ObjectStore)
        self.stored = await store.put(self.upload.key, _coalesced(payload_of(events)))

    async def _keep_artwork(self, segment: MultipartSegment, events: AsyncGenerator[Event]) -> None:
        if self.artwork_id is not None:
            self.errors.append(FieldError(ARTWORK, "duplicate", "Send this field once."))
        self._refuse_errors()
        self.artwork_id = await keep_image(segment, payload_of(events), self.actor, self.use)

    async def _text(self, name: str, events: AsyncGenerator[Event]) -> bytes:
        data = bytearray()
        async for piece in payload_of(events):
            data += piece
            if len(data) > MAX_FIELD_BYTES:
                wrong = ("too_long", "Use at most 64 KiB.") if name in FIELDS else _UNKNOWN
                self.errors.append(FieldError(name, *wrong))
                self._refuse_errors()
        return bytes(data)

    def _keep_text(self, name: str, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.errors.append(FieldError(name, "not_utf8", "Send text as UTF-8."))
            return
        refuse_nul({name: text})
        if name == TAGS:
            self.tags.append(text)
        elif name not in FIELDS:
            self.errors.append(FieldError(name, *_UNKNOWN))
        elif name in self.texts:
            self.errors.append(FieldError(name, "duplicate", "Send this field once."))
        else:
            self.texts[name] = text

    def _details(self) -> TrackDetails:
        flags = {name: BOOLEANS.get(self.texts[name]) for name in FLAGS & self.texts.keys()}
        self.errors += [
            FieldError(name, "mistyped", "Use true or false.") for name, value in flags.items() if value is None
        ]
        visibility = self.texts.get("visibility", Audience.PUBLIC)
        if visibility not in set(Audience):
            self.errors.append(FieldError("visibility", "mistyped", "Use public or private."))
        self._refuse_errors()
        texts = {name: self.texts[name] for name in TEXTS & self.texts.keys()}
        answers = {name: value for name, value in flags.items() if value is not None}
        return TrackDetails(**texts, **answers, tags=tuple(self.tags), audience=audience_of(visibility))  # type: ignore[arg-type]  # texts and flags go to fields of their type

    def _refuse_errors(self) -> None:
        if self.errors:
            raise Malformed("malformed", "Some fields are not as they should be.", self.errors)


async def keep_image(segment: MultipartSegment, payload: AsyncIterator[bytes], actor: Actor, use: Wiring) -> ArtworkId:
    """Make a cover of the picture in a part; the picture itself goes. Raises TooLarge, Invalid."""
    filename = segment.filename or ""
    refuse_nul({segment.name: filename})
    upload = await use(BeginUpload)(actor=actor, filename=filename)
    try:
        await use(ObjectStore).put(upload.key, _limited(_coalesced(payload)))
        return await use(MakeArtwork)(actor=actor, upload=upload)
    finally:
        await asyncio.shield(use(AbandonUpload)(actor=actor, upload=upload))


async def _limited(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes. Raises TooLarge past what a picture may have."""
    received = 0
    async for piece in pieces:
        received += len(piece)
        if received > MAX_IMAGE_BYTES:
            raise TooLarge("too_large", f"Pictures may have up to {MAX_IMAGE_BYTES} bytes.")
        yield piece


_UNKNOWN = ("unknown", "This field is not known here.")


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
                raise _too_large()
            if chunk:
                for event in parser.parse(chunk):
                    yield event
        parser.close()
    except ParserLimitReached as error:
        raise _too_large() from error
    except MultipartError as error:
        raise Malformed("malformed_multipart", f"This form cannot be read: {error}.") from error


async def payload_of(events: AsyncGenerator[Event]) -> AsyncIterator[bytes]:
    """The bytes of the part that has just begun."""
    async for event in events:
        if event is None:
            return
        yield event


async def _coalesced(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in larger pieces, so that a store is not called for every packet."""
    pending = bytearray()
    async for piece in pieces:
        pending += piece
        if len(pending) >= CHUNK_BYTES:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def _too_large() -> TooLarge:
    return TooLarge("too_large", f"Audio files may have up to {MAX_UPLOAD_BYTES} bytes.")


@dataclass
class UploadOperation(Operation):
    """Documents the form, which litestar cannot see because the handler reads the raw request."""

    def __post_init__(self) -> None:
        text, flag = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.BOOLEAN)
        form = Schema(
            type=OpenAPIType.OBJECT,
            required=[AUDIO, "title"],
            properties={
                AUDIO: Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream"),
                ARTWORK: Schema(type=OpenAPIType.STRING, content_media_type="image/*"),
                **dict.fromkeys(sorted(TEXTS - {"license"}), text),
                "permalink": text,
                "license": Schema(type=OpenAPIType.STRING, enum=sorted(LICENSES)),
                "visibility": Schema(type=OpenAPIType.STRING, enum=["public", "private"], default="public"),
                TAGS: Schema(type=OpenAPIType.ARRAY, items=text),
                **dict.fromkeys(sorted(FLAGS), flag),
            },
        )
        self.request_body = RequestBody(
            content={"multipart/form-data": OpenAPIMediaType(schema=form)},
            required=True,
            description="Parts in any order; tags is repeated. Streamed, up to 1 GiB of audio.",
        )
