"""What to listen to: the feed, pushed to followers when a track is published; and the front page."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from soundgraph.application.ports import Debt, Entry, Gate, Timelines, UnitOfWork
from soundgraph.application.views import FeedItem, Page, Position, TrackView
from soundgraph.domain.ids import AccountId, TrackId, track_ref
from soundgraph.domain.people import PersonFollowed, PersonUnfollowed
from soundgraph.domain.tracks import TrackPublished
from soundgraph.domain.visibility import Actor, Viewer

FAN_PAGE: Final = 1_000
BACKFILL: Final = 50


@dataclass(frozen=True, slots=True)
class Published:
    """A track that stands, plays and was published."""

    track_id: TrackId
    owner_id: AccountId
    at: datetime


class Fans(ABC):
    """What fan-out must know of follows and tracks, read inside its unit of work."""

    @abstractmethod
    async def followers(self, account_id: AccountId, *, after: AccountId | None, limit: int) -> list[AccountId]:
        """In ascending order of id, above `after`."""

    @abstractmethod
    async def follows(self, follower: AccountId, followee: AccountId) -> bool: ...

    @abstractmethod
    async def published(self, track_id: TrackId) -> Published | None:
        """None if it was removed, hidden or taken back meanwhile."""

    @abstractmethod
    async def latest(self, owner_id: AccountId, *, limit: int) -> list[Published]:
        """Someone's newest published tracks."""


class DiscoveryWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def fans(self) -> Fans: ...


class FeedReader(ABC):
    """Turns the candidates of a feed into what is shown."""

    @abstractmethod
    async def many(self, viewer: Viewer, track_ids: Sequence[TrackId]) -> list[TrackView]:
        """Ready and visible ones, in the order given."""


class FrontPageReader(ABC):
    """What anyone who comes by is shown: published tracks that are public, play and are visible to the viewer."""

    @abstractmethod
    async def newest(self, viewer: Viewer, *, limit: int) -> list[TrackView]:
        """The latest published first."""

    @abstractmethod
    async def most_played(self, viewer: Viewer, *, limit: int) -> list[TrackView]:
        """The most counted plays first; without those that nobody played."""

    @abstractmethod
    async def under(self, viewer: Viewer, handle: str, permalink: str) -> TrackView | None:
        """The track that is or was at a permalink, if it plays and the viewer may see it; private ones too."""


def feed_of(account_id: AccountId) -> str:
    """The stream that holds someone's feed."""
    return f"feed:{account_id}"


def posted_by(account_id: AccountId) -> str:
    """What every feed entry by one person is about."""
    return f"person:{account_id}"


def posted(reader: AccountId, published: Published) -> Entry:
    """The line in a reader's feed that says that someone posted a track."""
    return Entry(
        stream=feed_of(reader),
        key=str(published.track_id),
        sort=published.at,
        about=posted_by(published.owner_id),
        body={"type": "track", "reason": "posted"},
    )


class PushToFeeds:
    """Subscriber: put a published track into the feed of everyone who follows its owner.

    It and `FollowIntoFeed` hold one key per author, so that a push cannot cross an unfollow.
    """

    def __init__(self, work: Callable[[], DiscoveryWork], timelines: Timelines) -> None:
        self._work, self._timelines = work, timelines

    async def __call__(self, event: TrackPublished, debt: Debt) -> None:  # noqa: ARG002 - an upsert needs no fence
        async with self._work() as work:
            await work.serialise(posted_by(event.owner_id))
            published = await work.fans.published(event.track_id)
            last: AccountId | None = None
            while published is not None:
                fans = await work.fans.followers(event.owner_id, after=last, limit=FAN_PAGE)
                await self._timelines.put([posted(fan, published) for fan in fans])
                if len(fans) < FAN_PAGE:
                    return
                last = fans[-1]


class FollowIntoFeed:
    """Subscriber: after a follow, someone's newest tracks are in the follower's feed; after an unfollow, none are."""

    def __init__(self, work: Callable[[], DiscoveryWork], timelines: Timelines) -> None:
        self._work, self._timelines = work, timelines

    async def __call__(self, event: PersonFollowed | PersonUnfollowed, debt: Debt) -> None:  # noqa: ARG002 - as above
        async with self._work() as work:
            await work.serialise(posted_by(event.followee))
            if await work.fans.follows(event.follower, event.followee):
                latest = await work.fans.latest(event.followee, limit=BACKFILL)
                await self._timelines.put([posted(event.follower, one) for one in latest])
            else:
                await self._timelines.remove_about(posted_by(event.followee), stream=feed_of(event.follower))


class ReadFeed:
    """One's own feed, newest first. Its owner. The timeline yields candidates; the gate decides; pages are full."""

    def __init__(self, timelines: Timelines, gate: Gate, reader: FeedReader) -> None:
        self._timelines, self._gate, self._reader = timelines, gate, reader

    async def __call__(self, *, actor: Actor, after: Position | None, limit: int) -> Page[FeedItem]:
        before = None if after is None else (datetime.fromisoformat(str(after[0])), str(after[1]))
        chunk, items = limit + 1, list[FeedItem]()
        while len(items) <= limit:
            entries = await self._timelines.page(feed_of(actor.id), before=before, limit=chunk)
            items += await self._admitted(actor, entries)
            if len(entries) < chunk:
                break
            before = (entries[-1].sort, entries[-1].key)
        shown = items[:limit]
        more = len(items) > limit
        return Page(shown, (shown[-1].at.isoformat(), str(shown[-1].id)) if more else None)

    async def _admitted(self, actor: Actor, entries: Sequence[Entry]) -> list[FeedItem]:
        refs = [track_ref(TrackId(UUID(entry.key))) for entry in entries]
        admitted = [TrackId(ref.id) for ref in await self._gate.admit(actor, refs)]
        tracks = {track.id: track for track in await self._reader.many(actor, admitted)}
        return [
            FeedItem(
                id=UUID(entry.key),
                type="track",
                at=entry.sort,
                reason=str(entry.body["reason"]),
                actors=[tracks[TrackId(UUID(entry.key))].user],
                item=tracks[TrackId(UUID(entry.key))],
            )
            for entry in entries
            if TrackId(UUID(entry.key)) in tracks
        ]
