"""Covers of tracks."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, put
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, QueryParameter

from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import ReadArtwork, ReadTrack, SetArtwork
from soundgraph.application.views import TrackView
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Invalid, NotFound, Stale, refuse_stale
from soundgraph.domain.ids import ArtworkId, TrackId
from soundgraph.domain.tracks import MAX_IMAGE_BYTES, artwork_prefix
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentViewer
from soundgraph.entrypoints.http.multipart import boundary_of, events_of, only_part, payload_of, refuse_more
from soundgraph.entrypoints.http.policies import BODY, member_route, public_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Use
from soundgraph.entrypoints.http.uploads import keep_image
from soundgraph.entrypoints.http.versions import ExpectedVersion, entity

IMAGE = "image"
MAX_BODY_BYTES = MAX_IMAGE_BYTES + (64 << 10)
# A cover stays in a browser for so long after its track was made private; signed links to its sound live longer.
KEPT_SECONDS = 300
Size = Annotated[int, QueryParameter(description="Its width in pixels: 100, 500 or 1000.")]


@dataclass
class ImageOperation(Operation):
    """Documents the form, which litestar cannot see because the handler reads the raw request."""

    def __post_init__(self) -> None:
        picture = Schema(type=OpenAPIType.STRING, content_media_type="image/*")
        form = Schema(type=OpenAPIType.OBJECT, required=[IMAGE], properties={IMAGE: picture})
        self.request_body = RequestBody(
            content={"multipart/form-data": OpenAPIMediaType(schema=form)},
            required=True,
            description="A JPEG, PNG or WebP picture of at most 10 MB and 25 megapixels; its middle is cut square.",
        )


@put(
    "/tracks/{track_id:uuid}/artwork",
    **member_route(SetArtwork, *BODY, NotFound, Conflict, Stale, Invalid, summary="Give one's own track a cover"),
    status_code=200,
    request_max_body_size=None,
    operation_class=ImageOperation,
)
async def set_artwork(
    track_id: FromPath[UUID], request: ApiRequest, actor: CurrentActor, use: Use, version: ExpectedVersion
) -> Response[TrackView]:
    """Give one's own track a cover."""
    view = await use(ReadTrack)(viewer=actor, track_id=TrackId(track_id))
    if view.user.id != actor.id:
        raise NotFound
    # Before the first byte; and once more when the track is locked.
    refuse_stale(view.version, version)
    artwork_id = await _receive(request, actor, use)
    try:
        await use(SetArtwork)(actor=actor, track_id=TrackId(track_id), artwork_id=artwork_id, version=version)
    except Exception:
        await use(ObjectStore).remove_under(artwork_prefix(artwork_id))
        raise
    return entity(await use(ReadTrack)(viewer=actor, track_id=TrackId(track_id)))


@delete("/tracks/{track_id:uuid}/artwork", **member_route(SetArtwork, NotFound, Conflict, Stale), status_code=204)
async def remove_artwork(track_id: FromPath[UUID], actor: CurrentActor, use: Use, version: ExpectedVersion) -> None:
    """Take the cover away."""
    await use(SetArtwork)(actor=actor, track_id=TrackId(track_id), artwork_id=None, version=version)


@get("/tracks/{track_id:uuid}/artwork", **public_route(ReadArtwork, NotFound), media_type="image/jpeg")
async def read_artwork(track_id: FromPath[UUID], viewer: CurrentViewer, use: Use, size: Size = 500) -> Response[bytes]:
    """The cover of a track."""
    chunks = await use(ReadArtwork)(viewer=viewer, track_id=TrackId(track_id), size=size)
    picture = b"".join([chunk async for chunk in chunks])
    headers = {"Cache-Control": f"private, max-age={KEPT_SECONDS}"}
    return Response(picture, media_type="image/jpeg", headers=headers)


async def _receive(request: ApiRequest, actor: Actor, use: Wiring) -> ArtworkId:
    """The cover made of the one part of a form; of any other form nothing stays behind.

    Raises Malformed, WrongMediaType, TooLarge, Invalid.
    """
    async with aclosing(events_of(request, boundary_of(request), limit=MAX_BODY_BYTES)) as events:
        segment = await only_part(events, IMAGE)
        artwork_id = await keep_image(segment, payload_of(events), actor, use)
        try:
            await refuse_more(events, IMAGE)
        except BaseException:
            # Shielded: a client that hangs up cancels this task, and the cover must go all the same.
            await asyncio.shield(use(ObjectStore).remove_under(artwork_prefix(artwork_id)))
            raise
    return artwork_id


ROUTES = (set_artwork, remove_artwork, read_artwork)
