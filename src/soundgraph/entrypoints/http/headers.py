"""The headers that every answer carries, whoever made it."""

from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from soundgraph.entrypoints.http.policies import Policy
from soundgraph.entrypoints.http.services import Services

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
# Swagger UI styles its elements inline and draws its icons from data URLs.
DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DEFAULTS = {
    "Content-Security-Policy": NOTHING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send `Origin: null` with the forms of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
VIEWER_DEPENDENT = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
HSTS = "max-age=31536000"


class SecurityHeaders:
    """Adds what a handler did not set itself."""

    def __init__(self, services: Services) -> None:
        self._defaults = DEFAULTS | ({"Strict-Transport-Security": HSTS} if services.secure else {})

    async def add(self, message: Message, scope: Scope) -> None:
        """Litestar's `before_send` hook, which also sees the answers to unknown routes."""
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        if "GET" in (allowed := headers.get("allow", "").split(", ")) and "HEAD" not in allowed:
            headers["Allow"] = ", ".join(sorted([*allowed, "HEAD"]))
        for name, value in {**self._defaults, **_caching(scope)}.items():
            headers.setdefault(name, value)


def _caching(scope: Any) -> dict[str, str]:
    handler = scope.get("route_handler")
    seen_by_viewer = handler is not None and handler.opt.get("policy") in (Policy.PUBLIC, Policy.MEMBER)
    return VIEWER_DEPENDENT if seen_by_viewer else {"Cache-Control": "no-store"}
