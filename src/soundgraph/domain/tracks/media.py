"""What processing makes of audio."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from soundgraph.domain.ids import RevisionId, UploadId


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


class RevisionState(StrEnum):
    """received → processing → ready | failed. A failed revision that may be retried goes back to received."""

    RECEIVED = "received"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


# What a worker has, or will have, to do.
IN_PROCESSING = frozenset([RevisionState.RECEIVED, RevisionState.PROCESSING])


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

    @property
    def unsettled(self) -> bool:
        """Whether processing is owed, under way, or could be tried again."""
        if self.failure is not None:
            return self.failure.retryable
        return self.state in (RevisionState.RECEIVED, RevisionState.PROCESSING)

    def stored_keys(self) -> set[str]:
        """The objects that processing made of it, as far as it got."""
        made = {key for one in self.renditions for key in (one.key, *(segment.key for segment in one.segments))}
        return made if self.analysis is None else made | {self.analysis.waveform_key}
