"""Puts the HTTP API together."""

from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from soundgraph.application.wiring import Wiring
from soundgraph.entrypoints.http import (
    account,
    admin,
    artwork,
    direct,
    discovery,
    engagement,
    front,
    identity,
    links,
    media,
    oauth,
    pages,
    people,
    plans,
    platform,
    playback,
    playlists,
    privacy,
    resumable,
    revisions,
    tracks,
    waveforms,
)
from soundgraph.entrypoints.http.access import observed
from soundgraph.entrypoints.http.auth import Doorkeeper, provide_actor, provide_family, provide_viewer
from soundgraph.entrypoints.http.conditional import conditional
from soundgraph.entrypoints.http.cors import Cors
from soundgraph.entrypoints.http.cursors import provide_window
from soundgraph.entrypoints.http.errors import EXCEPTION_HANDLERS
from soundgraph.entrypoints.http.front import Front
from soundgraph.entrypoints.http.headers import SecurityHeaders
from soundgraph.entrypoints.http.idempotency import provide_idempotency_key
from soundgraph.entrypoints.http.limits import Limits
from soundgraph.entrypoints.http.requests import JSON_LIMIT_BYTES, ApiRequest, read_input
from soundgraph.entrypoints.http.services import Services, SignedFile, SignedMedia
from soundgraph.entrypoints.http.versions import provide_expected_version

__all__ = ["API", "Services", "SignedFile", "SignedMedia", "build_app"]

API = "/api/v1"


class Api(Litestar):
    """Litestar runs middleware after routing; what every request gets, unknown routes included, goes around it all."""

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        routed, cors = super().__call__, Cors(self.state.services.cors_origins)

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            await conditional(routed, scope, receive, send)

        async def shared(scope: Any, receive: Any, send: Any) -> None:
            await cors(answer, scope, receive, send)

        await observed(shared, scope, receive, send)


def build_app(services: Services) -> Litestar:
    """The whole API over these services."""

    async def before_request(request: Request[Any, Any, Any]) -> None:
        await read_input(request)
        await Limits(services).admit_mail(request)

    site = Front(services.public_url)
    return Api(
        route_handlers=[_module("/", routes) for routes in _pages()] + [_api()],
        dependencies=_dependencies(services, site),
        guards=[Doorkeeper(services).admit],
        before_request=before_request,
        before_send=[SecurityHeaders(services).add, Limits(services).finish, resumable.add_version],
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=ApiRequest,
        request_max_body_size=JSON_LIMIT_BYTES,
        openapi_config=platform.openapi_config(services),
        on_startup=[*services.startup],
        on_shutdown=[*services.shutdown],
        state=State({"services": services, "front": site}),
        logging_config=None,
    )


def _dependencies(services: Services, site: Front) -> dict[str, Provide]:
    """What handlers may ask for, by the name of their parameter."""

    def provide_use() -> Wiring:
        return services.use

    def provide_services() -> Services:
        return services

    def provide_front() -> Front:
        return site

    providers: dict[str, Callable[..., object]] = {
        "use": provide_use,
        "services": provide_services,
        "front": provide_front,
        "actor": provide_actor,
        "viewer": provide_viewer,
        "family": provide_family,
        "window": provide_window,
        "version": provide_expected_version,
        "idempotency_key": provide_idempotency_key,
    }
    return {name: Provide(one, sync_to_thread=False) for name, one in providers.items()}


def _pages() -> tuple[tuple[ControllerRouterHandler, ...], ...]:
    """What lies outside the base path."""
    return (platform.ROUTES, pages.ROUTES, oauth.PAGES, privacy.PAGES, media.ROUTES + direct.MEDIA_ROUTES, front.ROUTES)


def _api() -> Router:
    modules = (
        identity,
        account,
        admin,
        oauth,
        privacy,
        people,
        tracks,
        direct,
        resumable,
        revisions,
        artwork,
        playback,
        waveforms,
        links,
        engagement,
        playlists,
        discovery,
        plans,
    )
    return Router(API, route_handlers=[_module("/", one.ROUTES, one.__name__.rpartition(".")[2]) for one in modules])


def _module(path: str, routes: tuple[ControllerRouterHandler, ...], tag: str | None = None) -> Router:
    return Router(path, route_handlers=list(routes), tags=[tag] if tag else None)
