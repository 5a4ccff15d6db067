"""Playlists and what is in them."""

from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType

from soundgraph.application.idempotency import Once
from soundgraph.application.playlists import (
    AddToPlaylist,
    CreatePlaylist,
    DeletePlaylist,
    EditPlaylist,
    ListPlaylistItems,
    ListPlaylistsOf,
    MovePlaylistItem,
    ReadPlaylist,
    ReadPlaylistItem,
    RemoveFromPlaylist,
    ReplacePlaylistTracks,
)
from soundgraph.application.views import PlaylistItemView, PlaylistView
from soundgraph.domain.errors import Conflict, Invalid, NotFound, Stale
from soundgraph.domain.ids import ItemId, PlaylistId, TrackId
from soundgraph.domain.playlists import PlaylistDetails, PlaylistKind
from soundgraph.domain.visibility import Audience
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentViewer
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.idempotency import IdempotencyKey, claimed, fingerprint_of, settled
from soundgraph.entrypoints.http.people import person
from soundgraph.entrypoints.http.policies import BODY, member_route, public_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Use
from soundgraph.entrypoints.http.versions import ExpectedVersion, entity

API_PLAYLISTS = "/api/v1/playlists"
Kind = Literal["playlist", "album", "ep", "single", "compilation"]
Visibility = Literal["public", "private"]
EDITED = (*BODY, NotFound, Conflict, Invalid, Stale)


class CreatePlaylistInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`track_ids` in playing order."""

    title: str
    kind: Kind = "playlist"
    visibility: Visibility = "public"
    description: str = ""
    track_ids: list[UUID] = []

    def details(self) -> PlaylistDetails:
        """What it says about the playlist."""
        return PlaylistDetails(
            title=self.title,
            description=self.description,
            kind=PlaylistKind(self.kind),
            audience=Audience(self.visibility),
        )


class EditPlaylistInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What is absent stays; null empties."""

    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    kind: Kind | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET

    def applied_to(self, details: PlaylistDetails) -> PlaylistDetails:
        """The details with what was sent."""
        changes: dict[str, Any] = {}
        if self.title is not UNSET:
            changes["title"] = self.title
        if self.description is not UNSET:
            changes["description"] = self.description or ""
        if self.kind is not UNSET:
            changes["kind"] = PlaylistKind(self.kind)
        if self.visibility is not UNSET:
            changes["audience"] = Audience(self.visibility)
        return replace(details, **changes)


class AddTrackInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Which track, and behind which item; without `after`, at the end."""

    track_id: UUID
    after: UUID | None = None


class MoveItemInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Which item, and behind which other; null means first."""

    item_id: UUID
    after: UUID | None


class ReplaceTracksInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Every track of the playlist, in playing order."""

    track_ids: list[UUID]


def _item(given: UUID | None) -> ItemId | None:
    return None if given is None else ItemId(given)


@post("/playlists", **member_route(CreatePlaylist, *BODY, Conflict, Invalid), status_code=201)
async def create_playlist(
    request: ApiRequest,
    data: JSONBody[CreatePlaylistInput],
    actor: CurrentActor,
    use: Use,
    idempotency_key: IdempotencyKey,
) -> Response[PlaylistView]:
    """Make a playlist."""
    tracks = [TrackId(one) for one in data.track_ids]

    async def make(once: Once | None) -> PlaylistId:
        return await use(CreatePlaylist)(actor=actor, details=data.details(), track_ids=tracks, once=once)

    async with claimed(request, idempotency_key, actor, use) as attempt:
        playlist_id = PlaylistId(await settled(attempt, fingerprint_of(data), make))
    view = await use(ReadPlaylist)(viewer=actor, playlist_id=playlist_id)
    return entity(view, status_code=201, headers={"Location": f"{API_PLAYLISTS}/{playlist_id}"})


@get("/playlists/{playlist_id:uuid}", **public_route(ReadPlaylist, NotFound))
async def read_playlist(playlist_id: FromPath[UUID], viewer: CurrentViewer, use: Use) -> Response[PlaylistView]:
    """A playlist."""
    return entity(await use(ReadPlaylist)(viewer=viewer, playlist_id=PlaylistId(playlist_id)))


@patch("/playlists/{playlist_id:uuid}", **member_route(EditPlaylist, *EDITED))
async def edit_playlist(
    playlist_id: FromPath[UUID],
    data: JSONBody[EditPlaylistInput],
    actor: CurrentActor,
    use: Use,
    version: ExpectedVersion,
) -> Response[PlaylistView]:
    """Change one's own playlist."""
    key = PlaylistId(playlist_id)
    await use(EditPlaylist)(actor=actor, playlist_id=key, change=data.applied_to, version=version)
    return entity(await use(ReadPlaylist)(viewer=actor, playlist_id=key))


