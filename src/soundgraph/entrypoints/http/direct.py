"""Uploads straight to the store: the form for it, and what answers that form where the store is ours."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from uuid import UUID

from litestar import Response, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct
from multipart import MultipartSegment

from soundgraph.application.idempotency import Once
from soundgraph.application.limits import UPLOADS
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import BeginDirect, SignDirect
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from soundgraph.domain.ids import UploadId
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.errors import Malformed, TooLarge
from soundgraph.entrypoints.http.idempotency import IdempotencyKey, claimed, fingerprint_of, settled
from soundgraph.entrypoints.http.multipart import (
    MAX_FIELD_BYTES,
    Event,
    boundary_of,
    coalesced,
    events_of,
    payload_of,
)
from soundgraph.entrypoints.http.policies import BODY, member_route, open_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Given, SignedMedia, SignedTarget, Use

FILE = "file"
CORS = {"Access-Control-Allow-Origin": "*"}


class BeginDirectInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is called, for the owner's eyes."""

    filename: str = ""


class DirectUpload(Struct, frozen=True):
    """Send the file as multipart/form-data to `url`: all `fields`, then the file, last, as `file`."""

    upload_id: UUID
    url: str
    fields: dict[str, str]
    expires_at: datetime


@post("/uploads/direct", **member_route(BeginDirect, *BODY, NotFound, Conflict, Gone, Invalid, limits=(UPLOADS,)))
async def begin_direct_upload(
    actor: CurrentActor,
    request: ApiRequest,
    use: Use,
    idempotency_key: IdempotencyKey,
    data: JSONBody[BeginDirectInput | None] = None,
) -> DirectUpload:
    """Get a form that takes one file straight to the store."""
    asked = data or BeginDirectInput()

    async def begin(once: Once | None) -> UploadId:
        return await use(BeginDirect)(actor=actor, filename=asked.filename, once=once)

    async with claimed(request, idempotency_key, actor, use) as attempt:
        upload_id = UploadId(await settled(attempt, fingerprint_of(asked), begin))
    form = await use(SignDirect)(actor=actor, upload_id=upload_id)
    return DirectUpload(upload_id, form.url, dict(form.fields), form.expires_at)


@post(
    "/media",
    **open_route(SignedMedia.open_form, *BODY, Forbidden, Gone, NotFound),
    include_in_schema=False,
    request_max_body_size=None,
    status_code=204,
)
async def receive_form(request: ApiRequest, use: Use, services: Given) -> Response[None]:
    """A file by a signed form."""
    media = _ours(services.media)
    async with aclosing(events_of(request, boundary_of(request))) as events:
        await _receive(events, media, use)
    return Response(None, status_code=204, headers=CORS)


@put(
    "/media/{key:path}",
    **open_route(SignedMedia.open_put, *BODY, Forbidden, Gone, NotFound),
    include_in_schema=False,
    request_max_body_size=None,
    status_code=204,
)
async def receive_put(key: FromPath[Path], request: ApiRequest, use: Use, services: Given) -> Response[None]:
    """A file by a signed address."""
    target = _ours(services.media).open_put(str(key).removeprefix("/"), dict(request.query_params.multi_items()))
    await _store(use, target, request.stream())
    return Response(None, status_code=204, headers=CORS)


async def _receive(events: AsyncGenerator[Event], media: SignedMedia, use: Wiring) -> None:
    """Read the fields up to the file, and store that. Raises Malformed, TooLarge, Forbidden, Gone."""
    fields: dict[str, str] = {}
    async for segment in events:
        assert isinstance(segment, MultipartSegment), "a part begins where the one before has ended"
        if segment.name == FILE:
            await _store(use, media.open_form(fields), payload_of(events))
            return
        fields[segment.name] = (await _text(events)).decode("utf-8", "replace")
    raise Malformed("malformed", "The file is missing: send it last, as `file`.")


async def _text(events: AsyncGenerator[Event]) -> bytes:
    data = bytearray()
    async for piece in payload_of(events):
        data += piece
        if len(data) > MAX_FIELD_BYTES:
            raise TooLarge("too_large", f"A field may have up to {MAX_FIELD_BYTES} bytes.")
    return bytes(data)


async def _store(use: Wiring, target: SignedTarget, pieces: AsyncIterator[bytes]) -> None:
    await use(ObjectStore).put(target.key, coalesced(_within(target, pieces)))


async def _within(target: SignedTarget, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes. Raises TooLarge or Malformed where they are more or fewer than was signed."""
    received = 0
    async for piece in pieces:
        received += len(piece)
        if received > target.most:
            raise TooLarge("too_large", f"This address takes up to {target.most} bytes.")
        yield piece
    if received < target.least:
        raise Malformed("too_small", f"This address takes at least {target.least} bytes.")


def _ours(media: SignedMedia | None) -> SignedMedia:
    """The store, if it is one whose addresses we answer. Raises NotFound."""
    if media is None:
        raise NotFound
    return media


ROUTES = (begin_direct_upload,)
MEDIA_ROUTES = (receive_form, receive_put)
