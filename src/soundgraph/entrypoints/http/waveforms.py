"""Waveforms in the formats of BBC audiowaveform, version 2: JSON and `.dat`.

Source: https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
"""

import array
import asyncio
import math
import struct
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from soundgraph.application.playback import ReadWaveform
from soundgraph.domain.errors import Conflict, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.entrypoints.http.auth import CurrentViewer
from soundgraph.entrypoints.http.policies import public_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Use

BINARY = "application/octet-stream"
EIGHT_BITS = 1
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


def packed(waveform: bytes) -> bytes:
    """The same waveform as `.dat`: six numbers of four bytes, little-endian, then a byte for each value."""
    view = msgspec.json.decode(waveform, type=WaveformView)
    numbers = (view.version, EIGHT_BITS, view.sample_rate, view.samples_per_pixel, view.length, view.channels)
    return struct.pack("<iIiiIi", *numbers) + array.array("b", view.data).tobytes()


async def _waveform(use: Use, viewer: CurrentViewer, track_id: UUID, points: int | None) -> bytes:
    chunks = await use(ReadWaveform)(viewer=viewer, track_id=TrackId(track_id))
    waveform = b"".join([chunk async for chunk in chunks])
    return waveform if points is None else await asyncio.to_thread(resampled, waveform, points)


@get(
    "/tracks/{track_id:uuid}/waveform",
    **public_route(ReadWaveform, NotFound, Conflict, summary="The waveform of a track"),
)
async def read_waveform(
    track_id: FromPath[UUID], request: ApiRequest, viewer: CurrentViewer, use: Use, points: Points = None
) -> Response[WaveformView]:
    """The waveform of a track; as `.dat` for who accepts `application/octet-stream` alone."""
    waveform = await _waveform(use, viewer, track_id, points)
    if request.headers.get("accept") == BINARY:
        return Response(await asyncio.to_thread(packed, waveform), media_type=BINARY)  # type: ignore[arg-type]  # as below
    # It is JSON already: encoded when it was made, or just now in the thread.
    return Response(msgspec.Raw(waveform))  # type: ignore[arg-type]  # the annotation documents what Raw holds


@get(
    "/tracks/{track_id:uuid}/waveform.dat",
    **public_route(ReadWaveform, NotFound, Conflict, summary="The waveform of a track, binary"),
    media_type=BINARY,
)
async def read_waveform_dat(
    track_id: FromPath[UUID], viewer: CurrentViewer, use: Use, points: Points = None
) -> Response[bytes]:
    """The waveform of a track as audiowaveform's `.dat`, version 2."""
    waveform = await _waveform(use, viewer, track_id, points)
    return Response(await asyncio.to_thread(packed, waveform), media_type=BINARY)


ROUTES = (read_waveform, read_waveform_dat)
