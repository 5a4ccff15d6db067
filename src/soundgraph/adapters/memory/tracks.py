"""Uploads, tracks and their processing in memory."""

import array
import io
import json
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import datetime

from soundgraph.adapters.memory.database import MemoryDatabase, Tables, kept, page_of, save
from soundgraph.adapters.memory.people import mini_user
from soundgraph.application.discovery import FeedReader
from soundgraph.application.playback import Playable, PlaybackReader
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import (
    MediaFailed,
    MediaProcessor,
    Progress,
    ProgressBoard,
    TrackReader,
    Tracks,
    Uploads,
)
from soundgraph.application.views import FailureView, Links, Page, Position, TrackCounts, TrackView, TrackViewer
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId, UploadId, track_ref
from soundgraph.domain.tracks import IN_PROCESSING, Analysis, Failure, Rendition, Segment, Track, TrackState, Upload
from soundgraph.domain.visibility import Actor, Standing, Viewer

SAMPLES_PER_PIXEL = 256


class MemoryUploads(Uploads):
    """Uploads among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, upload_id: UploadId) -> Upload | None:
        return kept(self._tables.uploads.get(upload_id))

    async def add(self, upload: Upload) -> None:
        self._tables.uploads[upload.id] = kept(upload)

    async def save(self, upload: Upload) -> None:
        save(self._tables.uploads, upload.id, upload)

    async def remove(self, upload_id: UploadId) -> None:
        self._tables.uploads.pop(upload_id, None)

    async def abandoned(self, *, now: datetime, limit: int) -> list[Upload]:
        expired = [one for one in self._tables.uploads.values() if one.sha256 is None and one.expires_at <= now]
        return sorted(expired, key=lambda one: one.expires_at)[:limit]


class MemoryTracks(Tracks):
    """Tracks among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, track_id: TrackId) -> Track | None:
        return kept(self._tables.tracks.get(track_id))

    async def add(self, track: Track) -> None:
        if await self.permalink_taken(track.owner_id, track.permalink):
            raise Conflict("permalink_taken", "You have a track under this permalink.")
        used = {revision.upload_id for one in self._tables.tracks.values() for revision in one.revisions}
        if any(revision.upload_id in used for revision in track.revisions):
            raise Conflict("upload_used", "This upload became a track already.")
        self._tables.tracks[track.id] = kept(track)

    async def save(self, track: Track) -> None:
        before = self._tables.tracks.get(track.id)
        save(self._tables.tracks, track.id, track)
        self._tables.count(track.owner_id, "tracks", int(listed(track)) - int(before is not None and listed(before)))

    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        return any((one.owner_id, one.permalink) == (owner_id, permalink) for one in self._tables.tracks.values())

    async def in_processing(self, owner_id: AccountId) -> int:
        mine = (one for one in self._tables.tracks.values() if one.owner_id == owner_id)
        standing = [one for one in mine if one.standing is not Standing.REMOVED]
        return sum(revision.state in IN_PROCESSING for one in standing for revision in one.revisions)


def listed(track: Track) -> bool:
    """Whether its owner's number of tracks counts it."""
    return track.published_at is not None and track.standing is Standing.OK


