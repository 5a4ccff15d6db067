"""Finds out who is calling, and lets them pass or not: one guard before every handler."""

from dataclasses import replace
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from soundgraph.application.identity import IdentityReader, Tokens
from soundgraph.application.playback import SecretLinkReader
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import Forbidden, NotFound, Unauthenticated
from soundgraph.domain.ids import FamilyId
from soundgraph.domain.links import digest_of
from soundgraph.domain.visibility import ANYONE, Actor, Viewer
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.limits import Limits, declared
from soundgraph.entrypoints.http.origins import SAFE_METHODS, refuse_cross_origin
from soundgraph.entrypoints.http.policies import Policy
from soundgraph.entrypoints.http.requests import refuse_nul_in_address
from soundgraph.entrypoints.http.services import Services

SECRET_TOKEN = "secret_token"  # noqa: S105 - the name of a parameter
CurrentActor = NamedDependency[SkipValidation[Actor]]
CurrentViewer = NamedDependency[SkipValidation[Viewer]]
CurrentFamily = NamedDependency[SkipValidation[FamilyId]]
FAMILY = "session_family"


class Doorkeeper:
    """Checks the address, the policy, the origin, the session and the limits of every request, in this order."""

    def __init__(self, services: Services) -> None:
        self._use, self._public_url = services.use, services.public_url
        self._cookies = SessionCookies(secure=services.secure)
        self._limits = Limits(services)

    async def admit(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """The guard. Leaves the viewer in `scope["user"]`."""
        connection.scope["user"] = ANYONE
        if connection.scope.get("method") == "OPTIONS":
            return  # litestar's own answer, which tells the methods of a path and nothing else
        refuse_nul_in_address(connection)
        try:
            viewer = await self._identify(connection, handler)
        except (Unauthenticated, Forbidden):
            # Guessing sessions is not free either.
            await self._limits.admit(connection, (), None)
            raise
        connection.scope["user"] = viewer
        await self._limits.admit(connection, declared(handler), viewer.id)

    async def _identify(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> Viewer:
        match handler.opt.get("policy"):
            case Policy.OPEN:
                self._refuse_forgery(connection)
                return ANYONE
            case Policy.PUBLIC:
                return await self._let_in(connection, await self._viewer(connection))
            case Policy.MEMBER:
                return await self._actor(connection)
            case Policy.NOBODY:
                raise NotFound
            case _:
                raise Forbidden("no_policy", "This route does not say who may call it, so nobody may.")

    async def _viewer(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Viewer:
        try:
            return await self._actor(connection)
        except Unauthenticated:
            # A header was sent on purpose and must hold; a cookie just came along, and may have run out.
            if "authorization" in connection.headers:
                raise
            return ANYONE

    async def _let_in(self, connection: ASGIConnection[Any, Any, Any, Any], viewer: Viewer) -> Viewer:
        """The viewer with what their secret link opens. A link that opens nothing any more changes nothing."""
        token = connection.query_params.get(SECRET_TOKEN)
        if token is None:
            return viewer
        grants = await self._use(SecretLinkReader).grants(digest_of(token), now=self._use(Clock).now())
        return replace(viewer, grants=grants, secret_token=token) if grants else viewer

    async def _actor(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
        header = connection.headers.get("authorization")
        if header is None:
            self._refuse_forgery(connection)
            token = connection.cookies.get(self._cookies.access)
        else:
            token = bearer(header)
        if token is None:
            raise Unauthenticated("unauthenticated", "Log in to do this.")
        now = self._use(Clock).now()
        claims = self._use(Tokens).read_access(token, at=now)
        actor = await self._use(IdentityReader).actor(claims, now=now)
        if actor is None:
            raise Unauthenticated("session_ended", "This session is over. Log in again.")
        connection.scope["state"][FAMILY] = claims.family_id
        return actor

    def _refuse_forgery(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        if connection.scope.get("method") not in SAFE_METHODS and self._cookies.presented(connection):
            refuse_cross_origin(connection, self._public_url)


def bearer(header: str) -> str:
    """The token in an Authorization header. Raises Unauthenticated(bad_token)."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("bad_token", "Send `Authorization: Bearer <access token>`.")
    return token.strip()


def provide_actor(request: Request[Any, Any, Any]) -> Actor:
    """Whoever is logged in. Only for routes whose policy is MEMBER."""
    actor = request.scope["user"]
    assert isinstance(actor, Actor), "only routes for members have an actor"
    return actor


def provide_family(request: Request[Any, Any, Any]) -> FamilyId:
    """The session that asks. Only for routes whose policy is MEMBER."""
    family_id: FamilyId = request.scope["state"][FAMILY]
    return family_id


def provide_viewer(request: Request[Any, Any, Any]) -> Viewer:
    """Whoever is looking."""
    viewer: Viewer = request.scope["user"]
    return viewer
