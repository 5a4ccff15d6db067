"""Making and changing playlists."""

from collections.abc import Callable, Sequence

from soundgraph.application.idempotency import KEPT, Once
from soundgraph.application.playlists.ports import PlaylistsWork
from soundgraph.application.ports import Clock, Ids
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import ItemId, PlaylistId, TrackId, playlist_ref, track_ref
from soundgraph.domain.playlists import Playlist, PlaylistDetails
from soundgraph.domain.tracks import slugify
from soundgraph.domain.visibility import Actor, Standing


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

    `once` settles the idempotency key of the request. Raises Invalid naming every broken rule, or as
    unknown_track, duplicate_track or limit_reached.
    """

    def __init__(self, work: Callable[[], PlaylistsWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(
        self,
        *,
        actor: Actor,
        details: PlaylistDetails,
        track_ids: Sequence[TrackId] = (),
        once: Once | None = None,
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
            if once is not None:
                await work.idempotency_keys.settle(once, made=playlist_id, until=now + KEPT)
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