@delete("/playlists/{playlist_id:uuid}", **member_route(DeletePlaylist, NotFound, Conflict, Stale), status_code=204)
async def delete_playlist(playlist_id: FromPath[UUID], actor: CurrentActor, use: Use, version: ExpectedVersion) -> None:
    """Delete one's own playlist."""
    await use(DeletePlaylist)(actor=actor, playlist_id=PlaylistId(playlist_id), version=version)


@get("/playlists/{playlist_id:uuid}/tracks", **public_route(ListPlaylistItems, NotFound))
async def list_playlist_items(
    playlist_id: FromPath[UUID], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[PlaylistItemView]:
    """What is in a playlist."""
    key = PlaylistId(playlist_id)
    page = await use(ListPlaylistItems)(viewer=viewer, playlist_id=key, after=window.after, limit=window.limit)
    return window.listing(page)


@post("/playlists/{playlist_id:uuid}/tracks", **member_route(AddToPlaylist, *EDITED), status_code=201)
async def add_to_playlist(
    request: ApiRequest,
    playlist_id: FromPath[UUID],
    data: JSONBody[AddTrackInput],
    actor: CurrentActor,
    use: Use,
    version: ExpectedVersion,
    idempotency_key: IdempotencyKey,
) -> Response[PlaylistItemView]:
    """Put a track into one's own playlist."""
    key, track, after = PlaylistId(playlist_id), TrackId(data.track_id), _item(data.after)

    async def make(once: Once | None) -> ItemId:
        return await use(AddToPlaylist)(
            actor=actor, playlist_id=key, track_id=track, after=after, version=version, once=once
        )

    async with claimed(request, idempotency_key, actor, use) as attempt:
        item_id = ItemId(await settled(attempt, fingerprint_of(data), make))
    view = await use(ReadPlaylistItem)(viewer=actor, item_id=item_id)
    return Response(view, status_code=201, headers={"Location": f"{API_PLAYLISTS}/{playlist_id}/tracks/{item_id}"})


@delete(
    "/playlists/{playlist_id:uuid}/tracks/{item_id:uuid}",
    **member_route(RemoveFromPlaylist, NotFound, Conflict, Stale),
    status_code=204,
)
async def remove_from_playlist(
    playlist_id: FromPath[UUID], item_id: FromPath[UUID], actor: CurrentActor, use: Use, version: ExpectedVersion
) -> None:
    """Take an item out of one's own playlist."""
    key, item = PlaylistId(playlist_id), ItemId(item_id)
    await use(RemoveFromPlaylist)(actor=actor, playlist_id=key, item_id=item, version=version)


@post("/playlists/{playlist_id:uuid}/reorder", **member_route(MovePlaylistItem, *EDITED), status_code=200)
async def move_playlist_item(
    playlist_id: FromPath[UUID],
    data: JSONBody[MoveItemInput],
    actor: CurrentActor,
    use: Use,
    version: ExpectedVersion,
) -> Response[PlaylistView]:
    """Move an item of one's own playlist."""
    key, item, after = PlaylistId(playlist_id), ItemId(data.item_id), _item(data.after)
    await use(MovePlaylistItem)(actor=actor, playlist_id=key, item_id=item, after=after, version=version)
    return entity(await use(ReadPlaylist)(viewer=actor, playlist_id=key))


@put("/playlists/{playlist_id:uuid}/tracks", **member_route(ReplacePlaylistTracks, *EDITED), status_code=200)
async def replace_playlist_tracks(
    playlist_id: FromPath[UUID],
    data: JSONBody[ReplaceTracksInput],
    actor: CurrentActor,
    use: Use,
    version: ExpectedVersion,
) -> Response[PlaylistView]:
    """Make these tracks all that is in one's own playlist."""
    key, tracks = PlaylistId(playlist_id), [TrackId(one) for one in data.track_ids]
    await use(ReplacePlaylistTracks)(actor=actor, playlist_id=key, track_ids=tracks, version=version)
    return entity(await use(ReadPlaylist)(viewer=actor, playlist_id=key))


@get("/users/{id_or_handle:str}/playlists", **public_route(ListPlaylistsOf, NotFound))
async def list_playlists(
    id_or_handle: FromPath[str], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[PlaylistView]:
    """A person's playlists."""
    who = await person(use, viewer, id_or_handle)
    page = await use(ListPlaylistsOf)(viewer=viewer, account_id=who, after=window.after, limit=window.limit)
    return window.listing(page)


ROUTES = (
    create_playlist,
    read_playlist,
    edit_playlist,
    delete_playlist,
    list_playlist_items,
    add_to_playlist,
    remove_from_playlist,
    move_playlist_item,
    replace_playlist_tracks,
    list_playlists,
)
