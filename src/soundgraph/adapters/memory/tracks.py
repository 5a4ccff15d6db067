"""Uploads and tracks in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from soundgraph.adapters.memory.database import MemoryDatabase, Tables, kept, page_of, save
from soundgraph.adapters.memory.people import mini_user
from soundgraph.application.discovery import FeedReader
from soundgraph.application.playback import Playable, PlaybackReader
from soundgraph.application.tracks import (
    Progress,
    ProgressBoard,
    TrackReader,
    Tracks,
)
from soundgraph.application.views import (
    FailureView,
    Links,
    Page,
    Position,
    RevisionView,
    TrackCounts,
    TrackView,
    TrackViewer,
)
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId, UploadId, track_ref
from soundgraph.domain.plans import Usage
from soundgraph.domain.playback import access_to
from soundgraph.domain.tracks import (
    IN_PROCESSING,
    Failure,
    Revision,
    RevisionState,
    Track,
    TrackState,
)
from soundgraph.domain.visibility import Actor, Standing, Viewer


class MemoryTracks(Tracks):
    """Tracks among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, track_id: TrackId) -> Track | None:
        return kept(self._tables.tracks.get(track_id))

    async def add(self, track: Track) -> None:
        self._hold_permalink(track)
        used = {revision.upload_id for one in self._tables.tracks.values() for revision in one.revisions}
        if any(revision.upload_id in used for revision in track.revisions):
            raise Conflict("upload_used", "This upload became a track already.")
        self._tables.tracks[track.id] = kept(track)

    async def save(self, track: Track) -> None:
        before = self._tables.tracks.get(track.id)
        self._hold_permalink(track)
        save(self._tables.tracks, track.id, track)
        self._tables.count(track.owner_id, "tracks", int(listed(track)) - int(before is not None and listed(before)))
        taken = self._tables.allowances.get(track.owner_id, Usage())
        self._tables.allowances[track.owner_id] = taken + track.takes - (before.takes if before else Usage())

    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        return (owner_id, permalink) in self._tables.permalinks

    def _hold_permalink(self, track: Track) -> None:
        if self._tables.permalinks.setdefault((track.owner_id, track.permalink), track.id) != track.id:
            raise Conflict("permalink_taken", "A track of yours is or was under this permalink.")

    async def of_upload(self, upload_id: UploadId) -> TrackId | None:
        made = (
            one.id for one in self._tables.tracks.values() if upload_id in {each.upload_id for each in one.revisions}
        )
        return next(made, None)

    async def in_processing(self, owner_id: AccountId) -> int:
        mine = (one for one in self._tables.tracks.values() if one.owner_id == owner_id)
        standing = [one for one in mine if one.standing is not Standing.REMOVED]
        return sum(revision.state in IN_PROCESSING for one in standing for revision in one.revisions)


def listed(track: Track) -> bool:
    """Whether its owner's number of tracks counts it."""
    return track.published_at is not None and track.standing is Standing.OK


def failure_view(failure: Failure | None) -> FailureView | None:
    """Why processing ended badly, if it did."""
    return None if failure is None else FailureView(**asdict(failure))


def revision_view(track: Track, revision: Revision) -> RevisionView:
    """A revision as its owner meets it."""
    return RevisionView(
        id=revision.id,
        number=revision.number,
        state=revision.state,
        created_at=revision.created_at,
        duration_ms=revision.analysis.duration_ms if revision.analysis else None,
        live=revision.id == track.live_id,
        failure=failure_view(revision.failure),
    )


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

    async def revisions(self, actor: Actor, track_id: TrackId) -> list[RevisionView]:
        track = self._database.tables.tracks.get(track_id)
        if track is None or track.owner_id != actor.id or track.standing is Standing.REMOVED:
            return []
        return [revision_view(track, one) for one in reversed(track.revisions)]

    async def artwork(self, viewer: Viewer, track_id: TrackId) -> ArtworkId | None:
        tables = self._database.tables
        return tables.tracks[track_id].artwork_id if tables.visible(track_ref(track_id), viewer) else None

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        tables = self._database.tables
        if not tables.visible(track_ref(track_id), viewer):
            return None
        track = tables.tracks[track_id]
        if track.live is None or track.live.analysis is None:
            return Playable(track.permalink, track.owner_id, policy=track.details.policy)
        analysis, details = track.live.analysis, track.details
        return Playable(
            track.permalink,
            track.owner_id,
            title=details.title,
            downloadable=details.downloadable,
            policy=details.policy,
            original_key=track.original_key(track.live),
            codec=analysis.codec,
            duration_ms=analysis.duration_ms,
            waveform_key=analysis.waveform_key,
            renditions=track.live.renditions,
            loudness=analysis.loudness,
        )

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
        playing, failure = track.state is TrackState.READY, newest.failure
        # What plays may not be all there is to come.
        rest = newest.state is RevisionState.READY and failure is None and 0 < progress.percent < 100
        processing = newest.state in IN_PROCESSING or rest
        analysis, token = live.analysis if live else None, viewer.token_for(track.id)
        return TrackView(
            id=track.id,
            title=details.title,
            description=details.description,
            genre=details.genre,
            tags=details.tags,
            license=details.license,
            visibility=details.audience,
            publish_at=details.publish_at,
            state=track.state,
            progress=progress.percent if processing or not playing else 100,
            stage=progress.stage if processing else None,
            failure=failure_view(failure),
            duration_ms=analysis.duration_ms if analysis else None,
            permalink=track.permalink,
            permalink_url=self._links.track(tables.profiles[track.owner_id].handle, track.permalink, token),
            artwork_url=self._links.artwork(track.id, track.artwork_id, token),
            user=mini_user(tables, track.owner_id, self._links),
            counts=TrackCounts(plays=tables.counted(track.id, "plays"), likes=tables.counted(track.id, "likes")),
            waveform_url=self._links.waveform(track.id, token) if analysis else None,
            downloadable=details.downloadable,
            comments_enabled=details.comments_enabled,
            embeddable=details.embeddable,
            policy=details.policy,
            access=access_to(viewer, track.owner_id, details.policy),
            loudness=analysis.loudness if analysis else None,
            tags_found=analysis.tags if analysis else {},
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
