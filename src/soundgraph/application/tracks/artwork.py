"""Covers of tracks."""

from collections.abc import AsyncIterator, Callable

from soundgraph.application.ports import Ids, ObjectStore
from soundgraph.application.tracks.editing import own
from soundgraph.application.tracks.ports import CoverMaker, TrackReader, TracksWork
from soundgraph.domain.errors import NotFound, refuse_stale
from soundgraph.domain.ids import ArtworkId, TrackId
from soundgraph.domain.tracks import ARTWORK_SIZES, Upload, artwork_key, artwork_prefix
from soundgraph.domain.visibility import Actor, Viewer


class MakeArtwork:
    """Turn one's own upload into a cover that a track may bear. Whoever began the upload. Raises NotFound, Invalid."""

    def __init__(self, covers: CoverMaker, ids: Ids) -> None:
        self._covers, self._ids = covers, ids

    async def __call__(self, *, actor: Actor, upload: Upload) -> ArtworkId:
        if upload.owner_id != actor.id:
            raise NotFound
        artwork_id = ArtworkId(self._ids.new())
        await self._covers.make(upload.key, into=artwork_prefix(artwork_id))
        return artwork_id


class SetArtwork:
    """Give one's own track a cover, or take it away. Its owner. The one before is removed.

    Raises NotFound, and Stale unless `version` is the present one or None.
    """

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore) -> None:
        self._work, self._store = work, store

    async def __call__(
        self, *, actor: Actor, track_id: TrackId, artwork_id: ArtworkId | None, version: int | None = None
    ) -> None:
        async with self._work() as work:
            track = await own(work, actor, track_id)
            refuse_stale(track.version, version)
            before, track.artwork_id = track.artwork_id, artwork_id
            await work.tracks.save(track)
            await work.commit()
        if before is not None and before != artwork_id:
            await self._store.remove_under(artwork_prefix(before))


class ReadArtwork:
    """The cover of a track in one of its sizes, in chunks. Anyone who can see the track. Raises NotFound."""

    def __init__(self, reader: TrackReader, store: ObjectStore) -> None:
        self._reader, self._store = reader, store

    async def __call__(self, *, viewer: Viewer, track_id: TrackId, size: int) -> AsyncIterator[bytes]:
        artwork_id = await self._reader.artwork(viewer, track_id)
        if artwork_id is None or size not in ARTWORK_SIZES:
            raise NotFound
        return self._store.read(artwork_key(artwork_id, size))
