"""What happens to tracks."""

from dataclasses import dataclass
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
