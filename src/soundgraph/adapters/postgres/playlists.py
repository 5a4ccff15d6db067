"""Playlists in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Integer, Row, Text, bindparam, delete, exists, func, insert, select, update

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.people import MINI_COLUMNS, mini_user
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.read import Row as ReadRow
from soundgraph.adapters.postgres.schema import ID, accounts, playlist_items, playlists, profiles, tracks
from soundgraph.adapters.postgres.track_views import TRACKS_SEEN, track_view
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.adapters.postgres.visibility import owned_thing_visible, viewer_parameters
from soundgraph.application.playlists import PlaylistReader, Playlists
from soundgraph.application.views import Links, Page, PlaylistItemView, PlaylistView, Position
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId
from soundgraph.domain.playlists import Playlist, PlaylistDetails, PlaylistItem, PlaylistKind
from soundgraph.domain.visibility import Audience, Standing, Viewer


def playlist_row(playlist: Playlist) -> dict[str, object]:
    """The row of a playlist, without its items."""
    return asdict(playlist.details) | {
        "id": playlist.id,
        "owner_id": playlist.owner_id,
        "permalink": playlist.permalink,
        "standing": playlist.standing.value,
        "created_at": playlist.created_at,
        "version": playlist.version,
    }


def item_of(row: Row[Any]) -> PlaylistItem:
    """The item in a row."""
    return PlaylistItem(id=row.id, track_id=row.track_id, rank=row.rank, added_by=row.added_by, added_at=row.added_at)


def playlist_of(row: Row[Any], items: Sequence[PlaylistItem]) -> Playlist:
    """The playlist in a row, with its items in order."""
    return Playlist(
        id=row.id,
        owner_id=row.owner_id,
        details=PlaylistDetails(
            title=row.title,
            description=row.description,
            kind=PlaylistKind(row.kind),
            audience=Audience(row.audience),
        ),
        permalink=row.permalink,
        created_at=row.created_at,
        items=list(items),
        standing=Standing(row.standing),
        version=row.version,
    )


class PostgresPlaylists(Playlists):
    """Playlists with their items in one transaction. What was loaded is kept, to write only what changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loaded: dict[PlaylistId, Playlist] = {}

    async def get(self, playlist_id: PlaylistId) -> Playlist | None:
        found = select(playlists).where(playlists.c.id == playlist_id).with_for_update(key_share=True)
        row = await self._session.row(found)
        if row is None:
            return None
        own = select(playlist_items).where(playlist_items.c.playlist_id == playlist_id)
        rows = await self._session.rows(own.order_by(playlist_items.c.rank))
        items = [item_of(one) for one in rows]
        self._loaded[playlist_id] = playlist_of(row, items)
        return playlist_of(row, items)

    async def add(self, playlist: Playlist) -> None:
        await self._session.add(playlists, playlist_row(playlist))
        await self._write_items(playlist.id, {}, {item.id: item for item in playlist.items})
        self._session.count(playlist.owner_id, "playlists", int(_listed(playlist)))

    async def save(self, playlist: Playlist) -> None:
        before = self._loaded.get(playlist.id) or await self.get(playlist.id)
        await self._session.save(
            update(playlists)
            .where(playlists.c.id == playlist.id, playlists.c.version == playlist.version)
            .values(playlist_row(playlist) | {"version": playlist.version + 1})
        )
        assert before is not None, "a playlist that was saved is there"
        playlist.version += 1
        was, now = ({item.id: item for item in one.items} for one in (before, playlist))
        await self._write_items(playlist.id, was, now)
        self._session.count(playlist.owner_id, "playlists", int(_listed(playlist)) - int(_listed(before)))
        self._loaded.pop(playlist.id, None)

    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        taken = exists().where(playlists.c.owner_id == owner_id, playlists.c.permalink == permalink)
        return bool((await self._session.rows(select(taken)))[0][0])

    async def _write_items(
        self, playlist_id: PlaylistId, was: dict[ItemId, PlaylistItem], now: dict[ItemId, PlaylistItem]
    ) -> None:
        if gone := was.keys() - now.keys():
            await self._session.execute(delete(playlist_items).where(playlist_items.c.id.in_(gone)))
        if new := [asdict(item) | {"playlist_id": playlist_id} for key, item in now.items() if key not in was]:
            await self._session.execute(insert(playlist_items), new)
        moved = [item for key, item in now.items() if key in was and item.rank != was[key].rank]
        for item in moved:
            await self._session.execute(
                update(playlist_items).where(playlist_items.c.id == item.id).values(rank=item.rank)
            )


