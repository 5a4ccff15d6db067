"""What tracks need from outside."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from soundgraph.application.idempotency import IdempotencyKeys
from soundgraph.application.ports import UnitOfWork
from soundgraph.application.views import Page, Position, RevisionView, TrackView
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId, UploadId
from soundgraph.domain.plans import Allowance
from soundgraph.domain.tracks import (
    Analysis,
    Failure,
    Loudness,
    Rendition,
    Track,
    Upload,
)
from soundgraph.domain.visibility import Actor, Viewer

SHA256 = re.compile(r"[0-9a-f]{64}")


class MediaFailed(Exception):
    """Processing ended badly, for a reason that lies in the file or in a limit."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Progress:
    """How far processing is: the stage (probing, analysing, transcoding, storing) and 0 to 100 of the whole."""

    stage: str
    percent: int


@dataclass(frozen=True, slots=True)
class Probed:
    """The packets of an original add up to so many milliseconds; nothing is decoded yet."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class EmbeddedCover:
    """The picture that an original brought along, as it was in the file, is stored under `key`."""

    key: str


MediaResult = Progress | Probed | Analysis | EmbeddedCover | Loudness | Rendition


class MediaProcessor(ABC):
    """Turns one stored original into what can be played."""

    @abstractmethod
    def process(self, original_key: str, *, into: str) -> AsyncGenerator[MediaResult]:
        """Yield each result as soon as its objects are stored under the key prefix `into`.

        Probed before anything is decoded, one Analysis, then an EmbeddedCover if there is one, every Rendition once,
        Loudness some time after the Analysis, Progress often. What is read is held to the SHA-256 that the key ends in.
        Closing the iterator early stops the work and leaves no process behind. Raises MediaFailed,
        Unavailable(original_damaged).
        """


def refuse_damaged(original_key: str, sha256: str) -> None:
    """Raise Unavailable(original_damaged) where the key ends in another SHA-256 than that of what was read.

    It is no verdict on what was sent: that is still in quarantine, and reading again may go well.
    """
    named = original_key.rpartition("/")[2]
    if SHA256.fullmatch(named) and named != sha256:
        raise Unavailable("original_damaged", "What is stored of this file is not what was sent.", retry_after=60)


class CoverMaker(ABC):
    """Turns a picture that a stranger sent into covers."""

    @abstractmethod
    async def make(self, source_key: str, *, into: str) -> None:
        """Store `<size>.jpg` under the key prefix `into` for each of ARTWORK_SIZES: cut square, nothing else kept.

        Takes JPEG, PNG and WebP. Raises Invalid(artwork), and leaves nothing, for what is none or has too many pixels.
        """


class Uploads(ABC):
    """Bytes on their way in."""

    @abstractmethod
    async def get(self, upload_id: UploadId) -> Upload | None: ...

    @abstractmethod
    async def add(self, upload: Upload) -> None: ...

    @abstractmethod
    async def save(self, upload: Upload) -> None:
        """Raises Conflict(version_conflict)."""

    @abstractmethod
    async def remove(self, upload_id: UploadId) -> None:
        """Forget one that was never completed."""

    @abstractmethod
    async def abandoned(self, *, now: datetime, limit: int) -> list[Upload]:
        """Expired ones that may hold bytes, oldest first: never completed, or not tidied since."""

    @abstractmethod
    async def unfinished(self, owner_id: AccountId, *, now: datetime) -> int:
        """How many of somebody's in pieces or straight to the store are neither completed nor expired."""


class Tracks(ABC):
    """Every track with its revisions, as one aggregate."""

    @abstractmethod
    async def get(self, track_id: TrackId) -> Track | None: ...

    @abstractmethod
    async def add(self, track: Track) -> None:
        """Raises Conflict(permalink_taken | upload_used)."""

    @abstractmethod
    async def save(self, track: Track) -> None:
        """Raises Conflict(version_conflict | permalink_taken)."""

    @abstractmethod
    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        """Whether a track of the owner is under it, or was: then it still leads there."""

    @abstractmethod
    async def of_upload(self, upload_id: UploadId) -> TrackId | None:
        """The track that an upload became a revision of."""

    @abstractmethod
    async def in_processing(self, owner_id: AccountId) -> int:
        """How many revisions of the owner's tracks were received or are being processed, but for removed tracks."""


class Allowances(ABC):
    """What everybody keeps of audio. `Tracks` moves it with every change of what a track takes."""

    @abstractmethod
    async def get(self, account_id: AccountId) -> Allowance:
        """As it is now, by the plan that the account has now. Held until the block ends. Raises NotFound."""


class TracksWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def uploads(self) -> Uploads: ...

    @property
    def tracks(self) -> Tracks: ...

    @property
    def allowances(self) -> Allowances: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...


class TrackReader(ABC):
    """Reads of tracks. What the viewer may not see is left out, or None."""

    @abstractmethod
    async def get(self, viewer: Viewer, track_id: TrackId) -> TrackView | None:
        """In any state."""

    @abstractmethod
    async def many(self, viewer: Viewer, track_ids: Sequence[TrackId]) -> list[TrackView]:
        """Ready ones, in the order given."""

    @abstractmethod
    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        """Ready ones that were published, newest first."""

    @abstractmethod
    async def mine(self, actor: Actor, *, after: Position | None, limit: int) -> Page[TrackView]:
        """All of one's own that are not removed, in any state, newest first."""

    @abstractmethod
    async def revisions(self, actor: Actor, track_id: TrackId) -> list[RevisionView]:
        """Those of one's own track that are kept, newest first; none where it is removed or another's."""

    @abstractmethod
    async def artwork(self, viewer: Viewer, track_id: TrackId) -> ArtworkId | None:
        """The cover of a track; None where it has none, or the viewer may not see it."""


class ProgressBoard(ABC):
    """How far processing is, for whoever looks now. Lossy."""

    @abstractmethod
    async def report(self, revision_id: RevisionId, progress: Progress) -> None:
        """Replace what was said of this revision."""
