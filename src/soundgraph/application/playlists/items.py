"""Changing what is in a playlist."""

from collections.abc import Callable, Sequence

from soundgraph.application.idempotency import KEPT, Once
from soundgraph.application.playlists.editing import own, require_tracks
from soundgraph.application.playlists.ports import PlaylistsWork
from soundgraph.application.ports import Clock, Ids
from soundgraph.domain.ids import ItemId, PlaylistId, TrackId
from soundgraph.domain.visibility import Actor


class AddToPlaylist:
    """Put a track into one's own playlist, behind an item or at the end. Its owner, if they can see the track.

    `once` settles the idempotency key of the request. Raises NotFound, Stale, Conflict(already_in_playlist),
    Invalid(unknown_track | limit_reached).
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
        once: Once | None = None,
    ) -> ItemId:
        item_id, now = ItemId(self._ids.new()), self._clock.now()
        async with self._work() as work:
            playlist = await own(work, actor, playlist_id, version)
            await require_tracks(work, actor, [track_id])
            work.record(playlist.add(item_id, track_id, after=after, by=actor.id, at=now))
            await work.playlists.save(playlist)
            if once is not None:
                await work.idempotency_keys.settle(once, made=item_id, until=now + KEPT)
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
