"""Tracks, their upload and their processing."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from soundgraph.application.limits import UPLOADS
from soundgraph.application.tracks import (
    CreateTrack,
    DeleteTrack,
    EditTrack,
    ListTracksOf,
    ReadTrack,
    RetryTrack,
    TrackReader,
)
from soundgraph.application.views import TrackView
from soundgraph.domain.errors import Conflict, Gone, Invalid, NotFound, Stale
from soundgraph.domain.ids import TrackId
from soundgraph.domain.tracks import StreamPolicy, TrackDetails
from soundgraph.domain.visibility import Audience
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentViewer
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.finished import claim_track
from soundgraph.entrypoints.http.idempotency import IdempotencyKey, claimed
from soundgraph.entrypoints.http.people import person
from soundgraph.entrypoints.http.policies import BODY, member_route, public_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Use
from soundgraph.entrypoints.http.uploads import UploadOperation, receive_track
from soundgraph.entrypoints.http.versions import ExpectedVersion, entity

EMPTY = {"description": "", "genre": "", "tags": ()}
API_TRACKS = "/api/v1/tracks"


class EditTrackInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What is absent stays; null empties. Without `publish_at` what was scheduled is private."""

    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    genre: str | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET
    license: str | UnsetType = UNSET
    visibility: Literal["public", "private", "scheduled"] | UnsetType = UNSET
    publish_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    policy: Literal["allow", "snip", "block"] | UnsetType = UNSET
    downloadable: bool | UnsetType = UNSET
    comments_enabled: bool | UnsetType = UNSET
    embeddable: bool | UnsetType = UNSET
    permalink: str | UnsetType = UNSET

    def applied_to(self, details: TrackDetails) -> TrackDetails:
        """The details with what was sent."""
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name != "permalink"}
        changes: dict[str, Any] = {
            name: EMPTY.get(name) if value is None else value for name, value in given.items() if value is not UNSET
        }
        if "tags" in changes:
            changes["tags"] = tuple(changes["tags"])
        if "visibility" in changes:
            changes["audience"] = Audience(changes.pop("visibility"))
            if changes["audience"] is not Audience.SCHEDULED:
                changes.setdefault("publish_at", None)
        elif self.publish_at is None and details.audience is Audience.SCHEDULED:
            changes["audience"] = Audience.PRIVATE
        if "policy" in changes:
            changes["policy"] = StreamPolicy(changes["policy"])
        return replace(details, **changes)


@post(
    "/tracks",
    **member_route(CreateTrack, *BODY, NotFound, Conflict, Gone, Invalid, limits=(UPLOADS,), summary="Upload a track"),
    status_code=202,
    request_max_body_size=None,
    operation_class=UploadOperation,
)
async def upload_track(
    request: ApiRequest, actor: CurrentActor, use: Use, idempotency_key: IdempotencyKey
) -> Response[TrackView]:
    """Upload a track."""
    async with claimed(request, idempotency_key, actor, use) as attempt:
        receive = claim_track if request.content_type[0] == "application/json" else receive_track
        track_id = await receive(request, actor, use, attempt)
    view = await use(ReadTrack)(viewer=actor, track_id=track_id)
    return entity(view, status_code=202, headers={"Location": f"{API_TRACKS}/{track_id}"})


@get("/tracks/{track_id:uuid}", **public_route(ReadTrack, NotFound))
async def read_track(track_id: FromPath[UUID], viewer: CurrentViewer, use: Use) -> Response[TrackView]:
    """A track."""
    return entity(await use(ReadTrack)(viewer=viewer, track_id=TrackId(track_id)))


@patch("/tracks/{track_id:uuid}", **member_route(EditTrack, *BODY, NotFound, Conflict, Stale, Invalid))
async def edit_track(
    track_id: FromPath[UUID], data: JSONBody[EditTrackInput], actor: CurrentActor, use: Use, version: ExpectedVersion
) -> Response[TrackView]:
    """Change one's own track."""
    permalink = None if data.permalink is UNSET else data.permalink
    await use(EditTrack)(
        actor=actor, track_id=TrackId(track_id), change=data.applied_to, permalink=permalink, version=version
    )
    return entity(await use(ReadTrack)(viewer=actor, track_id=TrackId(track_id)))


@delete("/tracks/{track_id:uuid}", **member_route(DeleteTrack, NotFound, Conflict, Stale), status_code=204)
async def delete_track(track_id: FromPath[UUID], actor: CurrentActor, use: Use, version: ExpectedVersion) -> None:
    """Delete one's own track."""
    await use(DeleteTrack)(actor=actor, track_id=TrackId(track_id), version=version)


@post("/tracks/{track_id:uuid}/retry", **member_route(RetryTrack, NotFound, Conflict, Stale), status_code=202)
async def retry_track(
    track_id: FromPath[UUID], actor: CurrentActor, use: Use, version: ExpectedVersion
) -> Response[TrackView]:
    """Process a track again."""
    await use(RetryTrack)(actor=actor, track_id=TrackId(track_id), version=version)
    return entity(await use(ReadTrack)(viewer=actor, track_id=TrackId(track_id)), status_code=202)


@get("/me/tracks", **member_route(TrackReader.mine))
async def list_my_tracks(actor: CurrentActor, window: CurrentWindow, use: Use) -> Listing[TrackView]:
    """All of one's own tracks."""
    reader = use(TrackReader)
    return window.listing(await reader.mine(actor, after=window.after, limit=window.limit))


@get("/users/{id_or_handle:str}/tracks", **public_route(ListTracksOf, NotFound))
async def list_tracks(
    id_or_handle: FromPath[str], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[TrackView]:
    """A person's tracks."""
    who = await person(use, viewer, id_or_handle)
    page = await use(ListTracksOf)(viewer=viewer, account_id=who, after=window.after, limit=window.limit)
    return window.listing(page)


ROUTES = (
    upload_track,
    read_track,
    edit_track,
    delete_track,
    retry_track,
    list_my_tracks,
    list_tracks,
)
