"""Copies to keep."""

from collections.abc import AsyncGenerator

from soundgraph.application.playback.ports import PlaybackReader
from soundgraph.application.playback.views import DownloadView
from soundgraph.application.ports import Clock, ObjectStore
from soundgraph.domain.errors import Conflict, Forbidden, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.domain.plans import Feature
from soundgraph.domain.playback import DOWNLOAD_LIFETIME, file_name, file_type, refuse_unless_playable
from soundgraph.domain.visibility import Viewer


class DownloadTrack:
    """The original of a track, under its title, for five minutes. Its owner; others where it may be downloaded.

    Raises NotFound, Forbidden(not_downloadable | plan_limit | preview_only | blocked), Conflict(not_ready).
    """

    def __init__(self, reader: PlaybackReader, store: ObjectStore, clock: Clock) -> None:
        self._reader, self._store, self._clock = reader, store, clock

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> DownloadView:
        playable = await self._reader.playable(viewer, track_id)
        if playable is None:
            raise NotFound
        if viewer.id != playable.owner_id:
            if not playable.downloadable:
                raise Forbidden("not_downloadable", "This track is not offered for download.")
            refuse_unless_playable(playable.access(viewer))
            viewer.entitlements.refuse_without(Feature.OFFLINE_DOWNLOADS)
        if playable.original_key is None:
            raise Conflict("not_ready", "This track is not ready yet.")
        expires_at = self._clock.now() + DOWNLOAD_LIFETIME
        kind = file_type(await self._head(playable.original_key), playable.codec)
        name = file_name(playable.title, kind.extension)
        url = self._store.signed_url(
            playable.original_key, lifetime=DOWNLOAD_LIFETIME, content_type=kind.content_type, filename=name
        )
        return DownloadView(url=url, filename=name, expires_at=expires_at)

    async def _head(self, key: str) -> bytes:
        chunks = self._store.read(key)
        try:
            return await anext(chunks, b"")
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
