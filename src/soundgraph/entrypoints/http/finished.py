"""Uses an upload that has arrived already, over several requests or straight in the store."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import structlog
from msgspec import Meta, Struct

from soundgraph.application.idempotency import Once, ReleaseClaim
from soundgraph.application.ports import Stored
from soundgraph.application.tracks import (
    CreateTrack,
    DropSealed,
    SealUpload,
    TidyUpload,
    TrackOfUpload,
)
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import TrackId, UploadId
from soundgraph.domain.tracks import StreamPolicy, TrackDetails
from soundgraph.domain.visibility import Actor, Audience
from soundgraph.entrypoints.http.errors import TooLarge
from soundgraph.entrypoints.http.idempotency import Attempt, fingerprint_of, settled
from soundgraph.entrypoints.http.requests import JSON_LIMIT_BYTES, ApiRequest, decode

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
DEFAULTS = TrackDetails(title="")
log = structlog.get_logger()


class CreateTrackInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An upload that has arrived, and what to say about the track."""

    upload_id: UUID
    title: str
    description: str = ""
    genre: str = ""
    tags: list[str] = []
    license: str = DEFAULTS.license
    visibility: Literal["public", "private", "scheduled"] = "public"
    publish_at: Annotated[datetime, Meta(tz=True)] | None = None
    policy: Literal["allow", "snip", "block"] = "allow"
    permalink: str | None = None
    downloadable: bool = DEFAULTS.downloadable
    comments_enabled: bool = DEFAULTS.comments_enabled
    embeddable: bool = DEFAULTS.embeddable

    def details(self) -> TrackDetails:
        """What is said about the track."""
        return TrackDetails(
            title=self.title,
            description=self.description,
            genre=self.genre,
            tags=tuple(self.tags),
            license=self.license,
            audience=Audience(self.visibility),
            publish_at=self.publish_at,
            policy=StreamPolicy(self.policy),
            downloadable=self.downloadable,
            comments_enabled=self.comments_enabled,
            embeddable=self.embeddable,
        )


async def claim_track(request: ApiRequest, actor: Actor, use: Wiring, attempt: Attempt | None = None) -> TrackId:
    """Make a track of a finished upload, or tell which one it became already.

    Raises Malformed, TooLarge, and what the use cases raise.
    """
    data = await json_of(request, CreateTrackInput)
    upload_id = UploadId(data.upload_id)

    async def make(once: Once | None) -> TrackId:
        known = await use(TrackOfUpload)(actor=actor, upload_id=upload_id)
        if known is None:
            return await with_finished(actor, use, upload_id, lambda sealed: create(sealed, once))
        if once is not None:
            await use(ReleaseClaim)(claim=once.claim)
        return known

    async def create(sealed: Stored, once: Once | None) -> TrackId:
        return await use(CreateTrack)(
            actor=actor,
            upload_id=upload_id,
            key=sealed.key,
            size_bytes=sealed.size_bytes,
            sha256=sealed.sha256,
            details=data.details(),
            permalink=data.permalink,
            once=once,
        )

    try:
        return TrackId(await settled(attempt, fingerprint_of(data), make))
    except Conflict as conflict:
        # Another request with the same upload was faster.
        made = (
            await use(TrackOfUpload)(actor=actor, upload_id=upload_id) if conflict.code == "upload_completed" else None
        )
        if made is None:
            raise
        return made


async def with_finished(actor: Actor, use: Wiring, upload_id: UploadId, make: Callable[[Stored], Awaitable[T]]) -> T:
    """What `make` makes of a sealed copy of an upload, whose other bytes go. If it fails, the copy goes instead.

    Raises what `SealUpload` and `make` raise.
    """
    sealed = await use(SealUpload)(actor=actor, upload_id=upload_id)
    try:
        made = await make(sealed)
    except BaseException:
        await asyncio.shield(_quietly(use(DropSealed)(actor=actor, upload_id=upload_id, key=sealed.key), upload_id))
        raise
    await _quietly(use(TidyUpload)(actor=actor, upload_id=upload_id), upload_id)
    return made


async def _quietly(tidying: Awaitable[None], upload_id: UploadId) -> None:
    """Failing to tidy up is for the log: a chore does it later."""
    try:
        await tidying
    except Exception:
        log.exception("bytes of an upload were left behind", upload_id=str(upload_id))


async def json_of(request: ApiRequest, wanted: type[S]) -> S:
    """The body of a route that also takes a form. Raises Malformed, TooLarge."""
    if (request.content_length or 0) > JSON_LIMIT_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > JSON_LIMIT_BYTES:
            raise _too_large()
    data = decode(bytes(body), wanted)
    assert isinstance(data, wanted)
    return data


def _too_large() -> TooLarge:
    return TooLarge("too_large", f"Send up to {JSON_LIMIT_BYTES} bytes.")
