"""Serves objects behind signed URLs, with byte ranges (RFC 9110, section 14)."""

import asyncio
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from litestar import Request, route
from litestar.params import FromPath
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from soundgraph.application.ports import attachment
from soundgraph.domain.errors import Forbidden, Gone, NotFound
from soundgraph.entrypoints.http.conditional import is_meant, matches
from soundgraph.entrypoints.http.errors import BadRange, PreconditionFailed
from soundgraph.entrypoints.http.policies import open_route
from soundgraph.entrypoints.http.services import Given, SignedFile, SignedMedia

BLOCK_BYTES = 256 << 10
ONE_RANGE = re.compile(r"(?i:bytes)=(?P<first>\d{0,18})-(?P<last>\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `first`, `length` of them, of a file of `size` bytes."""

    first: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        """As the header says it; both ends belong to it."""
        return f"bytes {self.first}-{self.first + self.length - 1}/{self.size}"


@route(
    "/media/{key:path}",
    http_method=["GET", "HEAD"],
    **open_route(SignedMedia.open_signed, Forbidden, NotFound, Gone, BadRange, PreconditionFailed),
    include_in_schema=False,
)
async def serve_media(key: FromPath[Path], request: Request[Any, Any, Any], services: Given) -> ASGIApp:
    """One object, whole or in part."""
    if services.media is None:
        raise NotFound
    query = dict(request.query_params.multi_items())
    signed = await services.media.open_signed(str(key).removeprefix("/"), query)
    if not is_meant(request.headers.get("if-match", "*"), signed.etag):
        raise PreconditionFailed
    if matches(request.headers.get("if-none-match"), signed.etag):
        return SignedResponse(signed, HTTPStatus.NOT_MODIFIED, None)
    size = await asyncio.to_thread(_size, signed.path)
    # Ranges are for GET alone.
    ranged = request.method == "GET" and request.headers.get("if-range", signed.etag) == signed.etag
    part = byte_range(request.headers.get("range"), size) if ranged else None
    if part is None:
        return SignedResponse(signed, HTTPStatus.OK, Span(0, size, size))
    return SignedResponse(signed, HTTPStatus.PARTIAL_CONTENT, part)


def byte_range(header: str | None, size: int) -> Span | None:
    """The one range asked for; None for the whole file, which also answers several ranges or another unit.

    Raises BadRange where the file has no such byte.
    """
    found = ONE_RANGE.fullmatch(header.replace(" ", "")) if header else None
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        first, last = max(0, size - int(found["last"])), size - 1
    else:
        first, last = int(found["first"]), min(int(found["last"] or size), size - 1)
        if found["last"] and int(found["last"]) < first:
            return None
    if first >= size:
        raise BadRange(size)
    return Span(first, last - first + 1, size)


@dataclass(frozen=True, slots=True)
class SignedResponse:
    """Sends the head, and for a GET the bytes of `span`, read in a thread block by block."""

    signed: SignedFile
    status: HTTPStatus
    span: Span | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        span = self.span if scope["method"] == "GET" else None  # type: ignore[typeddict-item]  # only HTTP gets here
        file = await asyncio.to_thread(_open, self.signed.path, span.first) if span else None
        try:
            await send(self._head())
            left = span.length if span else 0
            while file and left and (block := await asyncio.to_thread(file.read, min(left, BLOCK_BYTES))):
                left -= len(block)
                await send(_body(block, more=True))
            await send(_body(b"", more=False))
        finally:
            if file:
                await asyncio.to_thread(file.close)

    def _head(self) -> HTTPResponseStartEvent:
        headers = {
            "Accept-Ranges": "bytes",
            # What a signed URL names never changes, and the URL is nobody else's.
            "Cache-Control": "private, max-age=3600, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            # Players on other sites may load it: the signature is what protects it.
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",
            "ETag": self.signed.etag,
        }
        if self.span:
            headers |= {"Content-Type": self.signed.content_type, "Content-Length": str(self.span.length)}
        if self.span and self.status is HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Range"] = self.span.content_range
        if self.signed.filename is not None:
            headers["Content-Disposition"] = attachment(self.signed.filename)
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        return {"type": "http.response.start", "status": self.status, "headers": raw}


def _body(block: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": block, "more_body": more}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise NotFound from None


def _open(path: Path, first: int) -> BinaryIO:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound from None
    file.seek(first)
    return file


ROUTES = (serve_media,)
