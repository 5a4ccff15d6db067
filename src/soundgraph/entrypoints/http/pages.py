"""The few web pages: where links in mails lead."""

from html import escape
from typing import Any

from litestar import MediaType, Request, Response, get, post

from soundgraph.application.identity import ConfirmEmailChange, ReadRegistration, ResetPassword, VerifyEmail
from soundgraph.application.limits import LOGIN
from soundgraph.domain.errors import Conflict, DomainError, Forbidden, Gone, Invalid
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.errors import Malformed, Refusal, headers_of, status_of
from soundgraph.entrypoints.http.headers import PAGE
from soundgraph.entrypoints.http.identity import client_of, recover, refuse_planted_session, remember_device
from soundgraph.entrypoints.http.policies import BODY, open_route
from soundgraph.entrypoints.http.requests import ApiRequest, read_form
from soundgraph.entrypoints.http.services import Given, Use

STYLESHEET = """\
body { max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem; font: 1.0625rem/1.6 system-ui, sans-serif;
  color: #1c1c1e; background: #fbfbfa; }
h1 { font-size: 1.5rem; }
input[type=password] { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; }
button { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: .5rem; color: #fff;
  background: #b4400f; cursor: pointer; }
button:hover, button:focus-visible { background: #8f320b; }
a { color: #b4400f; }
@media (prefers-color-scheme: dark) { body { color: #ececec; background: #161615; } a { color: #ff9a62; } }
"""


def page(title: str, body: str, status: int = 200) -> Response[str]:
    """A page around `body`, which is HTML; `title` is text."""
    html = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · soundgraph</title>
<link rel="stylesheet" href="/assets/pages.css">
<main>
<h1>{escape(title)}</h1>
{body}
</main>
</html>
"""
    headers = {"Content-Security-Policy": PAGE}
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)


def form_page(title: str, before: str, *, action: str, token: str, button: str, fields: str = "") -> Response[str]:
    """A page with a button that posts `token` to `action`. `fields` are lines of HTML, the rest is text."""
    return page(
        title,
        f"""<p>{escape(before)}</p>
<form method="post" action="{action}">
<input type="hidden" name="token" value="{escape(token)}">
{fields}<button>{escape(button)}</button>
</form>""",
    )


def error_page(_: Request[Any, Any, Any], error: DomainError | Refusal) -> Response[str]:
    """The page that says why something was refused."""
    said = [error.message, *(one.message for one in getattr(error, "errors", ()))]
    answer = page("That did not work", "".join(f"<p>{escape(one)}</p>" for one in said), status_of(type(error)))
    answer.headers.update(headers_of(error))
    return answer


ON_PAGES: Any = {DomainError: error_page, Refusal: error_page}


@get("/assets/pages.css", **open_route(page), include_in_schema=False, media_type="text/css")
async def read_stylesheet() -> Response[str]:
    """How the pages look."""
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(STYLESHEET, media_type="text/css", headers=headers)


@get("/verify-email", **open_route(VerifyEmail), include_in_schema=False, exception_handlers=ON_PAGES)
async def show_verification(request: ApiRequest, use: Use) -> Response[str]:
    """The page that a mail leads to. It only has a button, because scanners follow links."""
    token = token_of(request)
    handle = await use(ReadRegistration)(token=token)
    # Someone else may have given this address, and hope that its owner presses the button.
    whose = f" as {handle}. If you did not ask for this account, close this page." if handle else "."
    return form_page(
        "Verify your e-mail address",
        f"Press the button to verify your address and log in{whose}",
        action="/verify-email",
        token=token,
        button="Verify and log in",
    )


@post(
    "/verify-email",
    **open_route(VerifyEmail, *BODY, Forbidden, Gone, limits=(LOGIN,)),
    status_code=200,
    include_in_schema=False,
    exception_handlers=ON_PAGES,
)
async def verify_by_form(request: ApiRequest, services: Given) -> Response[str]:
    """What its button does."""
    refuse_planted_session(request, services, "cookie")
    fields = await read_form(request)
    session = await services.use(VerifyEmail)(token=fields.get("token", ""), client=client_of(request, services))
    answer = page("Your address is verified", "<p>You are logged in. Welcome to soundgraph.</p>")
    SessionCookies(secure=services.secure).set(answer, session)
    remember_device(request, services, answer, session.account_id, "cookie")
    return answer


@get("/reset-password", **open_route(ResetPassword), include_in_schema=False, exception_handlers=ON_PAGES)
async def show_reset(request: ApiRequest) -> Response[str]:
    """The page that a mail leads to."""
    return form_page(
        "Choose a new password",
        "Every device will be logged out.",
        action="/reset-password",
        token=token_of(request),
        button="Set this password",
        fields="""\
<p><label>New password, at least 10 characters<br>
<input type="password" name="password" autocomplete="new-password" minlength="10" maxlength="256" required></label></p>
""",
    )


@post(
    "/reset-password",
    **open_route(ResetPassword, *BODY, Forbidden, Conflict, Gone, Invalid, limits=(LOGIN,)),
    status_code=200,
    include_in_schema=False,
    exception_handlers=ON_PAGES,
)
async def reset_by_form(request: ApiRequest, services: Given) -> Response[str]:
    """What its button does."""
    fields = await read_form(request)
    answer = page("Your password is changed", "<p>Log in with it.</p>")
    await recover(request, services, answer, token=fields.get("token", ""), password=fields.get("password", ""))
    return answer


@get("/confirm-email", **open_route(ConfirmEmailChange), include_in_schema=False, exception_handlers=ON_PAGES)
async def show_confirmation(request: ApiRequest) -> Response[str]:
    """The page that a mail leads to."""
    return form_page(
        "Move your account to another address",
        "The account moves once both addresses have agreed.",
        action="/confirm-email",
        token=token_of(request),
        button="I agree",
    )


@post(
    "/confirm-email",
    **open_route(ConfirmEmailChange, *BODY, Forbidden, Conflict, Gone, limits=(LOGIN,)),
    status_code=200,
    include_in_schema=False,
    exception_handlers=ON_PAGES,
)
async def confirm_by_form(request: ApiRequest, use: Use) -> Response[str]:
    """What its button does."""
    changed = await use(ConfirmEmailChange)(token=(await read_form(request)).get("token", ""))
    if changed:
        return page("Your address is changed", "<p>Your account has moved to the new address.</p>")
    return page("Thank you", "<p>Your account moves as soon as the other address has agreed too.</p>")


def token_of(request: ApiRequest) -> str:
    """The token in the address of a page. Raises Malformed(token_missing)."""
    token: str | None = request.query_params.get("token")
    if not token:
        raise Malformed("token_missing", "This link is not complete. Copy all of it from the mail.")
    return token


ROUTES = (
    read_stylesheet,
    show_verification,
    verify_by_form,
    show_reset,
    reset_by_form,
    show_confirmation,
    confirm_by_form,
)
