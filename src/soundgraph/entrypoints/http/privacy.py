"""Deleting one's account, coming back, and taking one's data along."""

from html import escape

from litestar import Response, delete, get, post
from litestar.params import JSONBody
from msgspec import Struct

from soundgraph.application.identity import DeleteAccount, RestoreAccount
from soundgraph.application.limits import EXPORTS, LOGIN
from soundgraph.application.privacy import ReadExport, RequestExport
from soundgraph.application.views import ExportView
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.identity import (
    LogInInput,
    SessionAnswer,
    client_of,
    known_device,
    logged_in,
    refuse_planted_session,
    remember_device,
    session_of,
)
from soundgraph.entrypoints.http.limits import Limits
from soundgraph.entrypoints.http.oauth import TO_BROWSERS
from soundgraph.entrypoints.http.pages import page
from soundgraph.entrypoints.http.policies import BODY, member_route, open_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Given, Use


class DeleteInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The password once more; who has none signs in again just before."""

    password: str | None = None


@delete("/me", **member_route(DeleteAccount, *BODY, NotFound, limits=(LOGIN,)), status_code=204)
async def delete_me(
    request: ApiRequest, actor: CurrentActor, services: Given, data: JSONBody[DeleteInput | None] = None
) -> Response[None]:
    """Delete one's account."""
    family_id = session_of(request, services)
    async with Limits(services).counting_failures(request, str(actor.id)):
        await services.use(DeleteAccount)(actor=actor, password=data.password if data else None, family_id=family_id)
    response = Response(None, status_code=204)
    SessionCookies(secure=services.secure).clear(response)
    return response


@post(
    "/auth/restore",
    **open_route(RestoreAccount, *BODY, Unauthenticated, Forbidden, Conflict, Gone, Invalid, limits=(LOGIN,)),
    status_code=200,
)
async def restore(data: JSONBody[LogInInput], request: ApiRequest, services: Given) -> Response[SessionAnswer]:
    """Undo the deletion of an account and log in."""
    refuse_planted_session(request, services, data.transport)
    device = await known_device(request, services, data.login)
    async with Limits(services).counting_failures(request, data.login, device):
        session = await services.use(RestoreAccount)(
            login=data.login,
            password=data.password,
            client=client_of(request, services),
            captcha_token=data.captcha_token,
        )
    response = await logged_in(services, session, data.transport)
    remember_device(request, services, response, session.account_id, data.transport)
    return response


@post("/me/export", **member_route(RequestExport, limits=(EXPORTS,)), status_code=202)
async def request_export(actor: CurrentActor, use: Use) -> ExportView:
    """Ask for an archive of everything that is stored of oneself."""
    await use(RequestExport)(actor=actor)
    return await use(ReadExport)(actor=actor)


@get("/me/export", **member_route(ReadExport, NotFound))
async def read_export(actor: CurrentActor, use: Use) -> ExportView:
    """How far one's archive is, and where it is."""
    return await use(ReadExport)(actor=actor)


@get("/account/export", **member_route(ReadExport, NotFound), include_in_schema=False, exception_handlers=TO_BROWSERS)
async def show_export(actor: CurrentActor, use: Use) -> Response[str]:
    """Where the mail about an archive leads."""
    export = await use(ReadExport)(actor=actor)
    if export.url is None:
        return page("Your data", f"<p>The archive is {escape(export.state)}: {export.progress} %.</p>")
    return page(
        "Your data",
        f"""<p><a href="{escape(export.url)}">Download the archive</a> ({export.size_bytes:,} bytes).</p>
<p>SHA-256: <code>{export.sha256}</code></p>""",
    )


ROUTES = (delete_me, restore, request_export, read_export)
PAGES = (show_export,)
