"""What PostgreSQL holds of people, module by module, and their archives."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, delete, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from soundgraph.adapters.postgres.engine import translated
from soundgraph.adapters.postgres.schema import (
    ID,
    accounts,
    allowances,
    blocks,
    counters,
    email_changes,
    exports,
    external_identities,
    follows,
    history,
    idempotency_keys,
    likes,
    password_resets,
    permalinks,
    playlist_items,
    playlists,
    plays,
    profiles,
    progress,
    revisions,
    secret_links,
    session_families,
    sign_ins,
    tracks,
    uploads,
)
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.privacy import FILES, Exports, Fact, PersonalRows
from soundgraph.domain.ids import AccountId, ExportId, TrackId, UploadId
from soundgraph.domain.playback import FORGOTTEN, listener_of
from soundgraph.domain.privacy import Export, ExportState

BATCH: Final = 500
ACCOUNT, LISTENER = bindparam("account_id", type_=ID), bindparam("heard_by", type_=plays.c.listener.type)
_MY_TRACKS = select(tracks.c.id).where(tracks.c.owner_id == ACCOUNT)
_MY_PLAYLISTS = select(playlists.c.id).where(playlists.c.owner_id == ACCOUNT)
_MY_REVISIONS = select(revisions.c.id).where(revisions.c.track_id.in_(_MY_TRACKS))


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of one table that belong to a person.

    `mine` are removed, each moving the counters in `counted`, by the column that holds whose they are; with
    `overwritten` they stay, without the person. `shown`, or else `mine`, are handed out as `file`.
    """

    table: Table
    mine: ColumnElement[bool]
    file: str | None = None
    shown: ColumnElement[bool] | None = None
    counted: Mapping[str, str] = field(default_factory=dict)
    overwritten: Mapping[str, Any] = field(default_factory=dict)


# In the order of removal. What goes with another row by its foreign key is named all the same where it may be much.
HELD: Final[Mapping[str, tuple[Held, ...]]] = {
    "engagement": (
        Held(
            likes,
            or_(likes.c.account_id == ACCOUNT, likes.c.track_id.in_(_MY_TRACKS)),
            "likes",
            shown=likes.c.account_id == ACCOUNT,
            counted={"account_id": "likes", "track_id": "likes"},
        ),
    ),
    "identity": (
        Held(session_families, session_families.c.account_id == ACCOUNT, "sessions"),
        Held(external_identities, external_identities.c.account_id == ACCOUNT, "identities"),
        Held(sign_ins, sign_ins.c.account_id == ACCOUNT),
        Held(password_resets, password_resets.c.account_id == ACCOUNT),
        Held(email_changes, email_changes.c.account_id == ACCOUNT, "email_changes"),
        Held(idempotency_keys, idempotency_keys.c.account_id == ACCOUNT),
        Held(counters, counters.c.id == ACCOUNT),
        Held(accounts, accounts.c.id == ACCOUNT, "account"),
    ),
    "people": (
        Held(
            follows,
            or_(follows.c.follower == ACCOUNT, follows.c.followee == ACCOUNT),
            "follows",
            counted={"follower": "followings", "followee": "followers"},
        ),
        Held(
            blocks,
            or_(blocks.c.blocker == ACCOUNT, blocks.c.blocked == ACCOUNT),
            "blocks",
            shown=blocks.c.blocker == ACCOUNT,
        ),
        Held(profiles, profiles.c.id == ACCOUNT, "profile"),
    ),
    "plans": (Held(allowances, allowances.c.account_id == ACCOUNT),),
    "playback": (
        Held(history, history.c.account_id == ACCOUNT, "history"),
        Held(
            plays,
            plays.c.listener == LISTENER,
            "plays",
            overwritten={"listener": FORGOTTEN, "context": ""},
        ),
        Held(plays, plays.c.track_id.in_(_MY_TRACKS)),
        Held(history, history.c.track_id.in_(_MY_TRACKS)),
        Held(secret_links, secret_links.c.owner_id == ACCOUNT, "secret_links"),
    ),
    "playlists": (
        Held(playlist_items, playlist_items.c.playlist_id.in_(_MY_PLAYLISTS), "playlist_items"),
        Held(playlists, playlists.c.owner_id == ACCOUNT, "playlists"),
    ),
    "privacy": (Held(exports, exports.c.account_id == ACCOUNT),),
    "tracks": (
        Held(progress, progress.c.revision_id.in_(_MY_REVISIONS)),
        Held(counters, counters.c.id.in_(_MY_TRACKS)),
        Held(revisions, revisions.c.track_id.in_(_MY_TRACKS), "revisions"),
        Held(permalinks, permalinks.c.owner_id == ACCOUNT),
        Held(tracks, tracks.c.owner_id == ACCOUNT, "tracks"),
        Held(uploads, uploads.c.owner_id == ACCOUNT, "uploads"),
    ),
}


