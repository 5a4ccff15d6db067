"""Plays in PostgreSQL, in partitions by month."""

from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Final

from sqlalchemy import Date, MetaData, Table, bindparam, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from soundgraph.adapters.postgres.engine import ReadPool, translated
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.read import Query, Row
from soundgraph.adapters.postgres.schema import ID, history, plays, plays_by_day, tracks
from soundgraph.adapters.postgres.track_views import TRACKS_SEEN, seen_by
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.adapters.postgres.visibility import VIEWER_ID, viewer_parameters
from soundgraph.application.playback import (
    COUNTED,
    HistoryItem,
    PlayArchive,
    PlayReader,
    Plays,
    PlaysOfDay,
    plays_of_day,
)
from soundgraph.application.views import Links, Page, Position
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.playback import Play, visitors_at
from soundgraph.domain.visibility import Actor

# Months that are made ahead, so that the chore may be away for as long.
MONTHS_AHEAD: Final = 2
# A partition is made and dropped under a lock that every play waits behind; better to try again in an hour.
LOCK_TIMEOUT: Final = "2s"
MONTHLY: Final = "plays_of_"
LEFT_OVER: Final = "plays_elsewhen"
PARTITIONS: Final = text("""
    SELECT child.relname AS name FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'plays'::regclass
""")


class PostgresPlays(Plays):
    """Plays in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def last_counted(self, track_id: TrackId, listener: str, *, after: datetime) -> datetime | None:
        theirs = select(func.max(plays.c.at)).where(
            plays.c.track_id == track_id, plays.c.listener == listener, plays.c.counted, plays.c.at > after
        )
        last: datetime | None = (await self._session.rows(theirs))[0][0]
        return last

    async def counted_at(self, track_id: TrackId, place: str, *, after: datetime) -> int:
        # A range, which the index knows, and not a pattern. In every collation letters come after the digits of hex.
        begin = visitors_at(place)
        theirs = select(func.count(plays.c.listener.distinct())).where(
            plays.c.track_id == track_id,
            plays.c.listener.between(begin, f"{begin}g"),
            plays.c.counted,
            plays.c.at > after,
        )
        return int((await self._session.rows(theirs))[0][0])

    async def add(self, play: Play) -> None:
        await self._session.add(plays, asdict(play) | {"counted": play.counted})
        sums = upsert(plays_by_day).values(
            track_id=play.track_id, day=play.at.date(), outcome=play.reason or COUNTED, plays=1
        )
        place = ["track_id", "day", "outcome"]
        await self._session.execute(
            sums.on_conflict_do_update(index_elements=place, set_={"plays": plays_by_day.c.plays + 1})
        )
        self._session.count(play.track_id, "plays", int(play.counted))

    async def remember(self, account_id: AccountId, play: Play) -> None:
        line = upsert(history).values(
            account_id=account_id, track_id=play.track_id, at=play.at, position_ms=play.position_ms
        )
        changes = {name: line.excluded[name] for name in ("at", "position_ms")}
        await self._session.execute(
            line.on_conflict_do_update(
                index_elements=["account_id", "track_id"], set_=changes, where=history.c.at <= line.excluded.at
            )
        )

    async def forget(self, account_id: AccountId) -> None:
        await self._session.execute(delete(history).where(history.c.account_id == account_id))


_PLAYED = (
    TRACKS_SEEN.add_columns(history.c.at, history.c.position_ms)
    .join(history, history.c.track_id == tracks.c.id)
    .where(history.c.account_id == VIEWER_ID, tracks.c.live_id.is_not(None))
)
_DAYS = (
    select(plays_by_day.c.day, plays_by_day.c.outcome, plays_by_day.c.plays)
    .where(
        plays_by_day.c.track_id == bindparam("track_id", type_=ID),
        plays_by_day.c.day.between(bindparam("first", type_=Date), bindparam("last", type_=Date)),
    )
    .order_by(plays_by_day.c.day)
)


class PostgresPlayReader(PlayReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        self._pool, self._links = pool, links
        played = paged(_PLAYED, history.c.at, history.c.track_id)
        self._history: Query[Row] = Query("plays.history", played, lambda row: row)
        self._days: Query[Row] = Query("plays.by_day", _DAYS, lambda row: row)

    async def history(self, actor: Actor, *, after: Position | None, limit: int) -> Page[HistoryItem]:
        seen = seen_by(actor, self._links)
        played = self._history.showing(
            lambda row: HistoryItem(played_at=row["at"], position_ms=row["position_ms"], track=seen(row))
        )
        return await page_of(played, self._pool, limit, **paging(after, limit), **viewer_parameters(actor))

    async def by_day(self, track_id: TrackId, *, first: date, last: date) -> list[PlaysOfDay]:
        rows = await self._days.rows(self._pool, track_id=track_id, first=first, last=last)
        return [
            plays_of_day(day, {row["outcome"]: row["plays"] for row in found})
            for day, found in groupby(rows, lambda row: row["day"])
        ]


class PostgresPlayArchive(PlayArchive):
    """One partition per month, and one for what fits none. Each change is a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def prepare(self, *, now: datetime) -> None:
        month = now.date().replace(day=1)
        for _ in range(MONTHS_AHEAD + 1):
            following = (month + timedelta(days=31)).replace(day=1)
            with translated():
                async with self._engine.begin() as connection:
                    await _lock(connection)
                    if partition_of(month) not in await _partitions(connection):
                        await _add_partition(connection, month, following)
            month = following

    async def prune(self, *, plays_before: datetime, history_before: datetime) -> None:
        oldest = partition_of(plays_before.date())
        with translated():
            async with self._engine.begin() as connection:
                await _lock(connection)
                for name in await _partitions(connection):
                    if MONTHLY <= name < oldest:
                        await connection.execute(text(f"DROP TABLE {name}"))
                left = _partition(LEFT_OVER)
                await connection.execute(delete(left).where(left.c.at < plays_before))
                await connection.execute(delete(history).where(history.c.at < history_before))


def partition_of(day: date) -> str:
    """The partition of a day. In the order of names, months are in the order of time."""
    return f"{MONTHLY}{day:%Y_%m}"


def _partition(name: str) -> Table:
    return plays.to_metadata(MetaData(), name=name)


async def _lock(connection: AsyncConnection) -> None:
    """One process changes partitions at a time, and none waits long for those who play."""
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('plays-partitions', 0))"))


async def _partitions(connection: AsyncConnection) -> list[str]:
    return sorted(row.name for row in (await connection.execute(PARTITIONS)).all())


async def _add_partition(connection: AsyncConnection, first: date, following: date) -> None:
    """Make a partition, with what the default one holds of its month, and let it in."""
    name = partition_of(first)
    start, end = (datetime.combine(one, time(), UTC) for one in (first, following))
    await connection.execute(text(f"CREATE TABLE {name} (LIKE plays INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    await connection.execute(text(f"LOCK TABLE {LEFT_OVER} IN ACCESS EXCLUSIVE MODE"))
    left, made = _partition(LEFT_OVER), _partition(name)
    early = (left.c.at >= start, left.c.at < end)
    await connection.execute(insert(made).from_select(list(made.c.keys()), select(left).where(*early)))
    await connection.execute(delete(left).where(*early))
    bounds = f"FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
    await connection.execute(text(f"ALTER TABLE plays ATTACH PARTITION {name} FOR VALUES {bounds}"))
