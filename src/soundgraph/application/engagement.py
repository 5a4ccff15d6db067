"""Liking tracks."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from soundgraph.application.ports import Clock, Gate, UnitOfWork
from soundgraph.application.views import MiniUser, Page, Position, TrackView
from soundgraph.domain.engagement import TrackLiked, TrackUnliked
from soundgraph.domain.ids import AccountId, TrackId, account_ref, track_ref
from soundgraph.domain.visibility import Actor, Viewer


class Likes(ABC):
    """Who likes which track. Adding and removing keep the counters of both."""

    @abstractmethod
    async def add(self, account_id: AccountId, track_id: TrackId, *, at: datetime) -> bool:
        """Whether it is new."""

    @abstractmethod
    async def remove(self, account_id: AccountId, track_id: TrackId) -> bool:
        """Whether it was there."""


class EngagementWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def likes(self) -> Likes: ...


class EngagementReader(ABC):
    """Reads of likes. What the viewer may not see is left out."""

    @abstractmethod
    async def likers(self, viewer: Viewer, track_id: TrackId, *, after: Position | None, limit: int) -> Page[MiniUser]:
        """Newest first."""

    @abstractmethod
    async def liked_by(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        """Ready tracks, the latest like first."""


class LikeTrack:
    """Like a track. Anyone who can see it. Liking twice is liking once. Raises NotFound."""

    def __init__(self, work: Callable[[], EngagementWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, actor: Actor, track_id: TrackId) -> None:
        async with self._work() as work:
            await work.gate.require(actor, track_ref(track_id))
            if await work.likes.add(actor.id, track_id, at=self._clock.now()):
                work.record(TrackLiked(track_id=track_id, by=actor.id))
            await work.commit()


class UnlikeTrack:
    """Take a like back. Whoever gave it, even when the track can no longer be seen; where there is none, nothing."""

    def __init__(self, work: Callable[[], EngagementWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, track_id: TrackId) -> None:
        async with self._work() as work:
            if await work.likes.remove(actor.id, track_id):
                work.record(TrackUnliked(track_id=track_id, by=actor.id))
            await work.commit()


class ListLikers:
    """Who likes a track, newest first. Anyone who can see the track. Raises NotFound."""

    def __init__(self, gate: Gate, reader: EngagementReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, track_id: TrackId, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        await self._gate.require(viewer, track_ref(track_id))
        return await self._reader.likers(viewer, track_id, after=after, limit=limit)


class ListLikes:
    """Which tracks a person likes, the latest like first. Anyone who can see the person. Raises NotFound."""

    def __init__(self, gate: Gate, reader: EngagementReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, account_id: AccountId, after: Position | None, limit: int
    ) -> Page[TrackView]:
        await self._gate.require(viewer, account_ref(account_id))
        return await self._reader.liked_by(viewer, account_id, after=after, limit=limit)
