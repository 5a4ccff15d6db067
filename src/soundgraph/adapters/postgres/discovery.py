"""Timelines, what fan-out asks, and the front page, in PostgreSQL."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Integer, Text, bindparam, delete, exists, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from soundgraph.adapters.postgres.engine import ReadPool, translated
from soundgraph.adapters.postgres.read import Query, Row
from soundgraph.adapters.postgres.schema import MOMENT, counters, follows, permalinks, profiles, timelines, tracks
from soundgraph.adapters.postgres.track_views import TRACKS_SEEN, seen_by
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.adapters.postgres.visibility import viewer_parameters
from soundgraph.application.discovery import Fans, FrontPageReader, Published
from soundgraph.application.ports import Entry, Timelines
from soundgraph.application.views import Links, TrackView
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.visibility import Audience, Standing, Viewer


def entry_of(row: Row) -> Entry:
    """The entry in a row."""
    body = msgspec.json.decode(row["body"], type=dict[str, object])
    return Entry(row["stream"], row["key"], row["sort"], row["about"], body)


_STREAM = timelines.c.stream == bindparam("stream", type_=Text)
_SORT = bindparam("before_sort", None, type_=MOMENT)
_KEY = bindparam("before_key", None, type_=Text)
_GET = Query(
    "timelines.get", select(timelines).where(_STREAM, timelines.c.key == bindparam("key", type_=Text)), entry_of
)
_PAGE = Query(
    "timelines.page",
    select(timelines)
    .where(_STREAM, or_(_SORT.is_(None), tuple_(timelines.c.sort, timelines.c.key) < tuple_(_SORT, _KEY)))
    .order_by(timelines.c.sort.desc(), timelines.c.key.desc())
    .limit(bindparam("take", type_=Integer)),
    entry_of,
)


class PostgresTimelines(Timelines):
    """Entries in one table. Every call is a transaction of its own, as MongoDB's would be."""

    def __init__(self, engine: AsyncEngine, pool: ReadPool) -> None:
        self._engine, self._pool = engine, pool

    async def put(self, entries: Collection[Entry]) -> None:
        if not entries:
            return
        rows = [
            {"stream": one.stream, "key": one.key, "sort": one.sort, "about": one.about, "body": one.body}
            for one in sorted(entries, key=lambda one: (one.stream, one.key))
        ]
        statement = upsert(timelines)
        changes = {name: statement.excluded[name] for name in ("sort", "about", "body")}
        await self._run(statement.on_conflict_do_update(index_elements=["stream", "key"], set_=changes), rows)

    async def get(self, stream: str, key: str) -> Entry | None:
        return await _GET.one(self._pool, stream=stream, key=key)

    async def page(self, stream: str, *, before: tuple[datetime, str] | None, limit: int) -> list[Entry]:
        sort, key = before or (None, None)
        return await _PAGE.all(self._pool, stream=stream, before_sort=sort, before_key=key, take=limit)

    async def remove(self, stream: str, key: str) -> None:
        await self._run(delete(timelines).where(timelines.c.stream == stream, timelines.c.key == key))

    async def remove_about(self, about: str, *, stream: str | None = None) -> None:
        # Locked in the order that `put` goes through, so that the two cannot wait for each other.
        place = (timelines.c.stream, timelines.c.key)
        found = (
            select(*place)
            .where(timelines.c.about == about)
            .order_by(*(one.collate("C") for one in place))
            .with_for_update()
        )
        gone = found if stream is None else found.where(timelines.c.stream == stream)
        await self._run(delete(timelines).where(tuple_(*place).in_(gone)))

    async def _run(self, statement: Any, rows: list[dict[str, Any]] | None = None) -> None:
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(statement, rows)


_PUBLISHED = select(tracks.c.id, tracks.c.owner_id, tracks.c.published_at).where(
    tracks.c.standing == Standing.OK.value,
    tracks.c.audience == Audience.PUBLIC.value,
    tracks.c.live_id.is_not(None),
    tracks.c.published_at.is_not(None),
)


class PostgresFans(Fans):
    """Follows and tracks in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def followers(self, account_id: AccountId, *, after: AccountId | None, limit: int) -> list[AccountId]:
        fans = select(follows.c.follower).where(follows.c.followee == account_id)
        rest = fans if after is None else fans.where(follows.c.follower > after)
        rows = await self._session.rows(rest.order_by(follows.c.follower).limit(limit))
        return [AccountId(row.follower) for row in rows]

    async def follows(self, follower: AccountId, followee: AccountId) -> bool:
        edge = exists().where(follows.c.follower == follower, follows.c.followee == followee)
        return bool((await self._session.rows(select(edge)))[0][0])

    async def published(self, track_id: TrackId) -> Published | None:
        row = await self._session.row(_PUBLISHED.where(tracks.c.id == track_id))
        return None if row is None else Published(row.id, row.owner_id, row.published_at)

    async def latest(self, owner_id: AccountId, *, limit: int) -> list[Published]:
        newest = _PUBLISHED.where(tracks.c.owner_id == owner_id).order_by(tracks.c.published_at.desc()).limit(limit)
        return [Published(row.id, row.owner_id, row.published_at) for row in await self._session.rows(newest)]


_TAKE = bindparam("take", type_=Integer)
# Written out, so that the planner can tell that the index of the newest holds them all.
_SHOWN = TRACKS_SEEN.where(
    tracks.c.published_at.is_not(None),
    tracks.c.audience == literal_column("'public'"),
    tracks.c.standing == literal_column("'ok'"),
    tracks.c.live_id.is_not(None),
)


class PostgresFrontPageReader(FrontPageReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        def query(name: str, statement: Any) -> Query[Row]:
            return Query(f"front_page.{name}", statement, lambda row: row)

        self._pool, self._links = pool, links
        self._newest = query("newest", _SHOWN.order_by(tracks.c.published_at.desc(), tracks.c.id.desc()).limit(_TAKE))
        played = _SHOWN.where(counters.c.plays > 0)
        self._most_played = query(
            "most_played", played.order_by(counters.c.plays.desc(), counters.c.id.desc()).limit(_TAKE)
        )
        named = TRACKS_SEEN.join(permalinks, permalinks.c.track_id == tracks.c.id).where(
            profiles.c.handle == bindparam("handle", type_=Text),
            permalinks.c.owner_id == profiles.c.id,
            permalinks.c.permalink == bindparam("permalink", type_=Text),
        )
        self._under = query("under", named.where(tracks.c.live_id.is_not(None)))

    async def newest(self, viewer: Viewer, *, limit: int) -> list[TrackView]:
        return await self._newest.showing(seen_by(viewer, self._links)).all(
            self._pool, take=limit, **viewer_parameters(viewer)
        )

    async def most_played(self, viewer: Viewer, *, limit: int) -> list[TrackView]:
        most_played = self._most_played.showing(seen_by(viewer, self._links))
        return await most_played.all(self._pool, take=limit, **viewer_parameters(viewer))

    async def under(self, viewer: Viewer, handle: str, permalink: str) -> TrackView | None:
        under = self._under.showing(seen_by(viewer, self._links))
        return await under.one(self._pool, handle=handle, permalink=permalink, **viewer_parameters(viewer))
