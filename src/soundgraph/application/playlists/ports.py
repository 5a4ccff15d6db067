"""What playlists need from outside."""

from abc import ABC, abstractmethod
from typing import Protocol

from soundgraph.application.idempotency import IdempotencyKeys
from soundgraph.application.ports import UnitOfWork
from soundgraph.application.views import Page, PlaylistItemView, PlaylistView, Position
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId
from soundgraph.domain.playlists import Playlist
from soundgraph.domain.visibility import Viewer


class Playlists(ABC):
    """Every playlist with its items, as one aggregate."""

    @abstractmethod
    async def get(self, playlist_id: PlaylistId) -> Playlist | None: ...

    @abstractmethod
    async def add(self, playlist: Playlist) -> None:
        """Raises Conflict(permalink_taken)."""

    @abstractmethod
    async def save(self, playlist: Playlist) -> None:
        """Write what changed: an item that only moved is one row. Raises Conflict(version_conflict)."""

    @abstractmethod
    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        """Whether the owner has, or had, a playlist under it."""


class PlaylistsWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def playlists(self) -> Playlists: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...


class PlaylistReader(ABC):
    """Reads of playlists. What the viewer may not see is left out, or None."""

    @abstractmethod
    async def get(self, viewer: Viewer, playlist_id: PlaylistId) -> PlaylistView | None: ...

    @abstractmethod
    async def items(
        self, viewer: Viewer, playlist_id: PlaylistId, *, after: Position | None, limit: int
    ) -> Page[PlaylistItemView]:
        """In the playlist's order; only tracks that are ready."""

    @abstractmethod
    async def item(self, viewer: Viewer, item_id: ItemId) -> PlaylistItemView | None:
        """One item, its track in any state."""

    @abstractmethod
    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[PlaylistView]:
        """Newest first."""
