"""Playlists: ordered sets of tracks, edited one item at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from soundgraph.domain.errors import Conflict, FieldError, Invalid, NotFound, Stale
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId, TrackId
from soundgraph.domain.ranks import LONGEST, between, spread
from soundgraph.domain.visibility import Audience, Standing

MAX_ITEMS = 500


class PlaylistKind(StrEnum):
    """What a playlist is released as."""

    PLAYLIST = "playlist"
    ALBUM = "album"
    EP = "ep"
    SINGLE = "single"
    COMPILATION = "compilation"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistCreated(Event):
    """Someone made a playlist."""

    name: ClassVar[str] = "playlists.created"
    playlist_id: PlaylistId
    owner_id: AccountId

    @property
    def key(self) -> str:
        return str(self.playlist_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistChanged(Event):
    """What a playlist says of itself, or what is in it, changed."""

    name: ClassVar[str] = "playlists.changed"
    playlist_id: PlaylistId

    @property
    def key(self) -> str:
        return str(self.playlist_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistRemoved(Event):
    """Its owner deleted a playlist."""

    name: ClassVar[str] = "playlists.removed"
    playlist_id: PlaylistId
    owner_id: AccountId

    @property
    def key(self) -> str:
        return str(self.playlist_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistDetails:
    """What its owner says about a playlist. `errors` lists every rule it breaks."""

    title: str
    description: str = ""
    kind: PlaylistKind = PlaylistKind.PLAYLIST
    audience: Audience = Audience.PUBLIC

    def errors(self) -> list[FieldError]:
        """Every broken rule, by the field's name in the API."""
        found = []
        if not 1 <= len(self.title) <= 200:
            found.append(FieldError("title", "length", "Use 1 to 200 characters."))
        if len(self.description) > 5_000:
            found.append(FieldError("description", "length", "Use at most 5,000 characters."))
        if self.audience is Audience.SCHEDULED:
            found.append(FieldError("visibility", "not_scheduled", "A playlist is public or private."))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistItem:
    """One track in a playlist. `rank` is its place among the others."""

    id: ItemId
    track_id: TrackId
    rank: str
    added_by: AccountId
    added_at: datetime


@dataclass(slots=True, kw_only=True)
class Playlist:
    """A playlist with its items in order. A track is in it at most once."""

    id: PlaylistId
    owner_id: AccountId
    details: PlaylistDetails
    permalink: str
    created_at: datetime
    items: list[PlaylistItem] = field(default_factory=list)
    standing: Standing = Standing.OK
    version: int = 1

    @classmethod
    def create(
        cls, playlist_id: PlaylistId, owner_id: AccountId, *, details: PlaylistDetails, permalink: str, at: datetime
    ) -> tuple["Playlist", PlaylistCreated]:
        """An empty playlist. `details` has no errors."""
        playlist = cls(id=playlist_id, owner_id=owner_id, details=details, permalink=permalink, created_at=at)
        return playlist, PlaylistCreated(playlist_id=playlist_id, owner_id=owner_id)

    def expect(self, version: int | None) -> None:
        """Raises Stale with the present order unless this is the version that the caller named, if they named one."""
        if version is not None and version != self.version:
            raise Stale(tuple(item.id for item in self.items))

    def edit(self, details: PlaylistDetails) -> PlaylistChanged:
        """Say something else about it. `details` has no errors."""
        self.details = details
        return self._changed()

    def remove(self) -> list[Event]:
        """Delete it. Removing twice is removing once."""
        if self.standing is Standing.REMOVED:
            return []
        self.standing = Standing.REMOVED
        return [PlaylistRemoved(playlist_id=self.id, owner_id=self.owner_id)]

    def add(
        self, item_id: ItemId, track_id: TrackId, *, after: ItemId | None, by: AccountId, at: datetime
    ) -> PlaylistChanged:
        """Put a track behind an item, or at the end.

        Raises Invalid(limit_reached), Conflict(already_in_playlist), NotFound for an unknown `after`.
        """
        if len(self.items) >= MAX_ITEMS:
            raise too_many()
        if any(item.track_id == track_id for item in self.items):
            raise Conflict("already_in_playlist", "This track is in the playlist already.")
        behind = self._item(after).id if after is not None else self.items[-1].id if self.items else None
        self.items.append(PlaylistItem(id=item_id, track_id=track_id, rank="", added_by=by, added_at=at))
        return self.move(item_id, after=behind)

    def discard(self, item_id: ItemId) -> PlaylistChanged:
        """Take an item out. Raises NotFound."""
        self.items.remove(self._item(item_id))
        return self._changed()

    def move(self, item_id: ItemId, *, after: ItemId | None) -> PlaylistChanged:
        """Put an item behind another, or first. Only its own rank changes. Raises NotFound for either."""
        moving = self._item(item_id)
        others = [item for item in self.items if item.id != item_id]
        if after == item_id:
            return self._changed()
        behind = -1 if after is None else others.index(self._item(after))
        low = others[behind].rank if behind >= 0 else ""
        high = others[behind + 1].rank if behind + 1 < len(others) else ""
        others.insert(behind + 1, _ranked(moving, between(low, high)))
        self.items = others
        if len(self.items[behind + 1].rank) > LONGEST:
            self.items = [_ranked(item, rank) for item, rank in zip(others, spread(len(others)), strict=True)]
        return self._changed()

    def replace(self, items: Sequence[tuple[ItemId, TrackId]], *, by: AccountId, at: datetime) -> PlaylistChanged:
        """Make these tracks its items, in this order. One that is in it already keeps its item; new ones get theirs.

        Raises Invalid(limit_reached | duplicate_track).
        """
        if len(items) > MAX_ITEMS:
            raise too_many()
        if len({track_id for _, track_id in items}) < len(items):
            raise Invalid("duplicate_track", "A track can be in a playlist once.")
        present = {item.track_id: item for item in self.items}
        fresh = [
            present.get(track_id) or PlaylistItem(id=item_id, track_id=track_id, rank="", added_by=by, added_at=at)
            for item_id, track_id in items
        ]
        self.items = [_ranked(item, rank) for item, rank in zip(fresh, spread(len(fresh)), strict=True)]
        return self._changed()

    def _item(self, item_id: ItemId) -> PlaylistItem:
        for item in self.items:
            if item.id == item_id:
                return item
        raise NotFound

    def _changed(self) -> PlaylistChanged:
        return PlaylistChanged(playlist_id=self.id)


def _ranked(item: PlaylistItem, rank: str) -> PlaylistItem:
    return replace(item, rank=rank)


def too_many() -> Invalid:
    """The refusal of one item more than a playlist holds."""
    return Invalid("limit_reached", f"A playlist holds at most {MAX_ITEMS} tracks.")
