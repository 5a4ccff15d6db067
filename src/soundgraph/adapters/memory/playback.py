"""Plays in memory."""

from datetime import datetime

from soundgraph.adapters.memory.database import Tables
from soundgraph.application.playback import Plays
from soundgraph.domain.ids import TrackId
from soundgraph.domain.playback import Play


class MemoryPlays(Plays):
    """Plays among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def last_counted(self, track_id: TrackId, listener: str) -> datetime | None:
        counted = (one for one in self._tables.plays.values() if one.counted and one.track_id == track_id)
        return max((one.at for one in counted if one.listener == listener), default=None)

    async def add(self, play: Play) -> None:
        self._tables.plays[play.id] = play
        self._tables.count(play.track_id, "plays", int(play.counted))
