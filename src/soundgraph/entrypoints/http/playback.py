"""What plays, and where."""

import asyncio
import hashlib
import math
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from soundgraph.application.playback import LocateStream, ReadManifest, ReadStreams, ReadWaveform, ReportPlay
from soundgraph.application.views import StreamsView
from soundgraph.domain.errors import Conflict, Invalid, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.entrypoints.http.auth import CurrentViewer
from soundgraph.entrypoints.http.policies import BODY, public_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Given, Services, Use

HLS = "application/vnd.apple.mpegurl"
Points = Annotated[
    int | None, QueryParameter(ge=100, le=10_000, description="Resample to exactly so many min/max pairs.")
]


class WaveformView(Struct, frozen=True, kw_only=True):
    """Peaks as audiowaveform JSON, version 2: `data` is min, max, min, max, … of `length` pairs, 8 bits each."""

    version: int
    channels: int
    sample_rate: int
    samples_per_pixel: int
    bits: int
    length: int
    data: list[int]


def resampled(waveform: bytes, points: int) -> bytes:
    """The same waveform with exactly `points` pairs: extremes of several where there were more, else repeated."""
    view = msgspec.json.decode(waveform, type=WaveformView)
    if not view.length:
        return waveform
    lows, highs, data = view.data[::2], view.data[1::2], list[int]()
    for point in range(points):
        start = point * view.length // points
        end = max(start + 1, (point + 1) * view.length // points)
        data += [min(lows[start:end]), max(highs[start:end])]
    per_pixel = max(1, math.ceil(view.samples_per_pixel * view.length / points))
    return msgspec.json.encode(msgspec.structs.replace(view, length=points, samples_per_pixel=per_pixel, data=data))


@get(
    "/tracks/{track_id:uuid}/waveform",
    **public_route(ReadWaveform, NotFound, Conflict, summary="The waveform of a track"),
)
async def read_waveform(
    track_id: FromPath[UUID], viewer: CurrentViewer, use: Use, points: Points = None
) -> Response[WaveformView]:
    """The waveform of a track."""
    chunks = await use(ReadWaveform)(viewer=viewer, track_id=TrackId(track_id))
    waveform = b"".join([chunk async for chunk in chunks])
    if points is not None:
        waveform = await asyncio.to_thread(resampled, waveform, points)
    # It is JSON already: encoded when it was made, or just now in the thread.
    return Response(msgspec.Raw(waveform))  # type: ignore[arg-type]  # the annotation documents what Raw holds


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


class PlayInput(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a track was heard, and where: `context` is a page, a playlist, a client."""

    position_ms: int
    context: Annotated[str, Meta(max_length=200)] = ""


def visitor_of(request: ApiRequest, services: Services) -> str:
    """Tells visitors apart for counting once; the address cannot be had back from it without this server's key."""
    address = request.client.host if request.client else ""
    device = request.headers.get("user-agent", "")
    seen = f"{address}\n{device}".encode("utf-8", "replace")
    return hashlib.blake2b(seen, key=services.cursor_key, person=b"visitor", digest_size=16).hexdigest()


@post("/tracks/{track_id:uuid}/plays", **public_route(ReportPlay, *BODY, NotFound, Conflict, Invalid), status_code=204)
async def report_play(
    track_id: FromPath[UUID], data: JSONBody[PlayInput], request: ApiRequest, viewer: CurrentViewer, services: Given
) -> None:
    """Report a play."""
    await services.use(ReportPlay)(
        viewer=viewer,
        visitor=visitor_of(request, services),
        track_id=TrackId(track_id),
        position_ms=data.position_ms,
        context=data.context,
    )


ROUTES = (read_waveform, read_streams, read_manifest, redirect_to_stream, report_play)
