"""Profiles, follows and blocks."""

from uuid import UUID

from litestar import Response, delete, get, patch, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType

from soundgraph.application.limits import FOLLOWS, FOLLOWS_DAILY
from soundgraph.application.people import (
    Block,
    EditProfile,
    Follow,
    ListFollowers,
    ListFollowings,
    PeopleReader,
    ReadProfile,
    Unblock,
    Unfollow,
)
from soundgraph.application.views import MiniUser, UserView
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Invalid, NotFound, Stale
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import Viewer
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentViewer
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.policies import BODY, member_route, public_route
from soundgraph.entrypoints.http.services import Use
from soundgraph.entrypoints.http.versions import ExpectedVersion, entity


class EditProfileInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What is absent stays; null empties."""

    display_name: str | UnsetType = UNSET
    bio: str | UnsetType | None = UNSET
    city: str | UnsetType | None = UNSET


def id_or_handle_of(text: str) -> AccountId | str:
    """A path segment that names a person. No handle looks like an id."""
    try:
        return AccountId(UUID(text))
    except ValueError:
        return text


async def person(use: Wiring, viewer: Viewer, id_or_handle: str) -> AccountId:
    """The id of the person whom a path names. Raises NotFound."""
    named = id_or_handle_of(id_or_handle)
    if isinstance(named, str):
        return (await use(ReadProfile)(viewer=viewer, id_or_handle=named)).id
    return named


@get("/users/{id_or_handle:str}", **public_route(ReadProfile, NotFound))
async def read_profile(id_or_handle: FromPath[str], viewer: CurrentViewer, use: Use) -> Response[UserView]:
    """A person."""
    return entity(await use(ReadProfile)(viewer=viewer, id_or_handle=id_or_handle_of(id_or_handle)))


@patch("/me/profile", **member_route(EditProfile, *BODY, NotFound, Conflict, Stale, Invalid))
async def edit_profile(
    data: JSONBody[EditProfileInput], actor: CurrentActor, use: Use, version: ExpectedVersion
) -> Response[UserView]:
    """Change one's own profile."""
    given = {name: getattr(data, name) for name in data.__struct_fields__}
    # The use case leaves alone what is None, so null becomes the empty text here.
    changes = {name: value or "" for name, value in given.items() if value is not UNSET}
    await use(EditProfile)(actor=actor, version=version, **changes)
    return entity(await use(ReadProfile)(viewer=actor, id_or_handle=actor.id))


@put(
    "/me/followings/{user_id:uuid}",
    **member_route(Follow, NotFound, Invalid, limits=(FOLLOWS, FOLLOWS_DAILY)),
    status_code=204,
)
async def follow(user_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Follow a person."""
    await use(Follow)(actor=actor, account_id=AccountId(user_id))


@delete("/me/followings/{user_id:uuid}", **member_route(Unfollow, NotFound, limits=(FOLLOWS,)), status_code=204)
async def unfollow(user_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Stop following a person."""
    await use(Unfollow)(actor=actor, account_id=AccountId(user_id))


@put("/me/blocks/{user_id:uuid}", **member_route(Block, NotFound, Invalid), status_code=204)
async def block(user_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Block a person."""
    await use(Block)(actor=actor, account_id=AccountId(user_id))


@delete("/me/blocks/{user_id:uuid}", **member_route(Unblock, NotFound), status_code=204)
async def unblock(user_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Lift a block."""
    await use(Unblock)(actor=actor, account_id=AccountId(user_id))


@get("/me/blocks", **member_route(PeopleReader.blocked_by))
async def list_blocks(actor: CurrentActor, window: CurrentWindow, use: Use) -> Listing[MiniUser]:
    """Everyone whom one blocks."""
    reader = use(PeopleReader)
    return window.listing(await reader.blocked_by(actor, after=window.after, limit=window.limit))


@get("/users/{id_or_handle:str}/followers", **public_route(ListFollowers, NotFound))
async def list_followers(
    id_or_handle: FromPath[str], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[MiniUser]:
    """Who follows a person."""
    whom = await person(use, viewer, id_or_handle)
    page = await use(ListFollowers)(viewer=viewer, account_id=whom, after=window.after, limit=window.limit)
    return window.listing(page)


@get("/users/{id_or_handle:str}/followings", **public_route(ListFollowings, NotFound))
async def list_followings(
    id_or_handle: FromPath[str], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[MiniUser]:
    """Whom a person follows."""
    who = await person(use, viewer, id_or_handle)
    page = await use(ListFollowings)(viewer=viewer, account_id=who, after=window.after, limit=window.limit)
    return window.listing(page)


ROUTES = (
    read_profile,
    edit_profile,
    follow,
    unfollow,
    block,
    unblock,
    list_blocks,
    list_followers,
    list_followings,
)
