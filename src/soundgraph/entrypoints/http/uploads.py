"""Receives a multipart upload in constant memory: audio flows to the store while it arrives, in any order of parts."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec
import structlog
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from msgspec import Meta
from multipart import MultipartSegment

from soundgraph.application.idempotency import Once
from soundgraph.application.ports import ObjectStore, Stored
from soundgraph.application.tracks import AbandonUpload, BeginUpload, CreateTrack, MakeArtwork, TrackOfUpload
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import FieldError
from soundgraph.domain.ids import ArtworkId, TrackId
from soundgraph.domain.tracks import (
    LICENSES,
    MAX_IMAGE_BYTES,
    StreamPolicy,
    TrackDetails,
    Upload,
    artwork_prefix,
)
from soundgraph.domain.visibility import Actor, Audience
from soundgraph.entrypoints.http.errors import Malformed, TooLarge
from soundgraph.entrypoints.http.idempotency import Attempt, fingerprint_of, settled
from soundgraph.entrypoints.http.multipart import (
    MAX_BODY_BYTES,
    MAX_FIELD_BYTES,
    Event,
    boundary_of,
    coalesced,
    digested,
    events_of,
    hashed,
    payload_of,
    too_large_audio,
)
from soundgraph.entrypoints.http.requests import ApiRequest, refuse_nul

AUDIO, ARTWORK, TAGS = "audio", "artwork", "tags"
TEXTS = frozenset(["title", "description", "genre", "license"])
FLAGS = frozenset(["downloadable", "comments_enabled", "embeddable"])
CHOICES = {"visibility": Audience, "policy": StreamPolicy}
FIELDS = TEXTS | FLAGS | CHOICES.keys() | {TAGS, "permalink", "publish_at"}
MOMENT = Annotated[datetime, Meta(tz=True)]
BOOLEANS = {"true": True, "false": False}


log = structlog.get_logger()


async def receive_track(request: ApiRequest, actor: Actor, use: Wiring, attempt: Attempt | None = None) -> TrackId:
    """Store the audio and make a track of it. Whatever goes wrong, nothing stays behind.

    Where an earlier attempt made a track already, nothing is stored: its id is returned if this is the same form.

    Raises WrongMediaType, TooLarge, Malformed naming every field that cannot be read, and what the use cases raise.
    """
    boundary = boundary_of(request)
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large_audio()
    form = _Form(actor, use, keep=attempt is None or attempt.earlier is None)
    try:
        async with aclosing(events_of(request, boundary)) as events:
            stored, details = await form.read(events)
        made = await settled(attempt, form.fingerprint(stored), lambda once: form.create(stored, details, once))
        return TrackId(made)
    except BaseException:
        # Shielded: a client that hangs up cancels this task, and what it sent must go all the same.
        await asyncio.shield(form.abandon())
        raise


@dataclass(slots=True)
class _Form:
    """What has arrived so far."""

    actor: Actor
    use: Wiring
    keep: bool = True
    texts: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)
    upload: Upload | None = None
    artwork_id: ArtworkId | None = None
    artwork_sha256: str = ""
    stored: Stored | None = None

    async def read(self, events: AsyncGenerator[Event]) -> tuple[Stored, TrackDetails]:
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
        assert self.stored is not None
        return self.stored, details

    def fingerprint(self, stored: Stored) -> str:
        """Of the fields and the files: neither the boundary nor the order of parts, nor what the file was called."""
        tags = [(TAGS, tag) for tag in self.tags]
        return fingerprint_of([*sorted([*self.texts.items(), *tags]), stored.sha256, self.artwork_sha256])

    async def create(self, stored: Stored, details: TrackDetails, once: Once | None) -> TrackId:
        """The track of what has arrived."""
        assert self.upload is not None
        return await self.use(CreateTrack)(
            actor=self.actor,
            upload_id=self.upload.id,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            details=details,
            permalink=self.texts.get("permalink"),
            artwork_id=self.artwork_id,
            once=once,
        )

    async def abandon(self) -> None:
        """Remove what was stored. Failing to is for the log: the caller has an error of its own to tell."""
        try:
            if self.upload is not None and await self._made_a_track(self.upload):
                return
            if self.artwork_id is not None:
                await self.use(ObjectStore).remove_under(artwork_prefix(self.artwork_id))
            if self.upload is not None:
                await self.use(AbandonUpload)(actor=self.actor, upload=self.upload)
        except Exception:
            log.exception("an abandoned upload was left behind", upload_id=str(self.upload and self.upload.id))

    async def _made_a_track(self, upload: Upload) -> bool:
        """Whether it did after all: a client that hung up as it was committed cancelled only the answer."""
        return await self.use(TrackOfUpload)(actor=self.actor, upload_id=upload.id) is not None

    async def _keep_audio(self, segment: MultipartSegment, events: AsyncGenerator[Event]) -> None:
        if self.stored is not None:
            self.errors.append(FieldError(AUDIO, "duplicate", "Send this field once."))
        # Not one byte is stored for a form that is wrong already.
        self._refuse_errors()
        filename = segment.filename or ""
        refuse_nul({AUDIO: filename})
        if not self.keep:
            self.stored = await digested(payload_of(events))
            return
        self.upload = await self.use(BeginUpload)(actor=self.actor, filename=filename)
        store = self.use(ObjectStore)
        self.stored = await store.put(self.upload.key, coalesced(payload_of(events)))

    async def _keep_artwork(self, segment: MultipartSegment, events: AsyncGenerator[Event]) -> None:
        if self.artwork_sha256:
            self.errors.append(FieldError(ARTWORK, "duplicate", "Send this field once."))
        self._refuse_errors()
        digest = hashlib.sha256()
        pieces = hashed(payload_of(events), digest)
        if self.keep:
            self.artwork_id = await keep_image(segment, pieces, self.actor, self.use)
        else:
            await digested(pieces)
        self.artwork_sha256 = digest.hexdigest()

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
        for name in CHOICES.keys() & self.texts.keys():
            if self.texts[name] not in set(CHOICES[name]):
                self.errors.append(FieldError(name, "mistyped", f"Use one of: {', '.join(CHOICES[name])}."))
        publish_at = self._moment("publish_at")
        self._refuse_errors()
        texts = {name: self.texts[name] for name in TEXTS & self.texts.keys()}
        answers = {name: value for name, value in flags.items() if value is not None}
        return TrackDetails(
            **texts,  # type: ignore[arg-type]  # texts and flags go to fields of their type
            **answers,  # type: ignore[arg-type]  # as above
            tags=tuple(self.tags),
            audience=Audience(self.texts.get("visibility", Audience.PUBLIC)),
            policy=StreamPolicy(self.texts.get("policy", StreamPolicy.ALLOW)),
            publish_at=publish_at,
        )

    def _moment(self, name: str) -> datetime | None:
        if name not in self.texts:
            return None
        try:
            return msgspec.convert(self.texts[name], MOMENT)
        except msgspec.ValidationError:
            self.errors.append(FieldError(name, "mistyped", "Use a moment of ISO 8601 with its offset from UTC."))
            return None

    def _refuse_errors(self) -> None:
        if self.errors:
            raise Malformed("malformed", "Some fields are not as they should be.", self.errors)


async def keep_image(segment: MultipartSegment, payload: AsyncIterator[bytes], actor: Actor, use: Wiring) -> ArtworkId:
    """Make a cover of the picture in a part; the picture itself goes. Raises TooLarge, Invalid."""
    filename = segment.filename or ""
    refuse_nul({segment.name: filename})
    upload = await use(BeginUpload)(actor=actor, filename=filename)
    try:
        await use(ObjectStore).put(upload.key, _limited(coalesced(payload)))
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


@dataclass
class UploadOperation(Operation):
    """Documents the form, which litestar cannot see because the handler reads the raw request."""

    def __post_init__(self) -> None:
        text, flag = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.BOOLEAN)
        said = {
            **dict.fromkeys(sorted(TEXTS - {"license"}), text),
            "permalink": text,
            "license": Schema(type=OpenAPIType.STRING, enum=sorted(LICENSES)),
            "visibility": Schema(type=OpenAPIType.STRING, enum=["public", "private", "scheduled"], default="public"),
            "publish_at": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
            "policy": Schema(type=OpenAPIType.STRING, enum=["allow", "snip", "block"], default="allow"),
            TAGS: Schema(type=OpenAPIType.ARRAY, items=text),
            **dict.fromkeys(sorted(FLAGS), flag),
        }
        files = {
            AUDIO: Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream"),
            ARTWORK: Schema(type=OpenAPIType.STRING, content_media_type="image/*"),
        }
        finished = {"upload_id": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID)}
        self.request_body = RequestBody(
            content={
                "multipart/form-data": _object([AUDIO, "title"], {**files, **said}),
                "application/json": _object(["upload_id", "title"], {**finished, **said}),
            },
            required=True,
            description="A form, its parts in any order and tags repeated, streamed, up to 1 GiB of audio; or JSON "
            "that names a finished upload.",
        )


def _object(required: list[str], properties: dict[str, Schema]) -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT, required=required, properties=dict(properties)))
