"""Registering, verifying an address, logging in and out."""

from typing import Literal

from litestar import Response, get, post
from litestar.params import JSONBody
from msgspec import UNSET, Struct, UnsetType

from soundgraph.application.identity import (
    Client,
    IdentityReader,
    LogIn,
    LogOut,
    RefreshSession,
    Register,
    Session,
    Tokens,
    VerifyEmail,
)
from soundgraph.application.limits import LOGIN, MAILS, REFRESH, REGISTER
from soundgraph.application.ports import Clock
from soundgraph.application.views import MeView
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, Unauthenticated
from soundgraph.domain.ids import FamilyId
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.addresses import address_of
from soundgraph.entrypoints.http.auth import CurrentActor, bearer
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.limits import Limits
from soundgraph.entrypoints.http.origins import refuse_hostile_origin
from soundgraph.entrypoints.http.policies import BODY, member_route, open_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Given, Services, Use

Transport = Literal["cookie", "bearer"]


class RegisterInput(Struct, frozen=True, forbid_unknown_fields=True):
    """An account that someone asks for."""

    email: str
    handle: str
    password: str
    display_name: str | None = None
    captcha_token: str | None = None


class VerifyEmailInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The token from the mail."""

    token: str
    transport: Transport = "cookie"


class LogInInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`login` is an address or a handle."""

    login: str
    password: str
    transport: Transport = "cookie"
    captcha_token: str | None = None


class RefreshInput(Struct, frozen=True, forbid_unknown_fields=True):
    """For clients without cookies."""

    refresh_token: str


class Registered(Struct, frozen=True):
    """The same answer whether or not the address is known."""

    status: Literal["verification_sent"] = "verification_sent"


class SessionAnswer(Struct, frozen=True, kw_only=True):
    """Who is logged in, for `expires_in` seconds until the next refresh. Tokens only with transport `bearer`."""

    user: MeView
    expires_in: int
    access_token: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET
    token_type: Literal["Bearer"] | UnsetType = UNSET


@post(
    "/auth/register",
    **open_route(Register, *BODY, Forbidden, Conflict, Invalid, limits=(REGISTER, *MAILS)),
    status_code=202,
)
async def register(data: JSONBody[RegisterInput], use: Use) -> Registered:
    """Ask for an account."""
    await use(Register)(email=data.email, handle=data.handle, password=data.password, display_name=data.display_name)
    return Registered()


@post(
    "/auth/verify-email",
    **open_route(VerifyEmail, *BODY, Unauthenticated, Forbidden, Gone, limits=(LOGIN,)),
    status_code=200,
)
async def verify_email(
    data: JSONBody[VerifyEmailInput], request: ApiRequest, services: Given
) -> Response[SessionAnswer]:
    """Verify an address and log in."""
    refuse_planted_session(request, services, data.transport)
    session = await services.use(VerifyEmail)(token=data.token, client=client_of(request, services))
    return await logged_in(services, session, data.transport)


@post("/auth/login", **open_route(LogIn, *BODY, Unauthenticated, Forbidden, limits=(LOGIN,)), status_code=200)
async def log_in(data: JSONBody[LogInInput], request: ApiRequest, services: Given) -> Response[SessionAnswer]:
    """Log in."""
    refuse_planted_session(request, services, data.transport)
    async with Limits(services).counting_failures(request, data.login):
        session = await services.use(LogIn)(
            login=data.login, password=data.password, client=client_of(request, services)
        )
    return await logged_in(services, session, data.transport)


@post(
    "/auth/refresh",
    **open_route(RefreshSession, *BODY, Unauthenticated, Forbidden, limits=(REFRESH,)),
    status_code=200,
)
async def refresh(
    request: ApiRequest, services: Given, data: JSONBody[RefreshInput | None] = None
) -> Response[SessionAnswer]:
    """A new pair for a refresh token, from the body or else from the cookie."""
    if data is not None:
        session = await services.use(RefreshSession)(refresh_token=data.refresh_token)
        return await logged_in(services, session, "bearer")
    token = request.cookies.get(SessionCookies(secure=services.secure).refresh)
    if token is None:
        raise Unauthenticated("unauthenticated", "Send a refresh token, as a cookie or in the body.")
    return await logged_in(services, await services.use(RefreshSession)(refresh_token=token), "cookie")


@post("/auth/logout", **open_route(LogOut, Unauthenticated, Forbidden), status_code=204)
async def log_out(request: ApiRequest, services: Given) -> Response[None]:
    """End the session of the token that was sent. Without one nothing happens."""
    cookies = SessionCookies(secure=services.secure)
    family_id = _family_of(request, services, cookies)
    if family_id is not None:
        await services.use(LogOut)(family_id=family_id)
    response = Response(None, status_code=204)
    cookies.clear(response)
    return response


@get("/me", **member_route(IdentityReader.me))
async def me(actor: CurrentActor, use: Use) -> MeView:
    """One's own account."""
    return await _me(use, actor)


def client_of(request: ApiRequest, services: Services) -> Client:
    """Where a login comes from."""
    device = "".join(one for one in request.headers.get("user-agent", "") if one.isprintable())
    return Client(device=device, address=address_of(request, services.trusted_proxies))


def refuse_planted_session(request: ApiRequest, services: Services, transport: Transport) -> None:
    """Keep another site from logging a browser in as somebody else. Raises Forbidden(cross_origin)."""
    if transport == "cookie":
        refuse_hostile_origin(request, services.public_url)


async def logged_in(services: Services, session: Session, transport: Transport) -> Response[SessionAnswer]:
    """The answer that carries a new pair of tokens, where the client wants to keep them."""
    user = await _me(services.use, Actor(session.account_id))
    if transport == "bearer":
        answer = SessionAnswer(
            user=user,
            expires_in=session.expires_in,
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            token_type="Bearer",  # noqa: S106 - a scheme, not a token
        )
        return Response(answer, headers={"Cache-Control": "no-store"})
    response = Response(SessionAnswer(user=user, expires_in=session.expires_in))
    SessionCookies(secure=services.secure).set(response, session)
    return response


async def _me(use: Use, actor: Actor) -> MeView:
    view = await use(IdentityReader).me(actor)
    if view is None:
        raise Unauthenticated("session_ended", "This account is gone.")
    return view


def _family_of(request: ApiRequest, services: Services, cookies: SessionCookies) -> FamilyId | None:
    """The family of whichever token was sent: in the header, where it must hold, or in either cookie."""
    tokens = services.use(Tokens)
    now = services.use(Clock).now()
    if header := request.headers.get("authorization"):
        return tokens.read_access(bearer(header), at=now).family_id
    try:
        return tokens.read_refresh(request.cookies.get(cookies.refresh, ""))[0]
    except Unauthenticated:
        pass
    try:
        return tokens.read_access(request.cookies.get(cookies.access, ""), at=now).family_id
    except Unauthenticated:
        return None


ROUTES = (register, verify_email, log_in, refresh, log_out, me)
