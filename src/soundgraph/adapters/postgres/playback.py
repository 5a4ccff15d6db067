"""Plays in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, select

from soundgraph.adapters.postgres.schema import plays
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.playback import Plays
from soundgraph.domain.ids import TrackId
from soundgraph.domain.playback import Play


class PostgresPlays(Plays):
    """Plays in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def last_counted(self, track_id: TrackId, listener: str) -> datetime | None:
        theirs = select(func.max(plays.c.at)).where(
            plays.c.track_id == track_id, plays.c.listener == listener, plays.c.counted
        )
        last: datetime | None = (await self._session.rows(theirs))[0][0]
        return last

    async def add(self, play: Play) -> None:
        await self._session.add(plays, asdict(play) | {"counted": play.counted})
        self._session.count(play.track_id, "plays", int(play.counted))
