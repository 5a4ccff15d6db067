"""What processing makes of audio."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from soundgraph.domain.errors import Conflict
from soundgraph.domain.events import Event
from soundgraph.domain.ids import RevisionId, UploadId
from soundgraph.domain.tracks.uploads import Upload


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
class Gapless:
    """What a decoder that trims nothing yields of a rendition, in samples per channel at the rendition's rate.

    First `encoder_delay` of no use, then `samples` of audio, then `padding`. Most decoders trim both by themselves.
    """

    encoder_delay: int
    padding: int
    samples: int


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
    gapless: Gapless | None = None


@dataclass(frozen=True, slots=True)
class Loudness:
    """EBU R128: integrated loudness in LUFS, loudness range in LU, the highest true peak in dBTP.

    Silence is -70 LUFS, the gate of ITU-R BS.1770, and -120 dBTP.
    """

    integrated_lufs: float
    range_lu: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What decoding measured. `duration_ms` counts decoded samples; `codec` and `channels` describe the original.

    `tags` is what the file said: of title, artist, album, genre, year, bpm, isrc and comment those that it has.
    """

    duration_ms: int
    sample_rate: int
    channels: int
    codec: str
    waveform_key: str
    tags: Mapping[str, str] = field(default_factory=dict)
    loudness: Loudness | None = None


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
    """One version of a track's audio. Its original is immutable under `original_key` once it left quarantine.

    `reserved_ms` is what is set aside of the owner's allowance while it is in processing.
    """

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
    reserved_ms: int = 0

    @classmethod
    def of(cls, upload: Upload, revision_id: RevisionId, *, number: int, at: datetime) -> "Revision":
        """What a completed upload becomes. Raises Conflict(upload_incomplete)."""
        if upload.sha256 is None:
            raise Conflict("upload_incomplete", "Not all bytes of this upload have arrived.")
        return cls(
            id=revision_id,
            upload_id=upload.id,
            number=number,
            sha256=upload.sha256,
            quarantine_key=upload.key,
            created_at=at,
        )

    def rendition(self, name: str) -> Rendition | None:
        """The finished rendition of that name, if it is finished."""
        return next((one for one in self.renditions if one.name == name), None)

    def measured(self, loudness: Loudness) -> list[Event]:
        """How loud it is, which matters once it is analysed."""
        if self.analysis is not None:
            self.analysis = replace(self.analysis, loudness=loudness)
        return []

    def fail(self, failure: Failure) -> bool:
        """Whether that is the end of it: what is ready plays on, and what has failed keeps its reason."""
        if self.state is RevisionState.FAILED:
            return False
        self.failure = failure
        if self.state is RevisionState.READY:
            return False
        self.state, self.analysis, self.renditions, self.reserved_ms = RevisionState.FAILED, None, (), 0
        return True

    def try_again(self) -> None:
        """Forget a failure. Raises Conflict(not_retryable) unless it says that trying again may help."""
        if self.failure is None or not self.failure.retryable:
            raise Conflict("not_retryable", "Only a retryable failure can be processed again.")
        self.failure = None
        if self.state is RevisionState.FAILED:
            self.state = RevisionState.RECEIVED

    def attempt(self, tries: int) -> int:
        """The number of the attempt that is the `tries`th of its debt: above every one whose objects are in use."""
        # `renditions/{track}/{revision}/{attempt}/…`
        used = max((int(key.split("/")[3]) for key in self.stored_keys()), default=0)
        return tries if tries > used else used + tries

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