def _listed(playlist: Playlist) -> bool:
    return playlist.standing is Standing.OK and playlist.details.audience is Audience.PUBLIC


_COUNT = (
    select(func.count()).where(playlist_items.c.playlist_id == playlists.c.id).scalar_subquery().label("track_count")
)
_SEEN = (
    select(playlists, playlists.c.created_at.label("at"), *MINI_COLUMNS, _COUNT)
    .join(accounts, accounts.c.id == playlists.c.owner_id)
    .join(profiles, profiles.c.id == playlists.c.owner_id)
    .where(owned_thing_visible(playlists, accounts))
)
_OWNER = accounts.alias("playlist_owner")
_PLACES = (
    TRACKS_SEEN.add_columns(
        playlist_items.c.id.label("item_id"),
        playlist_items.c.rank,
        playlist_items.c.added_by,
        playlist_items.c.added_at,
    )
    .join(playlist_items, playlist_items.c.track_id == tracks.c.id)
    .join(playlists, playlists.c.id == playlist_items.c.playlist_id)
    .join(_OWNER, _OWNER.c.id == playlists.c.owner_id)
    .where(owned_thing_visible(playlists, _OWNER))
)
_ITEM = _PLACES.where(playlist_items.c.id == bindparam("item_id", type_=ID))
_ITEMS = (
    _PLACES.where(
        playlist_items.c.playlist_id == bindparam("playlist_id", type_=ID),
        playlist_items.c.rank > bindparam("after_rank", type_=Text),
        tracks.c.live_id.is_not(None),
    )
    .order_by(playlist_items.c.rank)
    .limit(bindparam("take", type_=Integer))
)


def playlist_view(row: ReadRow, links: Links, viewer: Viewer) -> PlaylistView:
    """A playlist, of a row of the query above."""
    return PlaylistView(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        kind=row["kind"],
        visibility=row["audience"],
        permalink=row["permalink"],
        permalink_url=links.playlist(row["handle"], row["permalink"], viewer.token_for(row["id"])),
        user=mini_user(row, links),
        track_count=row["track_count"],
        version=row["version"],
        created_at=row["created_at"],
    )


def item_view(row: ReadRow, links: Links, viewer: Viewer) -> PlaylistItemView:
    """An item, of a row of the query above."""
    return PlaylistItemView(
        id=row["item_id"],
        track=track_view(row, links, viewer),
        added_by=row["added_by"],
        added_at=row["added_at"],
    )


class PostgresPlaylistReader(PlaylistReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        self._pool, self._links = pool, links
        one = _SEEN.where(playlists.c.id == bindparam("playlist_id", type_=ID))
        owned = _SEEN.where(
            playlists.c.owner_id == bindparam("owner_id", type_=ID), playlists.c.standing == Standing.OK.value
        )
        listed = paged(owned, playlists.c.created_at, playlists.c.id)
        self._get = Query("playlists.get", one, lambda row: row)
        self._items = Query("playlists.items", _ITEMS, lambda row: row)
        self._item = Query("playlists.item", _ITEM, lambda row: row)
        self._listed = Query("playlists.by_owner", listed, lambda row: row)

    async def get(self, viewer: Viewer, playlist_id: PlaylistId) -> PlaylistView | None:
        get = self._get.showing(lambda row: playlist_view(row, self._links, viewer))
        return await get.one(self._pool, playlist_id=playlist_id, **viewer_parameters(viewer))

    async def items(
        self, viewer: Viewer, playlist_id: PlaylistId, *, after: Position | None, limit: int
    ) -> Page[PlaylistItemView]:
        rows = await self._items.rows(
            self._pool,
            playlist_id=playlist_id,
            after_rank="" if after is None else str(after[0]),
            take=limit + 1,
            **viewer_parameters(viewer),
        )
        shown = [item_view(row, self._links, viewer) for row in rows[:limit]]
        return Page(shown, (rows[limit - 1]["rank"],) if len(rows) > limit else None)

    async def item(self, viewer: Viewer, item_id: ItemId) -> PlaylistItemView | None:
        item = self._item.showing(lambda row: item_view(row, self._links, viewer))
        return await item.one(self._pool, item_id=item_id, **viewer_parameters(viewer))

    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[PlaylistView]:
        parameters = paging(after, limit) | viewer_parameters(viewer)
        listed = self._listed.showing(lambda row: playlist_view(row, self._links, viewer))
        return await page_of(listed, self._pool, limit, owner_id=owner_id, **parameters)
