"""The aggregate: a track and its revisions."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from soundgraph.domain.errors import Conflict, NotFound
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId
from soundgraph.domain.tracks.details import TrackDetails
from soundgraph.domain.tracks.events import (
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    TrackPublished,
    TrackRemoved,
)
from soundgraph.domain.tracks.media import Analysis, Failure, Rendition, Revision, RevisionState
from soundgraph.domain.tracks.uploads import Upload
from soundgraph.domain.visibility import Audience, Standing


class TrackState(StrEnum):
    """What the public sees of processing; derived, never stored by hand."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class Track:
    """A track and its revisions, oldest first. `live` plays; `next` is on its way to replace it."""

    id: TrackId
    owner_id: AccountId
    details: TrackDetails
    permalink: str
    created_at: datetime
    revisions: list[Revision] = field(default_factory=list)
    live_id: RevisionId | None = None
    standing: Standing = Standing.OK
    published_at: datetime | None = None
    artwork_id: ArtworkId | None = None
    version: int = 1

    @classmethod
    def create(
        cls,
        track_id: TrackId,
        revision_id: RevisionId,
        upload: Upload,
        *,
        details: TrackDetails,
        permalink: str,
        at: datetime,
    ) -> tuple["Track", RevisionReceived]:
        """A track whose first revision is a completed upload."""
        if upload.sha256 is None:
            raise Conflict("upload_incomplete", "Not all bytes of this upload have arrived.")
        revision = Revision(
            id=revision_id,
            upload_id=upload.id,
            number=1,
            sha256=upload.sha256,
            quarantine_key=upload.key,
            created_at=at,
        )
        track = cls(
            id=track_id,
            owner_id=upload.owner_id,
            details=details,
            permalink=permalink,
            created_at=at,
            revisions=[revision],
        )
        return track, RevisionReceived(track_id=track_id, revision_id=revision_id)

    def revision(self, revision_id: RevisionId) -> Revision:
        """The revision of that id. Raises NotFound."""
        for revision in self.revisions:
            if revision.id == revision_id:
                return revision
        raise NotFound

    @property
    def live(self) -> Revision | None:
        """The revision that plays, once there is one."""
        return None if self.live_id is None else self.revision(self.live_id)

    @property
    def state(self) -> TrackState:
        """Ready once anything plays, else what became of the newest revision."""
        if self.live_id is not None:
            return TrackState.READY
        newest = self.revisions[-1]
        return TrackState.FAILED if newest.state is RevisionState.FAILED else TrackState.PROCESSING

    def original_key(self, revision: Revision) -> str:
        """Where the checked original of a revision lives for good."""
        return f"originals/{self.id}/{revision.id}/{revision.sha256}"

    def rendition_prefix(self, revision: Revision, attempt: int) -> str:
        """Where one attempt at processing stores what it makes. The slash at the end keeps prefixes apart."""
        return f"renditions/{self.id}/{revision.id}/{attempt}/"

    @property
    def media_prefix(self) -> str:
        """Above everything that processing any revision ever stored."""
        return f"renditions/{self.id}/"

    def needed_keys(self) -> set[str]:
        """Every object without which what is ready could not be played, or not be made again."""
        if self.standing is Standing.REMOVED:
            return set()
        ready = [one for one in self.revisions if one.state is RevisionState.READY]
        return {self.original_key(one) for one in ready} | {key for one in ready for key in one.stored_keys()}

    def may_need(self, key: str) -> bool:
        """Whether the object of that key is of use, or may yet be: what plays, is processed or can be tried again."""
        if self.standing is Standing.REMOVED:
            return False
        return key in self.needed_keys() or any(
            key in (one.quarantine_key, self.original_key(one)) or key.startswith(f"{self.media_prefix}{one.id}/")
            for one in self.revisions
            if one.unsettled
        )

    def begin_processing(self, revision_id: RevisionId) -> None:
        """A worker took it up, for the first time or again. A ready revision stays ready."""
        revision = self.revision(revision_id)
        if revision.state is RevisionState.FAILED:
            raise Conflict("revision_failed", "This revision has failed for good.")
        if revision.state is RevisionState.RECEIVED:
            revision.state = RevisionState.PROCESSING

    def finish_analysis(self, revision_id: RevisionId, analysis: Analysis, *, at: datetime) -> list[Event]:
        """Duration and waveform are known. Nothing happens where the revision has failed meanwhile."""
        revision = self.revision(revision_id)
        if revision.state is RevisionState.FAILED:
            return []
        revision.analysis = analysis
        return self._ready_if_playable(revision, at)

    def finish_rendition(self, revision_id: RevisionId, rendition: Rendition, *, at: datetime) -> list[Event]:
        """One rendition is stored. It takes the place of an earlier attempt's; on a failed revision nothing happens."""
        revision = self.revision(revision_id)
        if revision.state is RevisionState.FAILED:
            return []
        others = tuple(one for one in revision.renditions if one.name != rendition.name)
        revision.renditions = (*others, rendition)
        return self._ready_if_playable(revision, at)

    def fail(self, revision_id: RevisionId, failure: Failure) -> list[Event]:
        """Give up on a revision. One that is ready already stays ready: what plays, plays."""
        revision = self.revision(revision_id)
        if revision.state in (RevisionState.READY, RevisionState.FAILED):
            return []
        revision.state, revision.failure = RevisionState.FAILED, failure
        revision.analysis, revision.renditions = None, ()
        return [RevisionFailed(track_id=self.id, revision_id=revision.id, code=failure.code)]

    def retry(self, revision_id: RevisionId) -> RevisionReceived:
        """Process a failed revision again. Raises Conflict(not_retryable) unless its failure says that it may help."""
        revision = self.revision(revision_id)
        if revision.state is not RevisionState.FAILED or revision.failure is None or not revision.failure.retryable:
            raise Conflict("not_retryable", "Only a retryable failure can be processed again.")
        revision.state, revision.failure = RevisionState.RECEIVED, None
        return RevisionReceived(track_id=self.id, revision_id=revision.id)

    def edit(self, details: TrackDetails, *, at: datetime) -> list[Event]:
        """Say something else about it; making it public for the first time publishes it. `details` has no errors."""
        self.details = details
        return self._publish_if_due(at)

    def remove(self) -> list[Event]:
        """Delete it. Removing twice is removing once."""
        if self.standing is Standing.REMOVED:
            return []
        self.standing = Standing.REMOVED
        return [TrackRemoved(track_id=self.id, owner_id=self.owner_id)]

    def _ready_if_playable(self, revision: Revision, at: datetime) -> list[Event]:
        if revision.state is RevisionState.READY or revision.analysis is None or not revision.renditions:
            return []
        revision.state = RevisionState.READY
        self.live_id = revision.id
        return [RevisionReady(track_id=self.id, revision_id=revision.id), *self._publish_if_due(at)]

    def _publish_if_due(self, at: datetime) -> list[Event]:
        due = self.published_at is None and self.live_id is not None and self.details.audience is Audience.PUBLIC
        if not due:
            return []
        self.published_at = at
        return [TrackPublished(track_id=self.id, owner_id=self.owner_id)]
