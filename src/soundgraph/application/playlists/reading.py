"""Reading playlists."""

from soundgraph.application.playlists.ports import PlaylistReader
from soundgraph.application.ports import Gate
from soundgraph.application.views import Page, PlaylistItemView, PlaylistView, Position
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId, account_ref, playlist_ref
from soundgraph.domain.visibility import Viewer


class ReadPlaylist:
    """A playlist. Anyone who can see it. Raises NotFound."""

    def __init__(self, reader: PlaylistReader) -> None:
        self._reader = reader

    async def __call__(self, *, viewer: Viewer, playlist_id: PlaylistId) -> PlaylistView:
        view = await self._reader.get(viewer, playlist_id)
        if view is None:
            raise NotFound
        return view


class ReadPlaylistItem:
    """One item of a playlist. Anyone who can see the playlist and the track. Raises NotFound."""

    def __init__(self, reader: PlaylistReader) -> None:
        self._reader = reader

    async def __call__(self, *, viewer: Viewer, item_id: ItemId) -> PlaylistItemView:
        view = await self._reader.item(viewer, item_id)
        if view is None:
            raise NotFound
        return view


class ListPlaylistItems:
    """What is in a playlist, in order, as far as the viewer can see it. Anyone who can see it. Raises NotFound."""

    def __init__(self, gate: Gate, reader: PlaylistReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, playlist_id: PlaylistId, after: Position | None, limit: int
    ) -> Page[PlaylistItemView]:
        await self._gate.require(viewer, playlist_ref(playlist_id))
        return await self._reader.items(viewer, playlist_id, after=after, limit=limit)


class ListPlaylistsOf:
    """A person's playlists, newest first. Anyone who can see the person. Raises NotFound."""

    def __init__(self, gate: Gate, reader: PlaylistReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, account_id: AccountId, after: Position | None, limit: int
    ) -> Page[PlaylistView]:
        await self._gate.require(viewer, account_ref(account_id))
        return await self._reader.by_owner(viewer, account_id, after=after, limit=limit)
