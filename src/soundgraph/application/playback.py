"""What a viewer may play, and where; and what was played."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from soundgraph.application.ports import Clock, Ids, ObjectStore, UnitOfWork
from soundgraph.application.views import Links, StreamsView
from soundgraph.domain.errors import Conflict, FieldError, Invalid, NotFound
from soundgraph.domain.ids import PlayId, TrackId
from soundgraph.domain.playback import (
    HLS_AAC_160,
    MP3_128,
    Play,
    hls_media_playlist,
    listener_of,
    url_lifetime,
    why_uncounted,
)
from soundgraph.domain.tracks import Rendition
from soundgraph.domain.visibility import Viewer

MP3 = "audio/mpeg"
MP4 = "audio/mp4"


@dataclass(frozen=True, slots=True)
class Playable:
    """The live revision of a track, as far as playing it needs. `duration_ms` is None until something is live."""

    permalink: str
    duration_ms: int | None = None
    waveform_key: str | None = None
    renditions: tuple[Rendition, ...] = ()

    def rendition(self, name: str) -> Rendition | None:
        """The finished rendition of that name."""
        return next((one for one in self.renditions if one.name == name), None)


class PlaybackReader(ABC):
    """Reads of what plays."""

    @abstractmethod
    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        """None for a track that the viewer may not see."""


class Plays(ABC):
    """Every play that was reported. One that counted moves the track's counter."""

    @abstractmethod
    async def last_counted(self, track_id: TrackId, listener: str) -> datetime | None:
        """When this listener last moved the counter of the track."""

    @abstractmethod
    async def add(self, play: Play) -> None: ...


class PlaybackWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def plays(self) -> Plays: ...


class Player:
    """Finds what plays for the use cases below, and signs where it is."""

    def __init__(self, reader: PlaybackReader, store: ObjectStore) -> None:
        self._reader, self._store = reader, store

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable:
        """Raises NotFound for what the viewer may not see."""
        playable = await self._reader.playable(viewer, track_id)
        if playable is None:
            raise NotFound
        return playable

    async def rendition(self, viewer: Viewer, track_id: TrackId, name: str) -> tuple[Playable, Rendition]:
        """Raises NotFound, Conflict(not_ready)."""
        playable = await self.playable(viewer, track_id)
        rendition = playable.rendition(name)
        if rendition is None:
            raise Conflict("not_ready", "This track is not ready to play yet.")
        return playable, rendition

    def sign(self, playable: Playable, key: str, content_type: str) -> str:
        """A URL that outlives one listening of the track."""
        lifetime = url_lifetime(playable.duration_ms or 0)
        return self._store.signed_url(key, lifetime=lifetime, content_type=content_type)


class ReadStreams:
    """Where each finished rendition of a track plays. Anyone who can see the track. Raises NotFound."""

    def __init__(self, reader: PlaybackReader, store: ObjectStore, links: Links, clock: Clock) -> None:
        self._player, self._links, self._clock = Player(reader, store), links, clock

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> StreamsView:
        playable = await self._player.playable(viewer, track_id)
        mp3 = playable.rendition(MP3_128)
        return StreamsView(
            access="playable",
            hls_aac_160_url=self._links.manifest(track_id) if playable.rendition(HLS_AAC_160) else None,
            http_mp3_128_url=self._player.sign(playable, mp3.key, MP3) if mp3 else None,
            http_opus_64_url=None,
            preview_mp3_url=None,
            expires_at=self._clock.now() + url_lifetime(playable.duration_ms or 0),
        )


class ReadManifest:
    """The HLS manifest of a track, every address in it signed. Anyone who can see the track.

    Raises NotFound, Conflict(not_ready).
    """

    def __init__(self, reader: PlaybackReader, store: ObjectStore) -> None:
        self._player = Player(reader, store)

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> str:
        playable, rendition = await self._player.rendition(viewer, track_id, HLS_AAC_160)
        return hls_media_playlist(rendition, lambda key: self._player.sign(playable, key, MP4))


class LocateStream:
    """The signed URL of the progressive MP3 of a track. Anyone who can see it. Raises NotFound, Conflict(not_ready)."""

    def __init__(self, reader: PlaybackReader, store: ObjectStore) -> None:
        self._player = Player(reader, store)

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> str:
        playable, rendition = await self._player.rendition(viewer, track_id, MP3_128)
        return self._player.sign(playable, rendition.key, MP3)


class ReadWaveform:
    """The waveform of a track as audiowaveform JSON, in chunks. Anyone who can see it.

    Raises NotFound, Conflict(not_ready).
    """

    def __init__(self, reader: PlaybackReader, store: ObjectStore) -> None:
        self._player, self._store = Player(reader, store), store

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> AsyncIterator[bytes]:
        playable = await self._player.playable(viewer, track_id)
        if playable.waveform_key is None:
            raise Conflict("not_ready", "The waveform of this track is not ready yet.")
        return self._store.read(playable.waveform_key)


class ReportPlay:
    """Say how far a track was heard. Anyone who can see it; counted once per listener and hour.

    `visitor` tells visitors without an account apart. Raises NotFound, Conflict(not_ready), Invalid.
    """

    def __init__(self, work: Callable[[], PlaybackWork], reader: PlaybackReader, ids: Ids, clock: Clock) -> None:
        self._work, self._reader, self._ids, self._clock = work, reader, ids, clock

    async def __call__(
        self, *, viewer: Viewer, visitor: str, track_id: TrackId, position_ms: int, context: str = ""
    ) -> None:
        playable = await self._reader.playable(viewer, track_id)
        if playable is None:
            raise NotFound
        if playable.duration_ms is None:
            raise Conflict("not_ready", "This track is not ready to play yet.")
        if not 0 <= position_ms <= playable.duration_ms:
            error = FieldError("position_ms", "out_of_range", f"Use 0 to {playable.duration_ms}, the track's duration.")
            raise Invalid.fields([error])
        listener, now = listener_of(viewer.id, visitor), self._clock.now()
        async with self._work() as work:
            await work.serialise(f"plays:{track_id}:{listener}")
            reason = why_uncounted(
                position_ms=position_ms,
                duration_ms=playable.duration_ms,
                last_counted=await work.plays.last_counted(track_id, listener),
                at=now,
            )
            play = Play(
                id=PlayId(self._ids.new()),
                track_id=track_id,
                listener=listener,
                position_ms=position_ms,
                context=context,
                at=now,
                reason=reason,
            )
            await work.plays.add(play)
            await work.commit()
