"""The aggregate: a track and its revisions."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from soundgraph.domain.errors import Conflict, Forbidden, NotFound
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId
from soundgraph.domain.plans import Allowance, Usage
from soundgraph.domain.tracks.details import TrackDetails
from soundgraph.domain.tracks.events import (
    RevisionDropped,
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    RevisionRestored,
    TrackPublished,
    TrackRemoved,
    TrackScheduled,
)
from soundgraph.domain.tracks.media import IN_PROCESSING, Analysis, Failure, Rendition, Revision, RevisionState
from soundgraph.domain.tracks.uploads import Upload
from soundgraph.domain.visibility import Audience, Standing

MAX_REVISIONS = 10


class TrackState(StrEnum):
    """What the public sees of processing; derived, never stored by hand."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


def original_key(track_id: TrackId, revision_id: RevisionId, sha256: str) -> str:
    """Where the checked original of a revision lives for good."""
    return f"originals/{track_id}/{revision_id}/{sha256}"


@dataclass(slots=True, kw_only=True)
class Track:
    """A track and its revisions, oldest first. `live` plays; `next` is on its way to replace it.

    At most `MAX_REVISIONS` ready ones are kept. Only the newest can be anything but ready: it is `next`, and fails or
    becomes live.
    """

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
        track = cls(
            id=track_id,
            owner_id=upload.owner_id,
            details=details,
            permalink=permalink,
            created_at=at,
            revisions=[Revision.of(upload, revision_id, number=1, at=at)],
        )
        return track, RevisionReceived(track_id=track_id, revision_id=revision_id)

    def revision(self, revision_id: RevisionId) -> Revision:
        """The revision of that id. Raises NotFound."""
        for revision in self.revisions:
            if revision.id == revision_id:
                return revision
        raise NotFound

    def keeps(self, revision_id: RevisionId) -> bool:
        """Whether the revision of that id is among those that are kept."""
        return any(one.id == revision_id for one in self.revisions)

    @property
    def live(self) -> Revision | None:
        """The revision that plays, once there is one."""
        return None if self.live_id is None else self.revision(self.live_id)

    @property
    def next(self) -> Revision | None:
        """The revision that is to take over: in processing, or failed."""
        newest = self.revisions[-1]
        return None if newest.state is RevisionState.READY else newest

    @property
    def takes(self) -> Usage:
        """What it takes of its owner's allowance: the longer of what plays and what is to take over, never both."""
        if self.standing is Standing.REMOVED:
            return Usage()
        playing = self.live.analysis if self.live else None
        used = playing.duration_ms if playing else 0
        return Usage(used, max(0, *(one.reserved_ms - used for one in self.revisions)))

    @property
    def state(self) -> TrackState:
        """Ready once anything plays, else what became of the newest revision."""
        if self.live_id is not None:
            return TrackState.READY
        newest = self.revisions[-1]
        return TrackState.FAILED if newest.state is RevisionState.FAILED else TrackState.PROCESSING

    def original_key(self, revision: Revision) -> str:
        """Where the checked original of a revision lives for good."""
        return original_key(self.id, revision.id, revision.sha256)

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
        self.details = self.details.filled(analysis.tags)
        return self._ready_if_playable(revision, at)

    def adopt_artwork(self, artwork_id: ArtworkId) -> list[Event]:
        """A cover that came with the audio, for a track without one."""
        if self.artwork_id is None:
            self.artwork_id = artwork_id
        return []

    def finish_rendition(self, revision_id: RevisionId, rendition: Rendition, *, at: datetime) -> list[Event]:
        """One rendition is stored. It takes the place of an earlier attempt's; on a failed revision nothing happens."""
        revision = self.revision(revision_id)
        if revision.state is RevisionState.FAILED:
            return []
        others = tuple(one for one in revision.renditions if one.name != rendition.name)
        revision.renditions = (*others, rendition)
        return self._ready_if_playable(revision, at)

    def fail(self, revision_id: RevisionId, failure: Failure) -> list[Event]:
        """Give up on a revision. One that is ready already stays ready, and says why the rest is missing."""
        if not self.revision(revision_id).fail(failure):
            return []
        return [RevisionFailed(track_id=self.id, revision_id=revision_id, code=failure.code)]

    def retry(self, revision_id: RevisionId) -> RevisionReceived:
        """Process a failed revision again, or the rest of one that plays. Raises Conflict(not_retryable)."""
        self.revision(revision_id).try_again()
        return RevisionReceived(track_id=self.id, revision_id=revision_id)

    def reserve(self, revision_id: RevisionId, duration_ms: int, allowance: Allowance) -> bool:
        """Set aside what a revision in processing will take, in place of what was set aside for it before.

        False, and nothing changes, where its owner's allowance has no room for it.
        """
        revision, before = self.revision(revision_id), self.takes.total_ms
        if revision.state not in IN_PROCESSING:
            return True
        earlier, revision.reserved_ms = revision.reserved_ms, duration_ms
        admitted = allowance.admits(self.takes.total_ms - before)
        if not admitted:
            revision.reserved_ms = earlier
        return admitted

    def has_audio(self, sha256: str) -> bool:
        """Whether these very bytes are in processing, or play and nothing is to take over."""
        audio = self.next or self.live
        return audio is not None and audio.state is not RevisionState.FAILED and audio.sha256 == sha256

    def refuse_in_processing(self) -> None:
        """Raise Conflict(audio_in_processing) while a revision is on its way."""
        if self.next is not None and self.next.state in IN_PROCESSING:
            raise Conflict("audio_in_processing", "Audio of this track is in processing. Wait until it is ready.")

    def replace_audio(self, revision_id: RevisionId, upload: Upload, *, at: datetime) -> list[Event]:
        """Give it other audio, which takes over when it is ready: until then, and if it fails, what plays goes on.

        A failed revision makes way for it. Raises Conflict(audio_in_processing | upload_incomplete).
        """
        self.refuse_in_processing()
        revision = Revision.of(upload, revision_id, number=self.revisions[-1].number + 1, at=at)
        dropped = self._drop([one for one in self.revisions if one.state is RevisionState.FAILED])
        self.revisions.append(revision)
        return [*dropped, RevisionReceived(track_id=self.id, revision_id=revision_id)]

    def restore(self, revision_id: RevisionId, allowance: Allowance) -> list[Event]:
        """Play a kept revision again. A failed one that was to take over goes. Restoring what plays changes nothing.

        Raises NotFound, Conflict(audio_in_processing | not_restorable), Forbidden(plan_limit) where it is too long.
        """
        self.refuse_in_processing()
        if self.revision(revision_id).state is not RevisionState.READY:
            raise Conflict("not_restorable", "This revision has failed: there is nothing to play.")
        before, changed = self.takes.total_ms, revision_id != self.live_id
        self.live_id = revision_id
        if not allowance.admits(self.takes.total_ms - before):
            raise Forbidden("plan_limit", "Your plan has no room for a revision of this length.")
        restored = [RevisionRestored(track_id=self.id, revision_id=revision_id)] if changed else []
        return [*self._drop([one for one in self.revisions if one.state is RevisionState.FAILED]), *restored]

    def edit(self, details: TrackDetails, *, at: datetime) -> list[Event]:
        """Say something else about it; making it public for the first time publishes it. `details` has no errors."""
        rescheduled = details.reschedules(self.details)
        self.details = details
        return [*(self.schedule() if rescheduled else []), *self._publish_if_due(at)]

    def schedule(self) -> list[Event]:
        """What will publish it in time, if it is scheduled."""
        if self.details.audience is not Audience.SCHEDULED or self.details.publish_at is None:
            return []
        return [TrackScheduled(track_id=self.id, publish_at=self.details.publish_at)]

    def publish_as_scheduled(self, publish_at: datetime, *, at: datetime) -> list[Event]:
        """Make it public, if that moment is still the plan. What is not ready is published once it is."""
        planned = self.details.audience is Audience.SCHEDULED and self.details.publish_at == publish_at
        if not planned or self.standing is Standing.REMOVED:
            return []
        self.details = replace(self.details, audience=Audience.PUBLIC, publish_at=None)
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
        revision.state, revision.reserved_ms = RevisionState.READY, 0
        self.live_id = revision.id
        dropped = self._drop(self.revisions[:-MAX_REVISIONS])
        return [RevisionReady(track_id=self.id, revision_id=revision.id), *dropped, *self._publish_if_due(at)]

    def _drop(self, revisions: list[Revision]) -> list[Event]:
        self.revisions = [one for one in self.revisions if one not in revisions]
        return [
            RevisionDropped(track_id=self.id, revision_id=one.id, quarantine_key=one.quarantine_key)
            for one in revisions
        ]

    def _publish_if_due(self, at: datetime) -> list[Event]:
        due = self.published_at is None and self.live_id is not None and self.details.audience is Audience.PUBLIC
        if not due:
            return []
        self.published_at = at
        return [TrackPublished(track_id=self.id, owner_id=self.owner_id)]
