"""What happens to tracks."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, RevisionId, TrackId


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
class RevisionRestored(Event):
    """An earlier revision plays again."""

    name: ClassVar[str] = "tracks.revision_restored"
    track_id: TrackId
    revision_id: RevisionId

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDropped(Event):
    """A revision is no longer kept. Its row is gone, so this names where its bytes may still lie in quarantine."""

    name: ClassVar[str] = "tracks.revision_dropped"
    track_id: TrackId
    revision_id: RevisionId
    quarantine_key: str

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackScheduled(Event):
    """A track is to be published at a moment, unless that is no longer the plan when it comes."""

    name: ClassVar[str] = "tracks.scheduled"
    track_id: TrackId
    publish_at: datetime

    @property
    def key(self) -> str:
        return str(self.track_id)

    @property
    def not_before(self) -> datetime | None:
        return self.publish_at


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
