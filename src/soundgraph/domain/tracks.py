"""Uploads, and tracks with their revisions: what a creator sends and what becomes of it."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from soundgraph.domain.errors import Conflict, FieldError, NotFound
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, RevisionId, TrackId, UploadId
from soundgraph.domain.visibility import Audience, Standing

UPLOAD_LIFETIME = timedelta(hours=24)
MAX_UPLOAD_BYTES = 1 << 30
MAX_TAGS = 30

LICENSES = frozenset(
    [
        "all-rights-reserved",
        "no-rights-reserved",
        "cc-by",
        "cc-by-nc",
        "cc-by-nd",
        "cc-by-sa",
        "cc-by-nc-nd",
        "cc-by-nc-sa",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionReceived(Event):
    """The audio of a track has arrived and is owed its processing."""

    name: ClassVar[str] = "tracks.revision_received"
    track_id: TrackId
    revision_id: RevisionId

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionReady(Event):
    """A revision can be played: its waveform and first rendition exist, and it is live."""

    name: ClassVar[str] = "tracks.revision_ready"
    track_id: TrackId
    revision_id: RevisionId

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionFailed(Event):
    """A revision cannot be played, and why."""

    name: ClassVar[str] = "tracks.revision_failed"
    track_id: TrackId
    revision_id: RevisionId
    code: str

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPublished(Event):
    """A track is, for the first time, both public and live."""

    name: ClassVar[str] = "tracks.published"
    track_id: TrackId
    owner_id: AccountId

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRemoved(Event):
    """Its owner deleted a track."""

    name: ClassVar[str] = "tracks.removed"
    track_id: TrackId
    owner_id: AccountId

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why processing ended badly. `stage` is probing, analysing, transcoding or storing; `message` is for a person."""

    stage: str
    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One media segment of an HLS rendition: its object key and its duration in milliseconds."""

    key: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoded form of a revision.

    A progressive file is one object under `key`. An HLS rendition has its fMP4 initialisation section under `key`
    and its `segments` in playing order.
    """

    name: str
    key: str
    size_bytes: int
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """What decoding measured. `duration_ms` counts decoded samples; `codec` and `channels` describe the original."""

    duration_ms: int
    sample_rate: int
    channels: int
    codec: str
    waveform_key: str


@dataclass(slots=True, kw_only=True)
class Upload:
    """Bytes on their way in. They wait in quarantine under `key` until they become exactly one revision."""

    id: UploadId
    owner_id: AccountId
    key: str
    expires_at: datetime
    filename: str = ""
    size_bytes: int | None = None
    sha256: str | None = None
    version: int = 1

    @classmethod
    def begin(cls, upload_id: UploadId, owner_id: AccountId, *, filename: str, at: datetime) -> "Upload":
        """Open an upload. If it is never completed, a sweep removes its bytes after `UPLOAD_LIFETIME`."""
        return cls(
            id=upload_id,
            owner_id=owner_id,
            key=f"quarantine/{upload_id}",
            expires_at=at + UPLOAD_LIFETIME,
            filename=unicodedata.normalize("NFC", filename)[:255],
        )

    def complete(self, *, size_bytes: int, sha256: str) -> None:
        """All bytes are stored. Raises Conflict(upload_completed) the second time."""
        if self.sha256 is not None:
            raise Conflict("upload_completed", "This upload is complete and became a track.")
        self.size_bytes, self.sha256 = size_bytes, sha256


class RevisionState(StrEnum):
    """received → processing → ready | failed. A failed revision that may be retried goes back to received."""

    RECEIVED = "received"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class Revision:
    """One version of a track's audio. Its original is immutable under `original_key` once it left quarantine."""

    id: RevisionId
    upload_id: UploadId
    number: int
    sha256: str
    quarantine_key: str
    created_at: datetime
    state: RevisionState = RevisionState.RECEIVED
    analysis: Analysis | None = None
    renditions: tuple[Rendition, ...] = ()
    failure: Failure | None = None

    def rendition(self, name: str) -> Rendition | None:
        """The finished rendition of that name, if it is finished."""
        return next((one for one in self.renditions if one.name == name), None)


class TrackState(StrEnum):
    """What the public sees of processing; derived, never stored by hand."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackDetails:
    """What a creator says about a track. `errors` lists every rule it breaks."""

    title: str
    description: str = ""
    genre: str = ""
    tags: tuple[str, ...] = ()
    license: str = "all-rights-reserved"
    audience: Audience = Audience.PUBLIC
    downloadable: bool = False
    comments_enabled: bool = True
    embeddable: bool = True

    def errors(self) -> list[FieldError]:
        """Every broken rule, by the field's name in the API."""
        found = []
        if not 1 <= len(self.title) <= 200:
            found.append(FieldError("title", "length", "Use 1 to 200 characters."))
        if len(self.description) > 5_000:
            found.append(FieldError("description", "length", "Use at most 5,000 characters."))
        if len(self.genre) > 60:
            found.append(FieldError("genre", "length", "Use at most 60 characters."))
        if len(self.tags) > MAX_TAGS or any(not 1 <= len(tag) <= 60 for tag in self.tags):
            found.append(FieldError("tags", "length", f"Use at most {MAX_TAGS} tags of 1 to 60 characters."))
        if self.license not in LICENSES:
            found.append(FieldError("license", "unknown_license", f"Use one of: {', '.join(sorted(LICENSES))}."))
        return found


def slugify(title: str) -> str:
    """The last part of a permalink: lower-case ASCII words joined by hyphens, at most 60 characters, never empty."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded)[:60].strip("-") or "track"


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