class MemoryTrackReader(TrackReader, FeedReader, PlaybackReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase, links: Links) -> None:
        self._database, self._links = database, links

    async def get(self, viewer: Viewer, track_id: TrackId) -> TrackView | None:
        return next(iter(self.views(viewer, [track_id])), None)

    async def many(self, viewer: Viewer, track_ids: Sequence[TrackId]) -> list[TrackView]:
        return [view for view in self.views(viewer, track_ids) if view.state == TrackState.READY]

    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        mine = [one for one in self._database.tables.tracks.values() if one.owner_id == owner_id]
        listed = [(one.published_at, one.id) for one in mine if one.published_at and one.live_id]
        return self.page(viewer, listed, after, limit)

    async def mine(self, actor: Actor, *, after: Position | None, limit: int) -> Page[TrackView]:
        mine = [
            (one.created_at, one.id)
            for one in self._database.tables.tracks.values()
            if one.owner_id == actor.id and one.standing is not Standing.REMOVED
        ]
        return self.page(actor, mine, after, limit)

    async def artwork(self, viewer: Viewer, track_id: TrackId) -> ArtworkId | None:
        tables = self._database.tables
        return tables.tracks[track_id].artwork_id if tables.visible(track_ref(track_id), viewer) else None

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        tables = self._database.tables
        if not tables.visible(track_ref(track_id), viewer):
            return None
        track = tables.tracks[track_id]
        if track.live is None or track.live.analysis is None:
            return Playable(track.permalink)
        analysis = track.live.analysis
        return Playable(track.permalink, analysis.duration_ms, analysis.waveform_key, track.live.renditions)

    def page(
        self, viewer: Viewer, dated: Iterable[tuple[datetime, TrackId]], after: Position | None, limit: int
    ) -> Page[TrackView]:
        """One page of those that the viewer may see, newest first."""
        visible = [(at, one) for at, one in dated if self._database.tables.visible(track_ref(one), viewer)]
        ids, following = page_of(visible, after, limit)
        return Page(self.views(viewer, ids), following)

    def views(self, viewer: Viewer, track_ids: Sequence[TrackId]) -> list[TrackView]:
        """Those of the tracks that the viewer may see, in the order given."""
        tables = self._database.tables
        seen = [one for one in track_ids if tables.visible(track_ref(one), viewer)]
        return [self._view(viewer, tables.tracks[one], tables) for one in seen]

    def _view(self, viewer: Viewer, track: Track, tables: Tables) -> TrackView:
        newest, live, details = track.revisions[-1], track.live, track.details
        progress = tables.progress.get(newest.id, Progress("received", 0))
        ready, failure = track.state is TrackState.READY, newest.failure
        analysis = live.analysis if live else None
        return TrackView(
            id=track.id,
            title=details.title,
            description=details.description,
            genre=details.genre,
            tags=details.tags,
            license=details.license,
            visibility=details.audience,
            publish_at=None,
            state=track.state,
            progress=100 if ready else progress.percent,
            stage=progress.stage if track.state is TrackState.PROCESSING else None,
            failure=FailureView(
                stage=failure.stage, code=failure.code, message=failure.message, retryable=failure.retryable
            )
            if failure
            else None,
            duration_ms=analysis.duration_ms if analysis else None,
            permalink=track.permalink,
            permalink_url=self._links.track(tables.profiles[track.owner_id].handle, track.permalink),
            artwork_url=self._links.artwork(track.id, track.artwork_id),
            user=mini_user(tables, track.owner_id, self._links),
            counts=TrackCounts(plays=tables.counted(track.id, "plays"), likes=tables.counted(track.id, "likes")),
            waveform_url=self._links.waveform(track.id) if analysis else None,
            downloadable=details.downloadable,
            comments_enabled=details.comments_enabled,
            embeddable=details.embeddable,
            access="playable",
            viewer=TrackViewer(liked=(viewer.id, track.id) in tables.likes),
            version=track.version,
            created_at=track.created_at,
            published_at=track.published_at,
        )


class MemoryProgressBoard(ProgressBoard):
    """Keeps the last thing said."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def report(self, revision_id: RevisionId, progress: Progress) -> None:
        self._database.tables.progress[revision_id] = progress


class WaveProcessor(MediaProcessor):
    """Processes 8- and 16-bit PCM WAV with the standard library alone; other formats fail as `unsupported`.

    Duration and waveform are measured. It cannot encode, so both renditions are the original's bytes.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def process(self, original_key: str, *, into: str) -> AsyncGenerator[Progress | Analysis | Rendition]:
        yield Progress("probing", 0)
        data = b"".join([chunk async for chunk in self._store.read(original_key)])
        try:
            with wave.open(io.BytesIO(data)) as reader:
                parameters, frames = reader.getparams(), reader.readframes(reader.getnframes())
        # Chunks that claim to be longer than the file make `wave` raise a bare RuntimeError.
        except (wave.Error, EOFError, RuntimeError) as error:
            failure = Failure("probing", "unsupported", "Without the media extra only PCM WAV files can be processed.")
            raise MediaFailed(failure) from error
        # A file that was cut off may end in the middle of a sample.
        frames = frames[: len(frames) - len(frames) % (parameters.sampwidth * parameters.nchannels)]
        if parameters.sampwidth > 2 or not frames or not parameters.framerate:
            raise MediaFailed(Failure("probing", "no_audio", "There is no 8- or 16-bit audio in this file."))
        waveform = waveform_json(frames, parameters.sampwidth, parameters.nchannels, parameters.framerate)
        await self._store.put(f"{into}waveform.json", _once(waveform))
        duration = len(frames) // (parameters.sampwidth * parameters.nchannels) * 1000 // parameters.framerate
        yield Progress("analysing", 50)
        yield Analysis(duration, parameters.framerate, parameters.nchannels, "pcm", f"{into}waveform.json")
        mp3, init, segment = (f"{into}{name}" for name in ("mp3_128k.mp3", "aac_160k/init.mp4", "aac_160k/0.m4s"))
        for key in (mp3, init, segment):
            await self._store.put(key, _once(data))
        yield Rendition("mp3_128k", mp3, len(data))
        yield Rendition("aac_160k", init, 2 * len(data), (Segment(segment, duration),))
        yield Progress("storing", 100)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def waveform_json(frames: bytes, width: int, channels: int, rate: int) -> bytes:
    """8-bit min/max pairs over 256 samples of the first channel, as audiowaveform version 2 JSON."""
    samples = array.array("h", frames) if width == 2 else array.array("h", ((one - 128) * 256 for one in frames))
    first = samples[::channels]
    pairs = []
    for start in range(0, len(first), SAMPLES_PER_PIXEL):
        block = first[start : start + SAMPLES_PER_PIXEL]
        pairs += [min(block) >> 8, max(block) >> 8]
    head = {"version": 2, "channels": 1, "sample_rate": rate, "samples_per_pixel": SAMPLES_PER_PIXEL, "bits": 8}
    return json.dumps({**head, "length": len(pairs) // 2, "data": pairs}).encode()
