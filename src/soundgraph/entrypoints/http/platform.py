"""Health, and the documentation of the API."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Literal

import msgspec
import structlog
from litestar import MediaType, Request, Response, Router, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import FromPath
from msgspec import Struct

from soundgraph.application.identity import PublishedKeys
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import NotFound
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.headers import DOCS
from soundgraph.entrypoints.http.openapi import document
from soundgraph.entrypoints.http.policies import BEARER, COOKIE, Policy, open_route
from soundgraph.entrypoints.http.services import Given, Services

CHECK_SECONDS = 1.0
# A new key signs so soon after `keys rotate` published it, unless told otherwise.
KEYS_KEPT_SECONDS = 5
DESCRIPTION = """\
Upload, process, share and discover audio.

Errors are RFC 9457 problems with a stable `code`. Lists answer `items` and `next`, a relative address or null.
Times are UTC in ISO 8601, durations are milliseconds, ids are UUIDs.
"""
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
START = """\
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: false });
"""
DOCS_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · soundgraph</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</html>
"""
log = structlog.get_logger()


class Readiness(Struct, frozen=True):
    """Whether this process can do its work."""

    status: Literal["ready", "unready"]
    checks: dict[str, Literal["ok", "failed", "away"]]


class Liveness(Struct, frozen=True):
    """It runs."""

    status: Literal["ok"] = "ok"


class KeySet(Struct, frozen=True):
    """A JWK Set (RFC 7517); during a rotation it holds two keys."""

    keys: Sequence[Mapping[str, str]]


@get("/health/live", **open_route(Liveness), tags=["platform"])
async def live() -> Liveness:
    """Whether this process runs."""
    return Liveness()


def _documented() -> dict[str, Any]:
    """As other open routes, but for a 503 with a body of its own."""
    route = open_route(Readiness)
    away = ResponseSpec(Readiness, generate_examples=False, description="A service is away")
    return {**route, "responses": route["responses"] | {503: away}}


@get("/health/ready", **_documented(), tags=["platform"])
async def ready(services: Given) -> Response[Readiness]:
    """Whether every backing service answers, by name. One that is `away` delays work and fails nothing."""
    asked = {**services.checks, **services.dispensable}
    answers = await asyncio.gather(*(_holds(name, check) for name, check in asked.items()))
    checks: dict[str, Literal["ok", "failed", "away"]] = {
        name: "ok" if answer else "away" if name in services.dispensable else "failed"
        for name, answer in zip(asked, answers, strict=True)
    }
    every = "failed" not in checks.values()
    return Response(Readiness("ready" if every else "unready", checks), status_code=200 if every else 503)


async def _holds(name: FromPath[str], check: Callable[[], Awaitable[None]]) -> bool:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the service does not answer
        log.warning("health check failed", check=name, error=repr(error))
        return False
    return True


@get("/openapi.json", **open_route(OpenAPIConfig), include_in_schema=False)
async def read_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """This API as OpenAPI 3.1."""
    encoded = msgspec.json.encode(document(request.app))
    return Response(encoded, media_type="application/json", headers={"Cache-Control": "public, max-age=60"})


@get("/api/v1/.well-known/jwks.json", **open_route(PublishedKeys.jwks), tags=["identity"])
async def read_jwks(services: Given) -> Response[KeySet]:
    """The keys that access tokens can be checked with."""
    keys = services.use(PublishedKeys).jwks(at=services.use(Clock).now())
    return Response(KeySet(keys), headers={"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"})


@get("/.well-known/jwks.json", **open_route(PublishedKeys.jwks), include_in_schema=False)
async def read_jwks_at_root(services: Given) -> Response[KeySet]:
    """The same, where whoever checks tokens looks first (RFC 8615)."""
    return await read_jwks.fn(services)  # type: ignore[no-any-return]  # litestar does not type what it wraps


@get("/docs", **open_route(OpenAPIConfig), include_in_schema=False)
async def read_docs() -> Response[str]:
    """The documentation, to read and to try."""
    return Response(DOCS_PAGE, media_type=MediaType.HTML, headers={"Content-Security-Policy": DOCS})


@get("/docs/assets/{name:str}", **open_route(OpenAPIConfig, NotFound), include_in_schema=False)
async def read_docs_asset(name: FromPath[str]) -> Response[bytes]:
    """The files that the documentation page is made of."""
    if name == "start.js":
        content, media_type = START.encode(), "text/javascript"
    elif name in ASSETS:
        content, media_type = await asyncio.to_thread(_asset, name), ASSETS[name]
    else:
        raise NotFound
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=3600"})


def _asset(name: str) -> bytes:
    return files("litestar_offline_docs").joinpath("static", name).read_bytes()


def openapi_config(services: Services) -> OpenAPIConfig:
    """How the API describes itself."""
    schemes = {
        BEARER: SecurityScheme(type="http", scheme="bearer", description="The access token of a login."),
        COOKIE: SecurityScheme(
            type="apiKey", name=SessionCookies(secure=services.secure).access, security_scheme_in="cookie"
        ),
    }
    return OpenAPIConfig(
        title="soundgraph",
        version=version("soundgraph"),
        description=DESCRIPTION,
        components=Components(security_schemes=dict(schemes)),
        operation_id_creator=lambda handler, _method, _path: handler.handler_name,
        # Litestar insists on a router of its own for the document; ours is /openapi.json.
        openapi_router=Router(
            "/docs/schema", route_handlers=[], include_in_schema=False, opt={"policy": Policy.NOBODY}
        ),
    )


ROUTES = (live, ready, read_jwks, read_jwks_at_root, read_openapi, read_docs, read_docs_asset)
