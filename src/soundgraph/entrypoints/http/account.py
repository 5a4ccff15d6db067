"""One's own account: its sessions, its password, its address."""

from typing import Literal
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType

from soundgraph.application.identity import (
    ChangePassword,
    ConfirmEmailChange,
    EndAllSessions,
    EndSession,
    ForgetPassword,
    IdentityReader,
    ListSessions,
    RequestEmailChange,
    ResetPassword,
)
from soundgraph.application.limits import LOGIN, MAILS, RECOVER
from soundgraph.application.people import EditProfile
from soundgraph.application.views import MeView, SessionView
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from soundgraph.domain.ids import FamilyId
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentFamily
from soundgraph.entrypoints.http.cookies import SessionCookies
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.identity import AddressInput, own_account, recover
from soundgraph.entrypoints.http.limits import Limits
from soundgraph.entrypoints.http.policies import BODY, member_route, open_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Given, Use


class ResetPasswordInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The token from the mail, and the new password."""

    token: str
    password: str


class ChangePasswordInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The present password and the new one."""

    current_password: str
    new_password: str


class EmailInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The new address, and the present password."""

    email: str
    password: str


class TokenInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The token from a mail."""

    token: str


class EditMeInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What is absent stays."""

    display_name: str | UnsetType = UNSET


class MailSent(Struct, frozen=True):
    """The same answer whether or not the address is known."""

    status: Literal["mail_sent"] = "mail_sent"


class EmailChangeAnswer(Struct, frozen=True):
    """`changed` once both addresses have agreed."""

    status: Literal["waiting", "changed"]


@get("/me", **member_route(IdentityReader.me))
async def me(actor: CurrentActor, use: Use) -> MeView:
    """One's own account."""
    return await own_account(use, actor)


@patch("/me", **member_route(EditProfile, *BODY, NotFound, Conflict, Invalid))
async def edit_me(data: JSONBody[EditMeInput], actor: CurrentActor, use: Use) -> MeView:
    """Change what one is called."""
    if data.display_name is not UNSET:
        await use(EditProfile)(actor=actor, display_name=data.display_name)
    return await own_account(use, actor)


@get("/auth/sessions", **member_route(ListSessions))
async def list_sessions(
    actor: CurrentActor, family: CurrentFamily, window: CurrentWindow, use: Use
) -> Listing[SessionView]:
    """Where one is logged in."""
    page = await use(ListSessions)(actor=actor, family_id=family, after=window.after, limit=window.limit)
    return window.listing(page)


@delete("/auth/sessions/{session_id:uuid}", **member_route(EndSession, NotFound, Conflict), status_code=204)
async def end_session(session_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Log another device out."""
    await use(EndSession)(actor=actor, family_id=FamilyId(session_id))


@post("/auth/logout-all", **member_route(EndAllSessions, Conflict), status_code=204)
async def log_out_everywhere(actor: CurrentActor, services: Given) -> Response[None]:
    """Log every device out."""
    await services.use(EndAllSessions)(actor=actor)
    response = Response(None, status_code=204)
    SessionCookies(secure=services.secure).clear(response)
    return response


@post(
    "/auth/password/forgot", **open_route(ForgetPassword, *BODY, Forbidden, limits=(RECOVER, *MAILS)), status_code=202
)
async def forget_password(data: JSONBody[AddressInput], use: Use) -> MailSent:
    """Ask for a link to choose another password."""
    await use(ForgetPassword)(email=data.email)
    return MailSent()


@post(
    "/auth/password/reset",
    **open_route(ResetPassword, *BODY, Forbidden, Conflict, Gone, Invalid, limits=(LOGIN,)),
    status_code=204,
)
async def reset_password(data: JSONBody[ResetPasswordInput], request: ApiRequest, services: Given) -> Response[None]:
    """Choose another password, with the token from a mail."""
    response = Response(None, status_code=204)
    await recover(request, services, response, token=data.token, password=data.password)
    return response


@post(
    "/auth/password/change", **member_route(ChangePassword, *BODY, Conflict, Invalid, limits=(LOGIN,)), status_code=204
)
async def change_password(
    data: JSONBody[ChangePasswordInput],
    request: ApiRequest,
    actor: CurrentActor,
    family: CurrentFamily,
    services: Given,
) -> None:
    """Choose another password."""
    async with Limits(services).counting_failures(request, str(actor.id)):
        await services.use(ChangePassword)(
            actor=actor, family_id=family, current_password=data.current_password, new_password=data.new_password
        )


@post(
    "/me/email", **member_route(RequestEmailChange, *BODY, Conflict, Invalid, limits=(LOGIN, *MAILS)), status_code=202
)
async def change_email(
    data: JSONBody[EmailInput], request: ApiRequest, actor: CurrentActor, services: Given
) -> MailSent:
    """Ask for another address."""
    async with Limits(services).counting_failures(request, str(actor.id)):
        await services.use(RequestEmailChange)(actor=actor, email=data.email, password=data.password)
    return MailSent()


@post(
    "/auth/confirm-email",
    **open_route(ConfirmEmailChange, *BODY, Forbidden, Conflict, Gone, limits=(LOGIN,)),
    status_code=200,
)
async def confirm_email(data: JSONBody[TokenInput], use: Use) -> EmailChangeAnswer:
    """Agree to a change of address, for one of the two."""
    changed = await use(ConfirmEmailChange)(token=data.token)
    return EmailChangeAnswer("changed" if changed else "waiting")


ROUTES = (
    me,
    edit_me,
    list_sessions,
    end_session,
    log_out_everywhere,
    forget_password,
    reset_password,
    change_password,
    change_email,
    confirm_email,
)
