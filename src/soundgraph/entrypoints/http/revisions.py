"""Other audio for a track, and earlier audio again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

import structlog
from litestar import Response, get, post, put
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath
from msgspec import Struct

from soundgraph.application.limits import UPLOADS
from soundgraph.application.ports import ObjectStore, Stored
from soundgraph.application.tracks import (
    AbandonUpload,
    BeginUpload,
    CheckReplacement,
    DropSealed,
    ListRevisions,
    ReadTrack,
    ReplaceAudio,
    RestoreRevision,
    TrackOfUpload,
)
from soundgraph.application.views import RevisionView, TrackView
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Gone, Invalid, NotFound, Stale
from soundgraph.domain.ids import RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import Upload
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.cursors import Listing
from soundgraph.entrypoints.http.finished import json_of, with_finished
from soundgraph.entrypoints.http.multipart import (
    Event,
    boundary_of,
    coalesced,
    events_of,
    only_part,
    payload_of,
    refuse_more,
)
from soundgraph.entrypoints.http.policies import BODY, member_route
from soundgraph.entrypoints.http.requests import ApiRequest, refuse_nul
from soundgraph.entrypoints.http.services import Use
from soundgraph.entrypoints.http.uploads import AUDIO
from soundgraph.entrypoints.http.versions import ExpectedVersion, entity

MAX_DIGITS = 9
log = structlog.get_logger()


class ReplaceAudioInput(Struct, frozen=True, forbid_unknown_fields=True):
    """An upload that has arrived."""

    upload_id: UUID


@dataclass
class AudioOperation(Operation):
    """Documents the form, which litestar cannot see because the handler reads the raw request."""

    def __post_init__(self) -> None:
        audio = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
        upload_id = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID)
        finished = Schema(type=OpenAPIType.OBJECT, required=["upload_id"], properties={"upload_id": upload_id})
        form = Schema(type=OpenAPIType.OBJECT, required=[AUDIO], properties={AUDIO: audio})
        self.request_body = RequestBody(
            content={
                "multipart/form-data": OpenAPIMediaType(schema=form),
                "application/json": OpenAPIMediaType(schema=finished),
            },
            required=True,
            description="One part, streamed, up to 1 GiB of audio; or an upload that has arrived.",
        )


@put(
    "/tracks/{track_id:uuid}/audio",
    **member_route(
        ReplaceAudio,
        *BODY,
        NotFound,
        Conflict,
        Gone,
        Stale,
        Invalid,
        limits=(UPLOADS,),
        summary="Replace a track's audio",
    ),
    status_code=202,
    request_max_body_size=None,
    operation_class=AudioOperation,
)
async def replace_audio(
    track_id: FromPath[UUID], request: ApiRequest, actor: CurrentActor, use: Use, version: ExpectedVersion
) -> Response[TrackView]:
    """Replace a track's audio."""
    replace = _Replacement(actor, use, TrackId(track_id), version)
    if request.content_type[0] == "application/json":
        await replace.by_finished(UploadId((await json_of(request, ReplaceAudioInput)).upload_id))
    else:
        # Before the first byte, not after a gigabyte.
        await replace.check()
        async with aclosing(events_of(request, boundary_of(request))) as events:
            await replace.by_form(events)
    return entity(await use(ReadTrack)(viewer=actor, track_id=TrackId(track_id)), status_code=202)


@dataclass(frozen=True, slots=True)
class _Replacement:
    """Which track is to have other audio, and who says so."""

    actor: Actor
    use: Wiring
    track_id: TrackId
    version: int | None

    async def check(self) -> None:
        """Raise what stands against it whatever the audio is."""
        await self.use(CheckReplacement)(actor=self.actor, track_id=self.track_id, version=self.version)

    async def by_form(self, events: AsyncGenerator[Event]) -> None:
        """Store the audio and make a revision of it. Unless it becomes one, nothing stays behind."""
        filename = (await only_part(events, AUDIO)).filename or ""
        refuse_nul({AUDIO: filename})
        upload, replaced = await self.use(BeginUpload)(actor=self.actor, filename=filename), False
        try:
            stored = await self.use(ObjectStore).put(upload.key, coalesced(payload_of(events)))
            await refuse_more(events, AUDIO)
            replaced = await self._replace(upload.id, stored)
        finally:
            if not replaced:
                # Shielded: a client that hangs up cancels this task, and what it sent must go all the same.
                await asyncio.shield(_abandon(self.actor, self.use, upload))

    async def by_finished(self, upload_id: UploadId) -> None:
        """Make a revision of an upload that has arrived already. Once: sending it again changes nothing."""
        if await self.use(TrackOfUpload)(actor=self.actor, upload_id=upload_id) == self.track_id:
            return
        await self.check()

        async def make(sealed: Stored) -> None:
            if not await self._replace(upload_id, sealed):
                await self.use(DropSealed)(actor=self.actor, upload_id=upload_id, key=sealed.key)

        await with_finished(self.actor, self.use, upload_id, make)

    async def _replace(self, upload_id: UploadId, stored: Stored) -> bool:
        return await self.use(ReplaceAudio)(
            actor=self.actor,
            track_id=self.track_id,
            upload_id=upload_id,
            key=stored.key,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            version=self.version,
        )


async def _abandon(actor: Actor, use: Wiring, upload: Upload) -> None:
    """Remove what was stored. Failing to is for the log: the caller has an error of its own to tell."""
    try:
        await use(AbandonUpload)(actor=actor, upload=upload)
    except Exception:
        log.exception("an abandoned upload was left behind", upload_id=str(upload.id))


@get("/tracks/{track_id:uuid}/revisions", **member_route(ListRevisions, NotFound))
async def list_revisions(track_id: FromPath[UUID], actor: CurrentActor, use: Use) -> Listing[RevisionView]:
    """The audio that one's own track had and has."""
    return Listing(await use(ListRevisions)(actor=actor, track_id=TrackId(track_id)), None)


@post(
    "/tracks/{track_id:uuid}/revisions/{revision:str}/restore",
    **member_route(RestoreRevision, NotFound, Conflict, Stale),
    status_code=200,
)
async def restore_revision(
    track_id: FromPath[UUID], revision: FromPath[str], actor: CurrentActor, use: Use, version: ExpectedVersion
) -> Response[TrackView]:
    """Play an earlier revision again."""
    named = _named(revision)
    await use(RestoreRevision)(actor=actor, track_id=TrackId(track_id), revision=named, version=version)
    return entity(await use(ReadTrack)(viewer=actor, track_id=TrackId(track_id)))


def _named(revision: str) -> RevisionId | int:
    """The id or the number in a path. Raises NotFound."""
    if revision.isascii() and revision.isdigit() and len(revision) <= MAX_DIGITS:
        return int(revision)
    try:
        return RevisionId(UUID(revision))
    except ValueError:
        raise NotFound from None


ROUTES = (replace_audio, list_revisions, restore_revision)
