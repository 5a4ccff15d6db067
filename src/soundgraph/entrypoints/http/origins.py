"""Refuses requests that another site made a browser send with our cookies."""

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection

from soundgraph.domain.errors import Forbidden

SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of a URL, or None where it has no origin."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def from_same_origin(connection: ASGIConnection[Any, Any, Any, Any], public_url: str) -> bool | None:
    """Whether the request came from a page of ours, or None if it does not say."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    if origin is None:
        return None
    here = f"{connection.scope['scheme']}://{connection.headers.get('host', '')}"
    return origin_of(origin) is not None and origin_of(origin) in (origin_of(here), origin_of(public_url))


def refuse_cross_origin(connection: ASGIConnection[Any, Any, Any, Any], public_url: str) -> None:
    """Raise Forbidden(cross_origin) unless the request shows that it came from a page of ours."""
    if not from_same_origin(connection, public_url):
        _refuse()


def refuse_hostile_origin(connection: ASGIConnection[Any, Any, Any, Any], public_url: str) -> None:
    """Raise Forbidden(cross_origin) if the request says that it came from elsewhere; a program says nothing."""
    if from_same_origin(connection, public_url) is False:
        _refuse()


def _refuse() -> None:
    raise Forbidden(
        "cross_origin", "With cookies, this must come from a page of this site: see Sec-Fetch-Site, Origin."
    )
