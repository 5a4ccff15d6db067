"""Plays in memory."""

from datetime import date, datetime

from soundgraph.adapters.memory.database import MemoryDatabase, Tables
from soundgraph.adapters.memory.tracks import MemoryTrackReader
from soundgraph.application.playback import (
    COUNTED,
    HistoryItem,
    PlayArchive,
    PlayReader,
    Plays,
    PlaysOfDay,
    plays_of_day,
)
from soundgraph.application.views import Page, Position
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.playback import Play, visitors_at
from soundgraph.domain.visibility import Actor


class MemoryPlays(Plays):
    """Plays among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def last_counted(self, track_id: TrackId, listener: str, *, after: datetime) -> datetime | None:
        counted = (one for one in self._tables.plays.values() if one.counted and one.track_id == track_id)
        return max((one.at for one in counted if one.listener == listener and one.at > after), default=None)

    async def counted_at(self, track_id: TrackId, place: str, *, after: datetime) -> int:
        counted = (one for one in self._tables.plays.values() if one.counted and one.track_id == track_id)
        return len({one.listener for one in counted if one.at > after and one.listener.startswith(visitors_at(place))})

    async def add(self, play: Play) -> None:
        self._tables.plays[play.id] = play
        self._tables.count(play.track_id, "plays", int(play.counted))
        sums, place = self._tables.plays_by_day, (play.track_id, play.at.date(), play.reason or COUNTED)
        sums[place] = sums.get(place, 0) + 1

    async def remember(self, account_id: AccountId, play: Play) -> None:
        before = self._tables.history.get((account_id, play.track_id))
        if before is None or before.at <= play.at:
            self._tables.history[account_id, play.track_id] = play

    async def forget(self, account_id: AccountId) -> None:
        for who, what in [*self._tables.history]:
            if who == account_id:
                del self._tables.history[who, what]


class MemoryPlayReader(PlayReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase, tracks: MemoryTrackReader) -> None:
        self._database, self._tracks = database, tracks

    async def history(self, actor: Actor, *, after: Position | None, limit: int) -> Page[HistoryItem]:
        tables = self._database.tables
        played = {what: play for (who, what), play in tables.history.items() if who == actor.id}
        ready = ((play.at, what) for what, play in played.items() if tables.tracks[what].live_id is not None)
        page = self._tracks.page(actor, ready, after, limit)
        items = [
            HistoryItem(played_at=played[one.id].at, position_ms=played[one.id].position_ms, track=one)
            for one in page.items
        ]
        return Page(items, page.next)

    async def by_day(self, track_id: TrackId, *, first: date, last: date) -> list[PlaysOfDay]:
        found: dict[date, dict[str, int]] = {}
        for (track, day, outcome), plays in self._database.tables.plays_by_day.items():
            if track == track_id and first <= day <= last:
                found.setdefault(day, {})[outcome] = plays
        return [plays_of_day(day, outcomes) for day, outcomes in sorted(found.items())]


class MemoryPlayArchive(PlayArchive):
    """A dict needs no room made."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def prepare(self, *, now: datetime) -> None:
        """Nothing to do."""

    async def prune(self, *, plays_before: datetime, history_before: datetime) -> None:
        first = plays_before.date().replace(day=1)
        async with self._database.lock:
            tables = self._database.tables
            tables.plays = {key: one for key, one in tables.plays.items() if _month(one.at) >= first}
            tables.history = {key: one for key, one in tables.history.items() if one.at >= history_before}


def _month(at: datetime) -> date:
    return at.date().replace(day=1)
