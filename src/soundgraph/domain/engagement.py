"""Likes: edges between a person and a track."""

from dataclasses import dataclass
from typing import ClassVar

from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, TrackId


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackLiked(Event):
    """A person liked a track."""

    name: ClassVar[str] = "engagement.track_liked"
    track_id: TrackId
    by: AccountId

    @property
    def key(self) -> str:
        return str(self.track_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackUnliked(Event):
    """A person took a like back."""

    name: ClassVar[str] = "engagement.track_unliked"
    track_id: TrackId
    by: AccountId

    @property
    def key(self) -> str:
        return str(self.track_id)
