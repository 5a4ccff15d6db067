"""Cross-origin requests (Fetch standard, CORS protocol): pages of listed origins may call the API and read it.

It goes around the whole application, so that refusals carry the headers too. A listed origin is still another site:
with cookies, unsafe methods are refused to it as to any other (see `origins`), so a page there uses a bearer token.
"""

from collections.abc import Collection
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message

from soundgraph.entrypoints.http.conditional import MEDIA
from soundgraph.entrypoints.http.headers import DEFAULTS

ANY = "*"
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, Tus-Resumable, "
    "Upload-Checksum, Upload-Concat, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override"
)
EXPOSED = (
    "ETag, Location, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, "
    "RateLimit, X-Request-ID, Content-Range, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, "
    "Tus-Checksum-Algorithm, Upload-Concat, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset"
)
PREFLIGHT_SECONDS = 600


class Cors:
    """Answers preflights and marks answers, for these origins. `*` alone means every origin, but never its cookies."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)

    async def __call__(self, app: Any, scope: Any, receive: Any, send: Any) -> None:
        """Run an ASGI app. Media behind signed URLs are open to every origin by themselves."""
        if scope["type"] != "http" or not self._origins or scope["path"].startswith(MEDIA):
            await app(scope, receive, send)
            return
        origin = _header(scope, b"origin")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(MutableScopeHeaders.from_message(message), origin)
            await send(message)

        if self._allows(origin) and _is_preflight(scope):
            await self._answer_preflight(sending)
        else:
            await app(scope, receive, sending)

    def _allows(self, origin: str | None) -> bool:
        return origin is not None and (origin in self._origins or ANY in self._origins)

    def _mark(self, headers: MutableScopeHeaders, origin: str | None) -> None:
        # Also where there was no origin: a cache must not give that answer to a page that has one.
        vary = headers.get("vary")
        headers["Vary"] = f"{vary}, Origin" if vary else "Origin"
        if origin is None or not self._allows(origin):
            return
        headers["Access-Control-Expose-Headers"] = EXPOSED
        if origin in self._origins:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
        else:
            headers["Access-Control-Allow-Origin"] = ANY

    async def _answer_preflight(self, send: Any) -> None:
        # Litestar never sees it, so it gets here what every answer gets.
        headers = {
            **DEFAULTS,
            "Cache-Control": "no-store",
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 204, "headers": raw})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_preflight(scope: Any) -> bool:
    return scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method") is not None


def _header(scope: Any, wanted: bytes) -> str | None:
    found: list[bytes] = [value for name, value in scope["headers"] if name == wanted]
    return found[0].decode("latin-1") if found else None
