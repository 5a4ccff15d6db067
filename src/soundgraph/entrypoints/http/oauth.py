"""Signing in through a provider, and linking an account with one."""

from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from soundgraph.application.identity import (
    BeginSignIn,
    Begun,
    CompleteSignIn,
    FinishSignIn,
    UnlinkIdentity,
)
from soundgraph.application.limits import LOGIN
from soundgraph.domain.errors import Conflict, DomainError, Forbidden, Gone, Invalid, NotFound, Unauthenticated
from soundgraph.domain.federation import ARRIVAL_LIFETIME, Intent
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.errors import Malformed, Refusal, answer_refusal
from soundgraph.entrypoints.http.identity import (
    SessionAnswer,
    Transport,
    client_of,
    logged_in,
    refuse_planted_session,
    remember_device,
    session_of,
)
from soundgraph.entrypoints.http.pages import ON_PAGES, error_page, form_page
from soundgraph.entrypoints.http.policies import BODY, member_route, open_route
from soundgraph.entrypoints.http.requests import ApiRequest, read_form
from soundgraph.entrypoints.http.services import Given, Services, Use

# What litestar calls state is another thing, so that the parameter needs another name.
State = Annotated[str, QueryParameter(name="state", description="What the provider was sent with.")]


class CompleteInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The handle that someone who came from a provider chooses. `token` is from the address of the page."""

    token: str
    handle: str
    display_name: str | None = None
    transport: Transport = "cookie"


class LinkAnswer(Struct, frozen=True):
    """Where to send the browser; it needs the cookie that comes with this."""

    url: str


class TripCookie:
    """The secret of a browser that was sent to a provider: nobody else can come back in its place."""

    def __init__(self, services: Services) -> None:
        self._secure = services.secure
        self.name = "__Host-sg_sign_in" if services.secure else "sg_sign_in"

    def read(self, request: ApiRequest) -> str:
        """What the browser kept, or nothing."""
        return request.cookies.get(self.name, "")

    def keep(self, response: Response[Any], browser: str) -> None:
        """Have it kept until a handle is chosen."""
        self._set(response, browser, int(ARRIVAL_LIFETIME.total_seconds()))

    def clear(self, response: Response[Any]) -> None:
        """It has served."""
        self._set(response, "", 0)

    def _set(self, response: Response[Any], value: str, max_age: int) -> None:
        # Lax: coming back from the provider is a navigation from another site.
        response.set_cookie(
            Cookie(
                key=self.name,
                value=value,
                max_age=max_age,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )
        )


def answer_browser(request: Request[Any, Any, Any], error: DomainError | Refusal) -> Response[Any]:
    """A page to a person, a problem to a program."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return error_page(request, error) if wants_page else answer_refusal(request, error)


TO_BROWSERS: Any = {DomainError: answer_browser, Refusal: answer_browser}


@get(
    "/auth/oauth/{provider:str}",
    **open_route(BeginSignIn, NotFound, Invalid, limits=(LOGIN,)),
    status_code=302,
    exception_handlers=TO_BROWSERS,
)
async def begin_sign_in(
    provider: FromPath[str],
    services: Given,
    next: FromQuery[str] = "/",  # noqa: A002 - its name in the address
    restore: FromQuery[bool] = False,
) -> Response[None]:
    """Off to a provider. `restore` undoes the deletion of the account on return."""
    intent = Intent.RESTORE if restore else Intent.LOG_IN
    begun = await services.use(BeginSignIn)(provider=provider, path=next, intent=intent)
    response = Response(None, status_code=302, headers={"Location": begun.url})
    TripCookie(services).keep(response, begun.browser)
    return response


@get(
    "/auth/oauth/{provider:str}/callback",
    **open_route(FinishSignIn, Unauthenticated, Forbidden, NotFound, Conflict, Gone, limits=(LOGIN,)),
    status_code=302,
    exception_handlers=TO_BROWSERS,
)
async def finish_sign_in(
    provider: FromPath[str], request: ApiRequest, services: Given, came_with: State = "", code: FromQuery[str] = ""
) -> Response[None]:
    """Back from a provider."""
    cookie = TripCookie(services)
    arrived = await services.use(FinishSignIn)(
        provider=provider,
        state=came_with,
        browser=cookie.read(request),
        code=code,
        client=client_of(request, services),
    )
    place = arrived.next
    if arrived.arrival is not None:
        place = "/welcome?" + urlencode({"token": arrived.arrival})
    response = Response(None, status_code=302, headers={"Location": place})
    if arrived.session is not None:
        SessionCookies(secure=services.secure).set(response, arrived.session)
        remember_device(request, services, response, arrived.session.account_id, "cookie")
    if arrived.arrival is None:
        cookie.clear(response)
    return response


