"""Likes in memory."""

from datetime import datetime

from soundgraph.adapters.memory.database import MemoryDatabase, Tables, add_edge, page_of
from soundgraph.adapters.memory.people import mini_user
from soundgraph.adapters.memory.tracks import MemoryTrackReader
from soundgraph.application.engagement import EngagementReader, Likes
from soundgraph.application.views import Links, MiniUser, Page, Position, TrackView
from soundgraph.domain.ids import AccountId, TrackId, account_ref
from soundgraph.domain.visibility import Viewer


class MemoryLikes(Likes):
    """Likes among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, account_id: AccountId, track_id: TrackId, *, at: datetime) -> bool:
        new = add_edge(self._tables.likes, account_id, track_id, at)
        self._count(account_id, track_id, int(new))
        return new

    async def remove(self, account_id: AccountId, track_id: TrackId) -> bool:
        removed = self._tables.likes.pop((account_id, track_id), None) is not None
        self._count(account_id, track_id, -int(removed))
        return removed

    def _count(self, account_id: AccountId, track_id: TrackId, delta: int) -> None:
        self._tables.count(account_id, "likes", delta)
        self._tables.count(track_id, "likes", delta)


class MemoryEngagementReader(EngagementReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase, links: Links) -> None:
        self._database, self._links = database, links
        self._tracks = MemoryTrackReader(database, links)

    async def likers(self, viewer: Viewer, track_id: TrackId, *, after: Position | None, limit: int) -> Page[MiniUser]:
        tables = self._database.tables
        likers = [(at, AccountId(who)) for (who, what), at in tables.likes.items() if what == track_id]
        seen = [(at, one) for at, one in likers if tables.visible(account_ref(one), viewer)]
        ids, following = page_of(seen, after, limit)
        return Page([mini_user(tables, one, self._links) for one in ids], following)

    async def liked_by(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        tables = self._database.tables
        liked = [(at, TrackId(what)) for (who, what), at in tables.likes.items() if who == account_id]
        ready = [(at, one) for at, one in liked if tables.tracks[one].live_id is not None]
        return self._tracks.page(viewer, ready, after, limit)
