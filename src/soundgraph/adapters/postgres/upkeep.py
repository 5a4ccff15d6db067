"""What must hold, asked of PostgreSQL: each answer is one statement, and so of one moment."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from soundgraph.adapters.postgres.deliveries import NEVER
from soundgraph.adapters.postgres.engine import ReadPool, translated
from soundgraph.adapters.postgres.plans import RESERVED_MS, USED_MS
from soundgraph.adapters.postgres.read import Query, Row
from soundgraph.adapters.postgres.schema import (
    ID,
    MOMENT,
    accounts,
    allowances,
    counters,
    deliveries,
    events,
    follows,
    likes,
    playlists,
    revisions,
    tracks,
)
from soundgraph.application.upkeep import COUNTERS, KEPT, DebtReport, Drift, Invariants, Stuck
from soundgraph.domain.ids import ArtworkId, TrackId, UploadId
from soundgraph.domain.tracks import RevisionReceived, RevisionState
from soundgraph.domain.visibility import Audience, Standing

FIRST: Final = UUID(int=0)
AFTER, LIMIT = bindparam("after", type_=ID), bindparam("limit", type_=Integer)


def _number(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery()


def rows_of(subject: FromClause) -> dict[str, ColumnElement[int]]:
    """For each counter, the number of rows that it counts for a person or a track."""
    listed = (tracks.c.published_at.is_not(None), tracks.c.standing == Standing.OK.value)
    given = _number(likes, likes.c.account_id == subject.c.id)
    return {
        "followers": _number(follows, follows.c.followee == subject.c.id),
        "followings": _number(follows, follows.c.follower == subject.c.id),
        # An id is a person's or a track's, so one of these is nought.
        "likes": given + _number(likes, likes.c.track_id == subject.c.id),
        "playlists": _number(
            playlists,
            playlists.c.owner_id == subject.c.id,
            playlists.c.audience == Audience.PUBLIC.value,
            playlists.c.standing == Standing.OK.value,
        ),
        "tracks": _number(tracks, tracks.c.owner_id == subject.c.id, *listed),
    }


def kept_of(owner_id: ColumnElement[Any]) -> dict[str, ColumnElement[int]]:
    """What the tracks of a person take of their allowance."""
    sums = {"reserved_ms": func.sum(RESERVED_MS), "used_ms": func.sum(USED_MS)}
    of = tracks.c.owner_id == owner_id
    return {
        name: select(cast(func.coalesce(one, 0), BigInteger)).select_from(tracks).where(of).scalar_subquery()
        for name, one in sums.items()
    }


def _next(table: Table) -> Select[Any]:
    page = select(table.c.id).where(table.c.id > AFTER).order_by(table.c.id).limit(LIMIT)
    return select(page.subquery().c.id)


def _comparison() -> Select[Any]:
    either = union_all(_next(accounts), _next(tracks)).subquery()
    subjects = select(either.c.id).order_by(either.c.id).limit(LIMIT).subquery()
    rows = rows_of(subjects) | kept_of(subjects.c.id)
    stored = {name: counters.c[name] for name in COUNTERS} | {name: allowances.c[name] for name in KEPT}
    counted = [func.coalesce(one, 0).label(f"counted_{name}") for name, one in stored.items()]
    return (
        select(subjects.c.id, *counted, *(one.label(f"rows_{name}") for name, one in rows.items()))
        .outerjoin_from(subjects, counters, counters.c.id == subjects.c.id)
        .outerjoin(allowances, allowances.c.account_id == subjects.c.id)
        .order_by(subjects.c.id)
    )


_OWED = (
    select(events.c.id)
    .join(deliveries, deliveries.c.event_id == events.c.id)
    .where(events.c.name == RevisionReceived.name)
)
_STUCK = (
    select(revisions.c.track_id, revisions.c.id)
    .join(tracks, tracks.c.id == revisions.c.track_id)
    .where(
        or_(
            revisions.c.state == RevisionState.RECEIVED.value,
            revisions.c.state == RevisionState.PROCESSING.value,
        ),
        tracks.c.standing != Standing.REMOVED.value,
        ~exists(_OWED.where(events.c.body["revision_id"].astext == cast(revisions.c.id, Text))),
    )
    .order_by(revisions.c.track_id, revisions.c.id)
    .limit(LIMIT)
)
_LATE = deliveries.c.due < bindparam("overdue", type_=MOMENT)
_SUMS: list[ColumnElement[Any]] = [
    func.count().filter(_LATE).label("overdue"),
    func.min(deliveries.c.due).filter(_LATE).label("oldest"),
    func.count().filter(deliveries.c.due == NEVER).label("dead"),
]
_DEBTS = select(*_SUMS)
_TRACK_IDS = select(tracks.c.id).where(tracks.c.id > AFTER).order_by(tracks.c.id).limit(LIMIT)
_TRACK_OF = select(revisions.c.track_id).where(revisions.c.upload_id == bindparam("upload_id", type_=ID))
_BEARER_OF = select(tracks.c.id).where(tracks.c.artwork_id == bindparam("artwork_id", type_=ID))


class PostgresInvariants(Invariants):
    """Reads on the read pool; a recount is a transaction of its own."""

    def __init__(self, engine: AsyncEngine, pool: ReadPool) -> None:
        self._engine, self._pool = engine, pool
        self._compare: Query[Row] = Query("upkeep.compare", _comparison(), lambda row: row)
        self._stuck = Query("upkeep.stuck", _STUCK, lambda row: Stuck(row["track_id"], row["id"]))
        self._debts = Query("upkeep.debts", _DEBTS, lambda row: DebtReport(**row))
        self._track_ids = Query("upkeep.track_ids", _TRACK_IDS, lambda row: TrackId(row["id"]))
        self._track_of = Query("upkeep.track_of", _TRACK_OF, lambda row: TrackId(row["track_id"]))
        self._bearer_of = Query("upkeep.bearer_of", _BEARER_OF, lambda row: TrackId(row["id"]))

    async def drift(self, *, after: UUID | None, limit: int) -> tuple[list[Drift], UUID | None]:
        rows = await self._compare.all(self._pool, after=after or FIRST, limit=limit)
        found = [
            Drift(row["id"], name, row[f"counted_{name}"], row[f"rows_{name}"])
            for row in rows
            for name in (*COUNTERS, *KEPT)
            if row[f"counted_{name}"] != row[f"rows_{name}"]
        ]
        return found, rows[-1]["id"] if len(rows) == limit else None

    async def recount(self, subject: UUID) -> None:
        one, mine = counters.c.id == subject, allowances.c.account_id == subject
        nothing = {"account_id": accounts.c.id} | {name: literal(0, BigInteger).label(name) for name in KEPT}
        person = select(*nothing.values()).where(accounts.c.id == subject)
        with translated():
            async with self._engine.begin() as connection:
                # Before the counters, as whoever changes a track writes them too.
                await connection.execute(upsert(allowances).from_select(list(nothing), person).on_conflict_do_nothing())
                await connection.execute(select(allowances.c.account_id).where(mine).with_for_update())
                await connection.execute(update(allowances).where(mine).values(kept_of(allowances.c.account_id)))
                await connection.execute(upsert(counters).values(id=subject).on_conflict_do_nothing())
                # Whoever changes an edge writes its counter before committing. So either they wait for this lock and
                # add to what is written here, or this waits for them, and the next statement sees their edge.
                await connection.execute(select(counters.c.id).where(one).with_for_update())
                await connection.execute(update(counters).where(one).values(rows_of(counters)))

    async def stuck(self, *, limit: int) -> list[Stuck]:
        return await self._stuck.all(self._pool, limit=limit)

    async def debts(self, *, overdue: datetime) -> DebtReport:
        report = await self._debts.one(self._pool, overdue=overdue)
        assert report is not None
        return report

    async def track_ids(self, *, after: UUID | None, limit: int) -> list[TrackId]:
        return await self._track_ids.all(self._pool, after=after or FIRST, limit=limit)

    async def track_of(self, upload_id: UploadId) -> TrackId | None:
        return await self._track_of.one(self._pool, upload_id=upload_id)

    async def bearer_of(self, artwork_id: ArtworkId) -> TrackId | None:
        return await self._bearer_of.one(self._pool, artwork_id=artwork_id)
