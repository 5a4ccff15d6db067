"""What upkeep asks of the store of the truth."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from soundgraph.domain.ids import ArtworkId, RevisionId, TrackId, UploadId

# The counters that must equal rows.
COUNTERS: Final = ("followers", "followings", "likes", "playlists", "tracks")
# The milliseconds of audio of a person that must equal what their tracks take.
KEPT: Final = ("reserved_ms", "used_ms")


@dataclass(frozen=True, slots=True)
class Drift:
    """A counter of a person or a track that does not equal the rows it counts."""

    subject: UUID
    counter: str
    counted: int
    rows: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """A revision whose processing nobody owes any more."""

    track_id: TrackId
    revision_id: RevisionId


@dataclass(frozen=True, slots=True)
class DebtReport:
    """How many debts are overdue and since when the oldest was due, and how many lie with the dead letters."""

    overdue: int
    oldest: datetime | None
    dead: int


class Invariants(ABC):
    """What must hold of the rows. Every answer is of one moment: a change under way is no drift."""

    @abstractmethod
    async def drift(self, *, after: UUID | None, limit: int) -> tuple[list[Drift], UUID | None]:
        """Compare the next `limit` people and tracks by id, above `after`. Where to go on, or None at the end."""

    @abstractmethod
    async def recount(self, subject: UUID) -> None:
        """Set every counter of one person or track to its rows. Changes that run at the same time are not lost."""

    @abstractmethod
    async def stuck(self, *, limit: int) -> list[Stuck]:
        """Revisions that are received or processing, of tracks not removed, without a debt to process just them."""

    @abstractmethod
    async def debts(self, *, overdue: datetime) -> DebtReport:
        """Debts that were due before `overdue`, and the dead letters."""

    @abstractmethod
    async def track_ids(self, *, after: UUID | None, limit: int) -> list[TrackId]:
        """The next tracks by id, in any standing."""

    @abstractmethod
    async def track_of(self, upload_id: UploadId) -> TrackId | None:
        """The track that an upload became a revision of."""

    @abstractmethod
    async def bearer_of(self, artwork_id: ArtworkId) -> TrackId | None:
        """The track whose cover it is."""
