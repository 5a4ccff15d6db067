"""Registering, verifying an address, logging in and out."""

from typing import Any, Literal

from litestar import Response, post
from litestar.params import JSONBody
from msgspec import UNSET, Struct, UnsetType

from soundgraph.application.identity import (
    Client,
    IdentityReader,
    LogIn,
    LogOut,
    RefreshSession,
    Register,
    ResendVerification,
    ResetPassword,
    Session,
    Tokens,
    VerifyEmail,
)
from soundgraph.application.limits import LOGIN, MAILS, RECOVER, REFRESH, REGISTER
from soundgraph.application.ports import Clock, Ids
from soundgraph.application.views import MeView
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, Unauthenticated
from soundgraph.domain.identity import normalise_email
from soundgraph.domain.ids import AccountId, FamilyId
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.addresses import address_of
from soundgraph.entrypoints.http.auth import bearer
from soundgraph.entrypoints.http.cookies import Device, DeviceCookie, SessionCookies
from soundgraph.entrypoints.http.limits import Limits
from soundgraph.entrypoints.http.origins import from_same_origin, refuse_hostile_origin
from soundgraph.entrypoints.http.policies import BODY, open_route
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


class AddressInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A mail address."""

    email: str


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
async def register(data: JSONBody[RegisterInput], request: ApiRequest, services: Given) -> Registered:
    """Ask for an account."""
    await services.use(Register)(
        email=data.email,
        handle=data.handle,
        password=data.password,
        display_name=data.display_name,
        captcha_token=data.captcha_token,
        client=client_of(request, services),
    )
    return Registered()


@post(
    "/auth/verify-email/resend",
    **open_route(ResendVerification, *BODY, Forbidden, limits=(RECOVER, *MAILS)),
    status_code=202,
)
async def resend_verification(data: JSONBody[AddressInput], use: Use) -> Registered:
    """Mail the link of a registration once more."""
    await use(ResendVerification)(email=data.email)
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
    response = await logged_in(services, session, data.transport)
    remember_device(request, services, response, session.account_id, data.transport)
    return response


@post("/auth/login", **open_route(LogIn, *BODY, Unauthenticated, Forbidden, Invalid, limits=(LOGIN,)), status_code=200)
async def log_in(data: JSONBody[LogInInput], request: ApiRequest, services: Given) -> Response[SessionAnswer]:
    """Log in."""
    refuse_planted_session(request, services, data.transport)
    device = await known_device(request, services, data.login)
    async with Limits(services).counting_failures(request, data.login, device):
        session = await services.use(LogIn)(
            login=data.login,
            password=data.password,
            client=client_of(request, services),
            captcha_token=data.captcha_token,
        )
    response = await logged_in(services, session, data.transport)
    remember_device(request, services, response, session.account_id, data.transport)
    return response


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


def client_of(request: ApiRequest, services: Services) -> Client:
    """Where a login comes from."""
    device = "".join(one for one in request.headers.get("user-agent", "") if one.isprintable())
    seen = _device_cookie(services).read(request)
    return Client(
        device=device,
        address=address_of(request, services.trusted_proxies),
        logged_in_as=seen.account_id if seen else None,
    )


async def known_device(request: ApiRequest, services: Services, login: str) -> Device | None:
    """The browser that asks, if it has logged in with this login's account before."""
    device = _device_cookie(services).read(request)
    view = await services.use(IdentityReader).me(Actor(device.account_id)) if device else None
    return device if view and normalise_email(login) in (view.email, view.handle) else None


def remember_device(
    request: ApiRequest, services: Services, response: Response[Any], account_id: AccountId, transport: Transport
) -> None:
    """Know the browser again that has just logged in; a program keeps no cookie."""
    if transport == "cookie":
        cookie = _device_cookie(services)
        known = cookie.read(request)
        if known is None or known.account_id != account_id:
            known = Device(services.use(Ids).new(), account_id)
        cookie.set(response, known)


async def recover(
    request: ApiRequest, services: Services, response: Response[Any], *, token: str, password: str
) -> None:
    """Choose another password with the token from a mail. Its owner gets in from here now, whatever strangers try."""
    owner = await services.use(ResetPassword)(token=token, password=password)
    await Limits(services).forget_failures(request, (owner.email, owner.handle))
    # A page of another site could have sent a token of its own, and must not take a browser's own cookie from it.
    if from_same_origin(request, services.public_url) is not False:
        remember_device(request, services, response, owner.account_id, "cookie")


def _device_cookie(services: Services) -> DeviceCookie:
    return DeviceCookie(services.cursor_key, secure=services.secure)


def refuse_planted_session(request: ApiRequest, services: Services, transport: Transport) -> None:
    """Keep another site from logging a browser in as somebody else. Raises Forbidden(cross_origin)."""
    if transport == "cookie":
        refuse_hostile_origin(request, services.public_url)


async def logged_in(services: Services, session: Session, transport: Transport) -> Response[SessionAnswer]:
    """The answer that carries a new pair of tokens, where the client wants to keep them."""
    user = await own_account(services.use, Actor(session.account_id))
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


async def own_account(use: Use, actor: Actor) -> MeView:
    """One's own account. Raises Unauthenticated(session_ended) once it is gone."""
    view = await use(IdentityReader).me(actor)
    if view is None:
        raise Unauthenticated("session_ended", "This account is gone.")
    return view


def session_of(request: ApiRequest, services: Services) -> FamilyId:
    """The session of whoever is logged in. Only for routes whose policy is MEMBER."""
    header, cookies = request.headers.get("authorization"), SessionCookies(secure=services.secure)
    token = request.cookies.get(cookies.access, "") if header is None else bearer(header)
    return services.use(Tokens).read_access(token, at=services.use(Clock).now()).family_id


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


ROUTES = (register, verify_email, resend_verification, log_in, refresh, log_out)