@post(
    "/auth/oauth/complete",
    **open_route(CompleteSignIn, *BODY, Unauthenticated, Forbidden, Conflict, Gone, Invalid, limits=(LOGIN,)),
    status_code=200,
)
async def complete_sign_in(
    data: JSONBody[CompleteInput], request: ApiRequest, services: Given
) -> Response[SessionAnswer]:
    """Choose a handle after a first sign-in through a provider, and log in."""
    refuse_planted_session(request, services, data.transport)
    cookie = TripCookie(services)
    arrived = await services.use(CompleteSignIn)(
        token=data.token,
        browser=cookie.read(request),
        handle=data.handle,
        display_name=data.display_name,
        client=client_of(request, services),
    )
    assert arrived.session is not None
    response = await logged_in(services, arrived.session, data.transport)
    remember_device(request, services, response, arrived.session.account_id, data.transport)
    cookie.clear(response)
    return response


@post(
    "/me/identities/{provider:str}",
    **member_route(BeginSignIn, NotFound, Invalid, summary="Link one's account with a provider"),
    status_code=200,
)
async def link_identity(
    provider: FromPath[str],
    request: ApiRequest,
    actor: CurrentActor,
    services: Given,
    next: FromQuery[str] = "/",  # noqa: A002
) -> Response[LinkAnswer]:
    """Begin linking one's account with a provider."""
    begun: Begun = await services.use(BeginSignIn)(
        provider=provider,
        path=next,
        intent=Intent.LINK,
        actor=actor,
        family_id=session_of(request, services),
    )
    response = Response(LinkAnswer(begun.url))
    TripCookie(services).keep(response, begun.browser)
    return response


@delete("/me/identities/{provider:str}", **member_route(UnlinkIdentity, NotFound, Conflict), status_code=204)
async def unlink_identity(provider: FromPath[str], actor: CurrentActor, use: Use) -> None:
    """Stop a provider's account from opening one's own."""
    await use(UnlinkIdentity)(actor=actor, provider=provider)


@get("/welcome", **open_route(CompleteSignIn), include_in_schema=False, exception_handlers=ON_PAGES)
async def show_welcome(request: ApiRequest) -> Response[str]:
    """Where a first sign-in leads: what is missing is a handle."""
    token = request.query_params.get("token")
    if not token:
        raise Malformed("token_missing", "This address is not complete. Begin signing in again.")
    return form_page(
        "Choose your handle",
        "It is your address on soundgraph, 3 to 30 of a-z, 0-9, _ and -. It stays yours.",
        action="/welcome",
        token=token,
        button="Begin",
        fields="""\
<p><label>Handle <input name="handle" required minlength="3" maxlength="30" autocomplete="username"></label></p>
<p><label>Name <input name="display_name" maxlength="60" autocomplete="name"></label></p>
""",
    )


@post(
    "/welcome",
    **open_route(CompleteSignIn, *BODY, Forbidden, Conflict, Gone, Invalid, limits=(LOGIN,)),
    status_code=303,
    include_in_schema=False,
    exception_handlers=ON_PAGES,
)
async def complete_by_form(request: ApiRequest, services: Given) -> Response[None]:
    """What its button does."""
    refuse_planted_session(request, services, "cookie")
    fields, cookie = await read_form(request), TripCookie(services)
    arrived = await services.use(CompleteSignIn)(
        token=fields.get("token", ""),
        browser=cookie.read(request),
        handle=fields.get("handle", ""),
        display_name=fields.get("display_name", "").strip() or None,
        client=client_of(request, services),
    )
    assert arrived.session is not None
    response = Response(None, status_code=303, headers={"Location": arrived.next})
    SessionCookies(secure=services.secure).set(response, arrived.session)
    remember_device(request, services, response, arrived.session.account_id, "cookie")
    cookie.clear(response)
    return response


ROUTES = (begin_sign_in, finish_sign_in, complete_sign_in, link_identity, unlink_identity)
PAGES = (show_welcome, complete_by_form)
