"""What plays, and where."""

import hashlib
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from soundgraph.application.playback import (
    ClearHistory,
    DownloadTrack,
    DownloadView,
    HistoryItem,
    LocateStream,
    PlayReader,
    PlaysByDay,
    ReadManifest,
    ReadPlaysByDay,
    ReadStreams,
    ReportPlay,
)
from soundgraph.application.views import StreamsView
from soundgraph.domain.errors import Conflict, Invalid, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.entrypoints.http.addresses import address_of, subject_of
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentViewer
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.policies import BODY, member_route, public_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Given, Services, Use

HLS = "application/vnd.apple.mpegurl"
Grain = Annotated[Literal["day"], QueryParameter(description="What is summed up.")]
First = Annotated[date | None, QueryParameter(name="from", description="The first day, in UTC.")]
Last = Annotated[date | None, QueryParameter(name="to", description="The last day, in UTC; today unless said.")]


@get("/tracks/{track_id:uuid}/streams", **public_route(ReadStreams, NotFound))
async def read_streams(track_id: FromPath[UUID], viewer: CurrentViewer, use: Use) -> StreamsView:
    """Where a track plays."""
    return await use(ReadStreams)(viewer=viewer, track_id=TrackId(track_id))


@get("/tracks/{track_id:uuid}/hls.m3u8", **public_route(ReadManifest, NotFound, Conflict), media_type=HLS)
async def read_manifest(track_id: FromPath[UUID], viewer: CurrentViewer, use: Use) -> Response[str]:
    """The HLS manifest of a track."""
    manifest = await use(ReadManifest)(viewer=viewer, track_id=TrackId(track_id))
    return Response(manifest, media_type=HLS)


@get("/tracks/{track_id:uuid}/stream", **public_route(LocateStream, NotFound, Conflict), status_code=302)
async def redirect_to_stream(track_id: FromPath[UUID], viewer: CurrentViewer, use: Use) -> Response[None]:
    """Off to the progressive file of a track."""
    url = await use(LocateStream)(viewer=viewer, track_id=TrackId(track_id))
    return Response(None, status_code=302, headers={"Location": url})


@get("/tracks/{track_id:uuid}/download", **public_route(DownloadTrack, NotFound, Conflict), status_code=302)
async def download_track(track_id: FromPath[UUID], viewer: CurrentViewer, use: Use) -> Response[DownloadView]:
    """A copy to keep."""
    view = await use(DownloadTrack)(viewer=viewer, track_id=TrackId(track_id))
    return Response(view, status_code=302, headers={"Location": view.url, "Cache-Control": "no-store"})


class PlayInput(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a track was heard, and where: `context` is a page, a playlist, a client."""

    position_ms: int
    context: Annotated[str, Meta(max_length=200)] = ""


def visitor_of(request: ApiRequest, services: Services) -> tuple[str, str]:
    """Tell visitors apart, and the places they come from, for counting once. Without an address there is no place.

    No address can be had back from either without this server's key.
    """
    address = subject_of(address_of(request, services.trusted_proxies))
    device = request.headers.get("user-agent", "")

    def hashed(seen: str, person: bytes) -> str:
        encoded = seen.encode("utf-8", "replace")
        return hashlib.blake2b(encoded, key=services.cursor_key, person=person, digest_size=16).hexdigest()

    return hashed(f"{address}\n{device}", b"visitor"), hashed(address, b"place") if address else ""


@post("/tracks/{track_id:uuid}/plays", **public_route(ReportPlay, *BODY, NotFound, Conflict, Invalid), status_code=204)
async def report_play(
    track_id: FromPath[UUID], data: JSONBody[PlayInput], request: ApiRequest, viewer: CurrentViewer, services: Given
) -> None:
    """Report a play."""
    visitor, place = visitor_of(request, services)
    await services.use(ReportPlay)(
        viewer=viewer,
        visitor=visitor,
        place=place,
        track_id=TrackId(track_id),
        position_ms=data.position_ms,
        context=data.context,
    )


@get("/me/tracks/{track_id:uuid}/plays", **member_route(ReadPlaysByDay, NotFound, Invalid))
async def read_plays(
    track_id: FromPath[UUID],
    actor: CurrentActor,
    use: Use,
    by: Grain = "day",  # noqa: ARG001 - there is one grain as yet, and clients name it
    first: First = None,
    last: Last = None,
) -> PlaysByDay:
    """The plays of one's own track."""
    return await use(ReadPlaysByDay)(actor=actor, track_id=TrackId(track_id), first=first, last=last)


@get("/me/history", **member_route(PlayReader.history))
async def read_history(actor: CurrentActor, window: CurrentWindow, use: Use) -> Listing[HistoryItem]:
    """What one played."""
    reader = use(PlayReader)
    return window.listing(await reader.history(actor, after=window.after, limit=window.limit))


@delete("/me/history", **member_route(ClearHistory), status_code=204)
async def clear_history(actor: CurrentActor, use: Use) -> None:
    """Forget what one played."""
    await use(ClearHistory)(actor=actor)


ROUTES = (
    read_streams,
    read_manifest,
    redirect_to_stream,
    download_track,
    report_play,
    read_plays,
    read_history,
    clear_history,
)
