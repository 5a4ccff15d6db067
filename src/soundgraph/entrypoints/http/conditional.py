"""Conditional reads (RFC 9110, section 13), and HEAD on every address that answers GET.

It goes around the whole application, so that a 304 is only ever made of an answer that the gate let through.
"""

import hashlib
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message

# Answers HEAD by itself, without opening the file.
MEDIA = "/media/"
ABOUT_A_BODY = ("content-type", "content-length")


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this representation already (weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def is_meant(if_match: str, etag: str) -> bool:
    """Whether a request that names these representations is meant for this one (strong comparison)."""
    tags = [tag.strip() for tag in if_match.split(",")]
    return etag in tags or "*" in tags


def hash_of(body: bytes) -> str:
    """What tells one representation from every other, as an entity tag holds it."""
    return hashlib.sha256(body).hexdigest()[:32]


async def conditional(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Run an ASGI app. Its 200s carry an ETag where they may be kept, and are 304 for whoever has them already."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        await app(scope, receive, send)
        return
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
    answer = _Answer(send, ",".join(given) or None, head=scope["method"] == "HEAD")
    if not scope["path"].startswith(MEDIA):
        scope["method"] = "GET"
    await app(scope, receive, answer.send)


class _Answer:
    """An answer on its way out. Its head waits for the body that its ETag is made of."""

    def __init__(self, send: Any, if_none_match: str | None, *, head: bool) -> None:
        self._send, self._if_none_match, self._silent = send, if_none_match, head
        self._held: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            kept = message["status"] == 200 and "no-store" not in headers.get("cache-control", "")
            if kept and "etag" not in headers:
                self._held = message
            else:
                await self._begin(message)
            return
        if message["type"] == "http.response.body":
            if self._held is not None:
                await self._begin_held(message)
            if self._silent:
                message["body"] = b""
        await self._send(message)

    async def _begin_held(self, first: Any) -> None:
        held, self._held = self._held, None
        assert held is not None
        # What comes in pieces is not buffered for the sake of a tag.
        if not first.get("more_body"):
            MutableScopeHeaders.from_message(held)["ETag"] = f'"{hash_of(first.get("body", b""))}"'
        await self._begin(held)

    async def _begin(self, message: Any) -> None:
        headers = MutableScopeHeaders.from_message(message)
        etag = headers.get("etag")
        if message["status"] == 200 and etag is not None and matches(self._if_none_match, etag):
            message["status"], self._silent = 304, True
            for name in ABOUT_A_BODY:
                if name in headers:
                    del headers[name]
        await self._send(message)
