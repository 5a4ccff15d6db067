"""Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with its extensions creation,
creation-with-upload, expiration, checksum, termination and concatenation.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from email.utils import format_datetime
from typing import Any, Final
from uuid import UUID

from litestar import Response, delete, get, patch, post, route
from litestar.params import FromPath

from soundgraph.application.idempotency import Once
from soundgraph.application.limits import UPLOADS
from soundgraph.application.tracks import (
    CHECKSUMS,
    AbandonUpload,
    AppendToUpload,
    BeginResumable,
    FindUpload,
    JoinUploads,
)
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Corrupt, Gone, Invalid, NotFound
from soundgraph.domain.ids import UploadId
from soundgraph.domain.tracks import MAX_UPLOAD_BYTES, Upload, UploadKind
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.errors import (
    TUS_VERSION,
    ClientGone,
    Malformed,
    UnsupportedVersion,
    WrongMediaType,
)
from soundgraph.entrypoints.http.idempotency import IdempotencyKey, claimed, fingerprint_of, settled
from soundgraph.entrypoints.http.multipart import coalesced
from soundgraph.entrypoints.http.policies import BODY, member_route, open_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Use
from soundgraph.entrypoints.http.tus_headers import announced, check_version, checksum_of, number_of

UPLOADS_PATH: Final = "/api/v1/uploads"
EXTENSIONS: Final = "creation,creation-with-upload,expiration,checksum,termination,concatenation"
CONTENT_TYPE: Final = "application/offset+octet-stream"
# A line that says nothing for so long is taken for dead.
IDLE_SECONDS: Final = 60.0
REFUSALS: Final = (UnsupportedVersion, Corrupt, NotFound, Conflict, Gone, Invalid)
UNBOUNDED: Final[dict[str, Any]] = {"request_max_body_size": None}


@route("/uploads", http_method="OPTIONS", **open_route(BeginResumable), **UNBOUNDED, status_code=204)
async def describe_uploads() -> Response[None]:
    """What this server can do."""
    said = {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(MAX_UPLOAD_BYTES),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }
    return _answer(204, said)


@post("/uploads", **member_route(BeginResumable, *BODY, *REFUSALS, limits=(UPLOADS,)), **UNBOUNDED)
async def begin_upload(
    request: ApiRequest, actor: CurrentActor, use: Use, idempotency_key: IdempotencyKey
) -> Response[None]:
    """Announce an upload, a part of one, or one of parts that have arrived."""
    check_version(request)
    asked = announced(request)

    async def begin(once: Once | None) -> UploadId:
        if asked.parts is not None:
            return await use(JoinUploads)(
                actor=actor, parts=asked.parts, filename=asked.filename, metadata=asked.metadata, once=once
            )
        return await use(BeginResumable)(
            actor=actor,
            filename=asked.filename,
            length=asked.length,
            metadata=asked.metadata,
            kind=asked.kind,
            once=once,
        )

    async with claimed(request, idempotency_key, actor, use) as attempt:
        upload_id = UploadId(await settled(attempt, fingerprint_of(asked), begin))
    upload, offset = await use(FindUpload)(actor=actor, upload_id=upload_id)
    headers = {"Location": f"{UPLOADS_PATH}/{upload.id}", **_expiry(upload)}
    if request.content_type[0] == CONTENT_TYPE:
        # What an earlier request under the same key has brought need not come again.
        headers["Upload-Offset"] = str(offset or await _append(request, actor, use, upload.id, 0))
    return _answer(201, headers)


@get("/uploads/{upload_id:uuid}", **member_route(FindUpload, UnsupportedVersion, NotFound, Gone), **UNBOUNDED)
async def look_at_upload(
    upload_id: FromPath[UUID], request: ApiRequest, actor: CurrentActor, use: Use
) -> Response[None]:
    """How much of an upload has arrived."""
    return await _looked_at(UploadId(upload_id), request, actor, use)


@patch(
    "/uploads/{upload_id:uuid}",
    **member_route(AppendToUpload, *BODY, *REFUSALS),
    **UNBOUNDED,
    status_code=204,
)
async def append_to_upload(
    upload_id: FromPath[UUID], request: ApiRequest, actor: CurrentActor, use: Use
) -> Response[None]:
    """Send more bytes of an upload."""
    return await _patched(UploadId(upload_id), request, actor, use)


@delete(
    "/uploads/{upload_id:uuid}",
    **member_route(AbandonUpload, UnsupportedVersion, NotFound, Conflict, Gone),
    **UNBOUNDED,
    status_code=204,
)
async def end_upload(upload_id: FromPath[UUID], request: ApiRequest, actor: CurrentActor, use: Use) -> Response[None]:
    """Drop an upload."""
    return await _deleted(UploadId(upload_id), request, actor, use)


@post(
    "/uploads/{upload_id:uuid}",
    **member_route(AppendToUpload, *BODY, *REFUSALS),
    **UNBOUNDED,
    status_code=204,
)
async def override_method(
    upload_id: FromPath[UUID], request: ApiRequest, actor: CurrentActor, use: Use
) -> Response[None]:
    """HEAD, PATCH or DELETE, for clients whose surroundings let no such method pass."""
    match request.headers.get("x-http-method-override"):
        case "HEAD":
            return await _looked_at(UploadId(upload_id), request, actor, use)
        case "PATCH":
            return await _patched(UploadId(upload_id), request, actor, use)
        case "DELETE":
            return await _deleted(UploadId(upload_id), request, actor, use)
    raise Malformed("no_method_override", "Use PATCH, or name it in X-HTTP-Method-Override.")


async def _looked_at(upload_id: UploadId, request: ApiRequest, actor: Actor, use: Wiring) -> Response[None]:
    check_version(request)
    upload, offset = await use(FindUpload)(actor=actor, upload_id=upload_id)
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(upload.length), **_expiry(upload)}
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.kind is UploadKind.PART:
        headers["Upload-Concat"] = "partial"
    if upload.kind is UploadKind.JOINED:
        headers["Upload-Concat"] = "final;" + " ".join(f"{UPLOADS_PATH}/{part}" for part in upload.parts)
    return _answer(200, headers)


async def _patched(upload_id: UploadId, request: ApiRequest, actor: Actor, use: Wiring) -> Response[None]:
    check_version(request)
    if request.content_type[0] != CONTENT_TYPE:
        raise WrongMediaType("not_an_offset_stream", f"Send {CONTENT_TYPE}.")
    offset = await _append(request, actor, use, upload_id, number_of(request, "upload-offset"))
    upload, _ = await use(FindUpload)(actor=actor, upload_id=upload_id)
    return _answer(204, {"Upload-Offset": str(offset), **_expiry(upload)})


async def _deleted(upload_id: UploadId, request: ApiRequest, actor: Actor, use: Wiring) -> Response[None]:
    check_version(request)
    upload, _ = await use(FindUpload)(actor=actor, upload_id=upload_id)
    if upload.sha256 is not None:
        raise Conflict("upload_completed", "This upload became a track. Delete that.")
    await use(AbandonUpload)(actor=actor, upload=upload)
    return _answer(204, {})


async def _append(request: ApiRequest, actor: Actor, use: Wiring, upload_id: UploadId, offset: int) -> int:
    return await use(AppendToUpload)(
        actor=actor,
        upload_id=upload_id,
        offset=offset,
        chunks=coalesced(_arriving(request)),
        checksum=checksum_of(request.headers.get("upload-checksum")),
    )


async def _arriving(request: ApiRequest) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises ClientGone, also where nothing comes any more."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream)
        except TimeoutError:
            raise ClientGone from None
        except StopAsyncIteration:
            return
        yield chunk


def _expiry(upload: Upload) -> dict[str, str]:
    done = upload.sha256 is not None
    return {} if done else {"Upload-Expires": format_datetime(upload.expires_at, usegmt=True)}


def _answer(status: int, headers: Mapping[str, str]) -> Response[None]:
    said = {**headers, "Cache-Control": "no-store"}
    return Response(b"", status_code=status, headers=said)  # type: ignore[arg-type]  # None is sent as null


async def add_version(message: Any, scope: Any) -> None:
    """Litestar's `before_send` hook: every answer below /uploads says which tus it speaks, refusals too."""
    if message["type"] == "http.response.start" and scope["path"].startswith(UPLOADS_PATH):
        message["headers"] = [*message["headers"], (b"tus-resumable", TUS_VERSION.encode())]


ROUTES = (describe_uploads, begin_upload, look_at_upload, append_to_upload, end_upload, override_method)
