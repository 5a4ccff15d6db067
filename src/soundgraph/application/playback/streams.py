"""Where what plays is to be had."""

from collections.abc import AsyncIterator
from dataclasses import replace

from soundgraph.application.playback.ports import Playable, PlaybackReader
from soundgraph.application.ports import Clock, ObjectStore, Presigner
from soundgraph.application.views import Links, StreamsView
from soundgraph.domain.errors import Conflict, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.domain.playback import (
    HLS_AAC_160,
    MP3_128,
    OPUS_64,
    PREVIEW,
    hls_media_playlist,
    may_hear,
    refuse_unless_playable,
    url_lifetime,
)
from soundgraph.domain.tracks import Rendition
from soundgraph.domain.visibility import Viewer

CONTENT_TYPES = {MP3_128: "audio/mpeg", OPUS_64: "audio/webm", PREVIEW: "audio/mpeg"}
MP4 = "audio/mp4"


class Player:
    """Finds what plays for the use cases below, and signs where it is."""

    def __init__(self, reader: PlaybackReader, store: ObjectStore) -> None:
        self._reader, self._store = reader, store

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable:
        """With the renditions that the viewer may hear alone. Raises NotFound for what they may not see."""
        playable = await self._reader.playable(viewer, track_id)
        if playable is None:
            raise NotFound
        access = playable.access(viewer)
        return replace(playable, renditions=tuple(one for one in playable.renditions if may_hear(access, one.name)))

    async def rendition(self, viewer: Viewer, track_id: TrackId, name: str) -> tuple[Playable, Rendition]:
        """Raises NotFound, Forbidden(preview_only | blocked), Conflict(not_ready)."""
        playable = await self.playable(viewer, track_id)
        refuse_unless_playable(playable.access(viewer))
        rendition = playable.rendition(name)
        if rendition is None:
            raise Conflict("not_ready", "This track is not ready to play yet.")
        return playable, rendition

    def url(self, playable: Playable, name: str) -> str | None:
        """Where a progressive rendition plays, once it is finished."""
        rendition = playable.rendition(name)
        return self.sign(playable, rendition.key, CONTENT_TYPES[name]) if rendition else None

    def sign(self, playable: Playable, key: str, content_type: str) -> str:
        """A URL that outlives one listening of the track."""
        lifetime = url_lifetime(playable.duration_ms or 0)
        return self._store.signed_url(key, lifetime=lifetime, content_type=content_type)


class ReadStreams:
    """Where each finished rendition of a track plays. Anyone who can see the track. Raises NotFound."""

    def __init__(self, player: Player, links: Links, clock: Clock) -> None:
        self._player, self._links, self._clock = player, links, clock

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> StreamsView:
        playable = await self._player.playable(viewer, track_id)
        token = viewer.token_for(track_id)
        return StreamsView(
            access=playable.access(viewer),
            hls_aac_160_url=self._links.manifest(track_id, token) if playable.rendition(HLS_AAC_160) else None,
            http_mp3_128_url=self._player.url(playable, MP3_128),
            http_opus_64_url=self._player.url(playable, OPUS_64),
            preview_mp3_url=self._player.url(playable, PREVIEW),
            loudness=playable.loudness,
            gapless={one.name: one.gapless for one in playable.renditions if one.gapless is not None},
            expires_at=self._clock.now() + url_lifetime(playable.duration_ms or 0),
        )


class ReadManifest:
    """The HLS manifest of a track, every address in it signed. Anyone who may play all of the track.

    Raises NotFound, Forbidden(preview_only | blocked), Conflict(not_ready).
    """

    def __init__(self, player: Player, presigner: Presigner) -> None:
        self._player, self._presigner = player, presigner

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> str:
        playable, rendition = await self._player.rendition(viewer, track_id, HLS_AAC_160)
        keys = [rendition.key, *(segment.key for segment in rendition.segments)]
        lifetime = url_lifetime(playable.duration_ms or 0)
        urls = self._presigner.signed_urls(keys, lifetime=lifetime, content_type=MP4)
        return hls_media_playlist(rendition, dict(zip(keys, urls, strict=True)).__getitem__)


class LocateStream:
    """The signed URL of the progressive MP3 of a track, or of Opus until there is one. Anyone who may play all of it.

    Raises NotFound, Forbidden(preview_only | blocked), Conflict(not_ready).
    """

    def __init__(self, player: Player) -> None:
        self._player = player

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> str:
        playable = await self._player.playable(viewer, track_id)
        refuse_unless_playable(playable.access(viewer))
        url = self._player.url(playable, MP3_128) or self._player.url(playable, OPUS_64)
        if url is None:
            raise Conflict("not_ready", "This track is not ready to play yet.")
        return url


class ReadWaveform:
    """The waveform of a track as audiowaveform JSON, in chunks. Anyone who can see it.

    Raises NotFound, Conflict(not_ready).
    """

    def __init__(self, player: Player, store: ObjectStore) -> None:
        self._player, self._store = player, store

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> AsyncIterator[bytes]:
        playable = await self._player.playable(viewer, track_id)
        if playable.waveform_key is None:
            raise Conflict("not_ready", "The waveform of this track is not ready yet.")
        return self._store.read(playable.waveform_key)
