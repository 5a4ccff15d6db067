"""One log line per request, and an id that ties it to everything else that was logged meanwhile."""

import re
import secrets
import time
from typing import Any

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADER = b"x-request-id"
log = structlog.get_logger("soundgraph.access")


async def observed(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Run an ASGI app. The request id is the client's, where it is a sane one, and is returned."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    request_id, status, begun = request_id_of(scope), 0, time.perf_counter()
    method, path = scope["method"], scope["path"]

    async def sending(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = int(message["status"])
            MutableScopeHeaders.from_message(message)["X-Request-ID"] = request_id
        await send(message)

    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            await app(scope, receive, sending)
        finally:
            log.info(
                "request",
                method=method,
                path=path,
                status=status,
                ms=round((time.perf_counter() - begun) * 1000, 1),
                account_id=_account_id(scope),
                refused=scope.get("state", {}).get("refused"),
            )


def request_id_of(scope: Any) -> str:
    """The client's id if it is short and plain, else a fresh one."""
    given = next((value for name, value in scope["headers"] if name == HEADER), b"").decode("latin-1")
    return given if SANE_ID.fullmatch(given) else secrets.token_hex(8)


def _account_id(scope: Any) -> str | None:
    viewer = scope.get("user")
    return str(viewer.id) if viewer is not None and viewer.id is not None else None
