"""What playback needs from outside."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from soundgraph.application.idempotency import IdempotencyKeys
from soundgraph.application.playback.views import HistoryItem, PlaysOfDay, SecretLinkView
from soundgraph.application.ports import UnitOfWork
from soundgraph.application.views import Page, Position
from soundgraph.domain.ids import AccountId, LinkId, Ref, TrackId
from soundgraph.domain.links import SecretLink
from soundgraph.domain.playback import Access, Play, access_to
from soundgraph.domain.tracks import Loudness, Rendition, StreamPolicy
from soundgraph.domain.visibility import Actor, Viewer


@dataclass(frozen=True, slots=True)
class Playable:
    """The live revision of a track, as far as playing it needs. `duration_ms` is None until something is live."""

    permalink: str
    owner_id: AccountId
    title: str = ""
    downloadable: bool = False
    policy: StreamPolicy = StreamPolicy.ALLOW
    original_key: str | None = None
    codec: str = ""
    duration_ms: int | None = None
    waveform_key: str | None = None
    renditions: tuple[Rendition, ...] = ()
    loudness: Loudness | None = None

    def access(self, viewer: Viewer) -> Access:
        """What this viewer may hear of it."""
        return access_to(viewer, self.owner_id, self.policy)

    def rendition(self, name: str) -> Rendition | None:
        """The finished rendition of that name."""
        return next((one for one in self.renditions if one.name == name), None)


class PlaybackReader(ABC):
    """Reads of what plays."""

    @abstractmethod
    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        """None for a track that the viewer may not see."""


class PlayReader(ABC):
    """Reads of what was played."""

    @abstractmethod
    async def history(self, actor: Actor, *, after: Position | None, limit: int) -> Page[HistoryItem]:
        """What one played, each track once, the last played first; without what one may not see any more."""

    @abstractmethod
    async def by_day(self, track_id: TrackId, *, first: date, last: date) -> list[PlaysOfDay]:
        """The days from `first` to `last`, both in UTC and included, on which there were plays; oldest first."""


class Plays(ABC):
    """Every play that was reported. One that counted moves the track's counter; each is in the sums of its day."""

    @abstractmethod
    async def last_counted(self, track_id: TrackId, listener: str, *, after: datetime) -> datetime | None:
        """When this listener last moved the counter of the track, if that was after some moment."""

    @abstractmethod
    async def counted_at(self, track_id: TrackId, place: str, *, after: datetime) -> int:
        """How many visitors of a place moved the counter of the track after some moment. All are named in hex."""

    @abstractmethod
    async def add(self, play: Play) -> None: ...

    @abstractmethod
    async def remember(self, account_id: AccountId, play: Play) -> None:
        """Put a play into someone's history, where it takes the place of earlier ones of the track."""

    @abstractmethod
    async def forget(self, account_id: AccountId) -> None:
        """Clear someone's history."""


class PlayArchive(ABC):
    """Where raw plays are kept, month by month. Counters and the sums of days are elsewhere, and stay."""

    @abstractmethod
    async def prepare(self, *, now: datetime) -> None:
        """Make room for this month and the next ones."""

    @abstractmethod
    async def prune(self, *, plays_before: datetime, history_before: datetime) -> None:
        """Drop whole months of plays that ended before then, and lines of histories that are older."""


class SecretLinks(ABC):
    """Every secret link that was not revoked."""

    @abstractmethod
    async def owner_of(self, subject: Ref) -> AccountId | None:
        """Whose the track or playlist is."""

    @abstractmethod
    async def number(self, subject: Ref) -> int:
        """How many links there are to it, expired ones included."""

    @abstractmethod
    async def add(self, link: SecretLink) -> None: ...

    @abstractmethod
    async def remove(self, subject: Ref, link_id: LinkId) -> bool:
        """Whether there was one."""

    @abstractmethod
    async def count_play(self, digest: bytes) -> None:
        """One more play was heard by the link of that digest, if there still is one."""

    @abstractmethod
    async def expire(self, *, before: datetime) -> None:
        """Forget links that expired before then."""


class SecretLinkReader(ABC):
    """Reads of secret links. Whose they are is the caller's to check."""

    @abstractmethod
    async def page(self, subject: Ref, *, after: Position | None, limit: int) -> Page[SecretLinkView]:
        """Those to one thing, newest first."""

    @abstractmethod
    async def get(self, subject: Ref, link_id: LinkId) -> SecretLinkView | None: ...

    @abstractmethod
    async def grants(self, digest: bytes, *, now: datetime) -> frozenset[UUID]:
        """What the link of that digest opens: a track, or a playlist and those of its owner's tracks that are in it.

        Nothing where there is no such link, or not any more.
        """


class LinkTokens(ABC):
    """Makes the tokens of secret links."""

    @abstractmethod
    def token(self, link_id: LinkId) -> str:
        """`s-` and 128 bits in URL-safe base64; always the same one for a link, and of no use for guessing another."""


class PlaybackWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def plays(self) -> Plays: ...

    @property
    def secret_links(self) -> SecretLinks: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...
