"""Timelines, what fan-out asks, and the front page, in memory."""

from collections.abc import Collection
from datetime import datetime

from soundgraph.adapters.memory.database import MemoryDatabase, Tables
from soundgraph.adapters.memory.tracks import MemoryTrackReader
from soundgraph.application.discovery import Fans, FrontPageReader, Published
from soundgraph.application.ports import Entry, Timelines
from soundgraph.application.views import Links, TrackView
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.tracks import Track
from soundgraph.domain.visibility import Audience, Standing, Viewer


class MemoryTimelines(Timelines):
    """Entries in a dict. Not part of a transaction, as MongoDB would not be."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    async def put(self, entries: Collection[Entry]) -> None:
        self._entries |= {(entry.stream, entry.key): entry for entry in entries}

    async def get(self, stream: str, key: str) -> Entry | None:
        return self._entries.get((stream, key))

    async def page(self, stream: str, *, before: tuple[datetime, str] | None, limit: int) -> list[Entry]:
        entries = [entry for entry in self._entries.values() if entry.stream == stream]
        rest = [entry for entry in entries if before is None or (entry.sort, entry.key) < before]
        return sorted(rest, key=lambda entry: (entry.sort, entry.key), reverse=True)[:limit]

    async def remove(self, stream: str, key: str) -> None:
        self._entries.pop((stream, key), None)

    async def remove_about(self, about: str, *, stream: str | None = None) -> None:
        self._entries = {
            place: entry
            for place, entry in self._entries.items()
            if entry.about != about or (stream is not None and entry.stream != stream)
        }


class MemoryFans(Fans):
    """Follows and tracks among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def followers(self, account_id: AccountId, *, after: AccountId | None, limit: int) -> list[AccountId]:
        fans = sorted(AccountId(fan) for fan, followee in self._tables.follows if followee == account_id)
        return [fan for fan in fans if after is None or fan > after][:limit]

    async def follows(self, follower: AccountId, followee: AccountId) -> bool:
        return (follower, followee) in self._tables.follows

    async def published(self, track_id: TrackId) -> Published | None:
        track = self._tables.tracks.get(track_id)
        return None if track is None else _published(track)

    async def latest(self, owner_id: AccountId, *, limit: int) -> list[Published]:
        found = (_published(track) for track in self._tables.tracks.values() if track.owner_id == owner_id)
        return sorted((one for one in found if one), key=lambda one: one.at, reverse=True)[:limit]


def _published(track: Track) -> Published | None:
    shown = track.standing is Standing.OK and track.details.audience is Audience.PUBLIC and track.live_id is not None
    return Published(track.id, track.owner_id, track.published_at) if shown and track.published_at else None


class MemoryFrontPageReader(FrontPageReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase, links: Links) -> None:
        self._database, self._tracks = database, MemoryTrackReader(database, links)

    async def newest(self, viewer: Viewer, *, limit: int) -> list[TrackView]:
        latest = sorted(self._shown(), key=lambda one: (one.at, str(one.track_id)), reverse=True)
        return self._tracks.views(viewer, [one.track_id for one in latest])[:limit]

    async def most_played(self, viewer: Viewer, *, limit: int) -> list[TrackView]:
        plays = [(self._database.tables.counted(one.track_id, "plays"), one.track_id) for one in self._shown()]
        ranked = sorted(((count, str(one), one) for count, one in plays if count), reverse=True)
        return self._tracks.views(viewer, [one for _, _, one in ranked])[:limit]

    async def under(self, viewer: Viewer, handle: str, permalink: str) -> TrackView | None:
        tables = self._database.tables
        owners = {one.id for one in tables.profiles.values() if one.handle == handle}
        named = [tables.permalinks[one, permalink] for one in owners if (one, permalink) in tables.permalinks]
        found = self._tracks.views(viewer, [one for one in named if tables.tracks[one].live_id is not None])
        return next(iter(found), None)

    def _shown(self) -> list[Published]:
        return [one for one in map(_published, self._database.tables.tracks.values()) if one]