class PostgresPersonalRows(PersonalRows):
    """Every call reads or removes a batch at a time, each in a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self, module: str, account_id: AccountId) -> AsyncIterator[Fact]:
        for held in HELD[module]:
            if held.file is None:
                continue
            last: Row[Any] | None = None
            while rows := await self._rows(_page(held, last), account_id):
                for row in rows:
                    yield Fact(held.file, {name: row._mapping[name] for name in FILES[held.file]})
                last = rows[-1]

    async def remove(self, module: str, account_id: AccountId) -> dict[str, int]:
        removed: dict[str, int] = {}
        for held in HELD[module]:
            name = held.table.name
            removed.setdefault(name, 0)
            while rows := await self._remove(held, account_id):
                removed[name] += rows
        return removed

    async def tracks(self, account_id: AccountId, *, after: TrackId | None, limit: int) -> list[TrackId]:
        mine = _MY_TRACKS if after is None else _MY_TRACKS.where(tracks.c.id > after)
        rows = await self._rows(mine.order_by(tracks.c.id).limit(limit), account_id)
        return [TrackId(row.id) for row in rows]

    async def uploads(self, account_id: AccountId, *, after: UploadId | None, limit: int) -> list[UploadId]:
        mine = select(uploads.c.id).where(uploads.c.owner_id == ACCOUNT)
        rest = mine if after is None else mine.where(uploads.c.id > after)
        return [UploadId(row.id) for row in await self._rows(rest.order_by(uploads.c.id).limit(limit), account_id)]

    async def _rows(self, statement: Select[Any], account_id: AccountId) -> Sequence[Row[Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return await Session(connection).rows(statement, _whose(account_id))

    async def _remove(self, held: Held, account_id: AccountId) -> int:
        key = list(held.table.primary_key)
        chosen = tuple_(*key).in_(select(*key).where(held.mine).limit(BATCH))
        with translated():
            async with self._engine.begin() as connection:
                session = Session(connection)
                if held.overwritten:
                    change = update(held.table).where(chosen).values(held.overwritten)
                    return await session.execute(change, _whose(account_id))
                columns = [held.table.c[name] for name in held.counted] or key
                rows = await session.rows(delete(held.table).where(chosen).returning(*columns), _whose(account_id))
                for row in rows:
                    for column, counter in held.counted.items():
                        session.count(row._mapping[column], counter, -1)
                await session.flush_counters()
                return len(rows)


def _whose(account_id: AccountId) -> dict[str, object]:
    return {"account_id": account_id, "heard_by": listener_of(account_id, "")}


def _page(held: Held, last: Row[Any] | None) -> Select[Any]:
    """The next rows of a file, in the order of their keys."""
    key = list(held.table.primary_key)
    statement = select(held.table).where(held.mine if held.shown is None else held.shown)
    if last is not None:
        place = [literal(last._mapping[one.name], one.type) for one in key]
        statement = statement.where(tuple_(*key) > tuple_(*place))
    return statement.order_by(*key).limit(BATCH)


class PostgresExports(Exports):
    """Archives in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, export_id: ExportId) -> Export | None:
        row = await self._session.row(select(exports).where(exports.c.id == export_id).with_for_update())
        return None if row is None else export_of(row)

    async def of(self, account_id: AccountId) -> Export | None:
        row = await self._session.row(select(exports).where(exports.c.account_id == account_id).with_for_update())
        return None if row is None else export_of(row)

    async def put(self, export: Export) -> None:
        row = asdict(export)
        statement = upsert(exports).values(row)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))

    async def remove(self, export_id: ExportId) -> None:
        await self._session.execute(delete(exports).where(exports.c.id == export_id))

    async def expired(self, *, now: datetime, limit: int) -> list[Export]:
        over = select(exports).where(exports.c.expires_at <= now).order_by(exports.c.expires_at).limit(limit)
        return [export_of(row) for row in await self._session.rows(over)]


def export_of(row: Row[Any]) -> Export:
    """The archive in a row."""
    return Export(**dict(row._mapping) | {"state": ExportState(row.state)})
