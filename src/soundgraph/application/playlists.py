"""Playlists: made, edited and read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from soundgraph.application.ports import Clock, Gate, Ids, UnitOfWork
from soundgraph.application.views import Page, PlaylistItemView, PlaylistView, Position
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId, TrackId, account_ref, playlist_ref, track_ref
from soundgraph.domain.playlists import Playlist, PlaylistDetails
from soundgraph.domain.tracks import slugify
from soundgraph.domain.visibility import Actor, Standing, Viewer


class Playlists(ABC):
    """Every playlist with its items, as one aggregate."""

    @abstractmethod
    async def get(self, playlist_id: PlaylistId) -> Playlist | None: ...

    @abstractmethod
    async def add(self, playlist: Playlist) -> None:
        """Raises Conflict(permalink_taken)."""

    @abstractmethod
    async def save(self, playlist: Playlist) -> None:
        """Write what changed: an item that only moved is one row. Raises Conflict(version_conflict)."""

    @abstractmethod
    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        """Whether the owner has, or had, a playlist under it."""


class PlaylistsWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def playlists(self) -> Playlists: ...


class PlaylistReader(ABC):
    """Reads of playlists. What the viewer may not see is left out, or None."""

    @abstractmethod
    async def get(self, viewer: Viewer, playlist_id: PlaylistId) -> PlaylistView | None: ...

    @abstractmethod
    async def items(
        self, viewer: Viewer, playlist_id: PlaylistId, *, after: Position | None, limit: int
    ) -> Page[PlaylistItemView]:
        """In the playlist's order; only tracks that are ready."""

    @abstractmethod
    async def item(self, viewer: Viewer, item_id: ItemId) -> PlaylistItemView | None:
        """One item, its track in any state."""

    @abstractmethod
    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[PlaylistView]:
        """Newest first."""


async def own(work: PlaylistsWork, actor: Actor, playlist_id: PlaylistId, version: int | None) -> Playlist:
    """The actor's own playlist, locked. Raises NotFound, and Stale if it is not at the version that was named."""
    await work.gate.require(actor, playlist_ref(playlist_id))
    playlist = await work.playlists.get(playlist_id)
    if playlist is None or playlist.owner_id != actor.id or playlist.standing is not Standing.OK:
        raise NotFound
    playlist.expect(version)
    return playlist


async def require_tracks(work: PlaylistsWork, actor: Actor, track_ids: Sequence[TrackId]) -> None:
    """Raises Invalid(unknown_track) unless the actor can see every one."""
    refs = [track_ref(track_id) for track_id in track_ids]
    if len(await work.gate.admit(actor, refs)) < len(refs):
        raise Invalid("unknown_track", "There is a track among these that you cannot see.")


class CreatePlaylist:
    """Make a playlist, with tracks in it if they are named. Anyone logged in; tracks must be visible to them.

    Raises Invalid naming every broken rule, or as unknown_track, duplicate_track or limit_reached.
    """

    def __init__(self, work: Callable[[], PlaylistsWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(
        self, *, actor: Actor, details: PlaylistDetails, track_ids: Sequence[TrackId] = ()
    ) -> PlaylistId:
        if errors := details.errors():
            raise Invalid.fields(errors)
        playlist_id, now = PlaylistId(self._ids.new()), self._clock.now()
        async with self._work() as work:
            await require_tracks(work, actor, track_ids)
            await work.serialise(f"playlist-permalinks:{actor.id}")
            permalink = slugify(details.title)
            if await work.playlists.permalink_taken(actor.id, permalink):
                permalink = f"{permalink}-{playlist_id.hex[-8:]}"
            playlist, created = Playlist.create(playlist_id, actor.id, details=details, permalink=permalink, at=now)
            playlist.replace([(ItemId(self._ids.new()), one) for one in track_ids], by=actor.id, at=now)
            await work.playlists.add(playlist)
            work.record(created)
            await work.commit()
        return playlist_id


class EditPlaylist:
    """Say something else about one's own playlist. Its owner.

    Raises NotFound, Stale, Invalid naming every broken rule.
    """

    def __init__(self, work: Callable[[], PlaylistsWork]) -> None:
        self._work = work

    async def __call__(
        self,
        *,
        actor: Actor,
        playlist_id: PlaylistId,
        change: Callable[[PlaylistDetails], PlaylistDetails],
        version: int | None = None,
    ) -> None:
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            details = change(playlist.details)
            if errors := details.errors():
                raise Invalid.fields(errors)
            work.record(playlist.edit(details))
            await work.playlists.save(playlist)
            await work.commit()


class DeletePlaylist:
    """Remove one's own playlist. Its owner. The tracks stay. Raises NotFound, also the second time, and Stale."""

    def __init__(self, work: Callable[[], PlaylistsWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, playlist_id: PlaylistId, version: int | None = None) -> None:
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            work.record(*playlist.remove())
            await work.playlists.save(playlist)
            await work.commit()


class AddToPlaylist:
    """Put a track into one's own playlist, behind an item or at the end. Its owner, if they can see the track.

    Raises NotFound, Stale, Conflict(already_in_playlist), Invalid(unknown_track | limit_reached).
    """

    def __init__(self, work: Callable[[], PlaylistsWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(
        self,
        *,
        actor: Actor,
        playlist_id: PlaylistId,
        track_id: TrackId,
        after: ItemId | None = None,
        version: int | None = None,
    ) -> ItemId:
        item_id = ItemId(self._ids.new())
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            await require_tracks(work, actor, [track_id])
            work.record(playlist.add(item_id, track_id, after=after, by=actor.id, at=self._clock.now()))
            await work.playlists.save(playlist)
            await work.commit()
        return item_id


class RemoveFromPlaylist:
    """Take an item out of one's own playlist. Its owner. Raises NotFound, also the second time, and Stale."""

    def __init__(self, work: Callable[[], PlaylistsWork]) -> None:
        self._work = work

    async def __call__(
        self, *, actor: Actor, playlist_id: PlaylistId, item_id: ItemId, version: int | None = None
    ) -> None:
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            work.record(playlist.discard(item_id))
            await work.playlists.save(playlist)
            await work.commit()


class MovePlaylistItem:
    """Put an item of one's own playlist behind another, or first. Its owner. Writes one row. Raises NotFound, Stale."""

    def __init__(self, work: Callable[[], PlaylistsWork]) -> None:
        self._work = work

    async def __call__(
        self,
        *,
        actor: Actor,
        playlist_id: PlaylistId,
        item_id: ItemId,
        after: ItemId | None,
        version: int | None = None,
    ) -> None:
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            work.record(playlist.move(item_id, after=after))
            await work.playlists.save(playlist)
            await work.commit()


class ReplacePlaylistTracks:
    """Make these tracks, in this order, all that is in one's own playlist. Its owner, if they can see each new one.

    Raises NotFound, Stale, Invalid(unknown_track | duplicate_track | limit_reached).
    """

    def __init__(self, work: Callable[[], PlaylistsWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(
        self, *, actor: Actor, playlist_id: PlaylistId, track_ids: Sequence[TrackId], version: int | None = None
    ) -> None:
        items = [(ItemId(self._ids.new()), track_id) for track_id in track_ids]
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            present = {item.track_id for item in playlist.items}
            await require_tracks(work, actor, [one for one in track_ids if one not in present])
            work.record(playlist.replace(items, by=actor.id, at=self._clock.now()))
            await work.playlists.save(playlist)
            await work.commit()


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
