"""Playlists in memory."""

from soundgraph.adapters.memory.database import MemoryDatabase, Tables, kept, page_of, save
from soundgraph.adapters.memory.people import mini_user
from soundgraph.adapters.memory.tracks import MemoryTrackReader
from soundgraph.application.playlists import PlaylistReader, Playlists
from soundgraph.application.views import Links, Page, PlaylistItemView, PlaylistView, Position
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId, playlist_ref
from soundgraph.domain.playlists import Playlist
from soundgraph.domain.visibility import Audience, Standing, Viewer


class MemoryPlaylists(Playlists):
    """Playlists among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, playlist_id: PlaylistId) -> Playlist | None:
        return kept(self._tables.playlists.get(playlist_id))

    async def add(self, playlist: Playlist) -> None:
        if await self.permalink_taken(playlist.owner_id, playlist.permalink):
            raise Conflict("permalink_taken", "You have a playlist under this permalink.")
        self._tables.playlists[playlist.id] = kept(playlist)
        self._tables.count(playlist.owner_id, "playlists", int(shown(playlist)))

    async def save(self, playlist: Playlist) -> None:
        before = self._tables.playlists.get(playlist.id)
        save(self._tables.playlists, playlist.id, playlist)
        was = before is not None and shown(before)
        self._tables.count(playlist.owner_id, "playlists", int(shown(playlist)) - int(was))

    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        return any((one.owner_id, one.permalink) == (owner_id, permalink) for one in self._tables.playlists.values())


def shown(playlist: Playlist) -> bool:
    """Whether it counts among its owner's playlists."""
    return playlist.standing is Standing.OK and playlist.details.audience is Audience.PUBLIC


class MemoryPlaylistReader(PlaylistReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase, links: Links) -> None:
        self._database, self._links = database, links
        self._tracks = MemoryTrackReader(database, links)

    async def get(self, viewer: Viewer, playlist_id: PlaylistId) -> PlaylistView | None:
        if not self._database.tables.visible(playlist_ref(playlist_id), viewer):
            return None
        return self._view(viewer, self._database.tables.playlists[playlist_id])

    async def items(
        self, viewer: Viewer, playlist_id: PlaylistId, *, after: Position | None, limit: int
    ) -> Page[PlaylistItemView]:
        playlist = self._database.tables.playlists[playlist_id]
        start = "" if after is None else str(after[0])
        places = [item for item in playlist.items if item.rank > start]
        ready = {one.id: one for one in await self._tracks.many(viewer, [item.track_id for item in places])}
        seen = [item for item in places if item.track_id in ready]
        views = [
            PlaylistItemView(id=item.id, track=ready[item.track_id], added_by=item.added_by, added_at=item.added_at)
            for item in seen[:limit]
        ]
        return Page(views, (seen[limit - 1].rank,) if len(seen) > limit else None)

    async def item(self, viewer: Viewer, item_id: ItemId) -> PlaylistItemView | None:
        for playlist in self._database.tables.playlists.values():
            for item in playlist.items:
                track = await self._tracks.get(viewer, item.track_id) if item.id == item_id else None
                if track is not None and self._database.tables.visible(playlist_ref(playlist.id), viewer):
                    return PlaylistItemView(id=item.id, track=track, added_by=item.added_by, added_at=item.added_at)
        return None

    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[PlaylistView]:
        tables = self._database.tables
        visible = [
            (one.created_at, one.id)
            for one in tables.playlists.values()
            if one.owner_id == owner_id and one.standing is Standing.OK and tables.visible(playlist_ref(one.id), viewer)
        ]
        ids, following = page_of(visible, after, limit)
        return Page([self._view(viewer, tables.playlists[one]) for one in ids], following)

    def _view(self, viewer: Viewer, playlist: Playlist) -> PlaylistView:
        user = mini_user(self._database.tables, playlist.owner_id, self._links)
        return PlaylistView(
            id=playlist.id,
            title=playlist.details.title,
            description=playlist.details.description,
            kind=playlist.details.kind,
            visibility=playlist.details.audience,
            permalink=playlist.permalink,
            permalink_url=self._links.playlist(user.handle, playlist.permalink, viewer.token_for(playlist.id)),
            user=user,
            track_count=len(playlist.items),
            version=playlist.version,
            created_at=playlist.created_at,
        )
