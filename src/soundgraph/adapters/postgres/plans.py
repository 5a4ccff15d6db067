"""Allowances in PostgreSQL: one row an account, moved with whatever changes what a track takes of it."""

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, case, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.read import Row as ReadRow
from soundgraph.adapters.postgres.schema import ID, accounts, allowances, revisions, tracks
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.plans import Subscribers, UsageReader
from soundgraph.application.tracks import Allowances
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import AccountId
from soundgraph.domain.plans import Allowance, Usage
from soundgraph.domain.visibility import Standing


def _taken() -> tuple[ColumnElement[int], ColumnElement[int]]:
    """What a row of `tracks` takes, used and reserved: `Track.takes` in SQL."""
    live, own = revisions.alias("playing"), revisions.alias("own")
    playing = select(cast(live.c.analysis["duration_ms"].astext, BigInteger)).where(live.c.id == tracks.c.live_id)
    longest = select(func.max(own.c.reserved_ms)).where(own.c.track_id == tracks.c.id)
    used = func.coalesce(playing.scalar_subquery(), 0)
    more = func.greatest(longest.scalar_subquery() - used, 0)
    removed = tracks.c.standing == Standing.REMOVED.value
    return case((removed, 0), else_=used), case((removed, 0), else_=more)


USED_MS, RESERVED_MS = _taken()


async def take(session: Session, account_id: AccountId, more: Usage) -> None:
    """Move what an account keeps, as the last write of a change to one of its tracks."""
    if more != Usage():
        added = upsert(allowances).values(account_id=account_id, used_ms=more.used_ms, reserved_ms=more.reserved_ms)
        moved = {name: allowances.c[name] + added.excluded[name] for name in ("used_ms", "reserved_ms")}
        await session.execute(added.on_conflict_do_update(index_elements=["account_id"], set_=moved))


def _kept(account_id: Any) -> Select[Any]:
    kept = [func.coalesce(allowances.c[name], 0).label(name) for name in ("used_ms", "reserved_ms")]
    of = allowances.c.account_id == accounts.c.id
    return select(accounts.c.plan, *kept).outerjoin_from(accounts, allowances, of).where(accounts.c.id == account_id)


class PostgresAllowances(Allowances):
    """Allowances in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, account_id: AccountId) -> Allowance:
        # A row to wait for: the next statement sees what whoever held it before has committed.
        nothing = upsert(allowances).values(account_id=account_id, used_ms=0, reserved_ms=0)
        await self._session.execute(nothing.on_conflict_do_nothing())
        await self._session.row(select(allowances).where(allowances.c.account_id == account_id).with_for_update())
        row = await self._session.row(_kept(account_id))
        if row is None:
            raise NotFound
        return Allowance.of(row.plan, Usage(row.used_ms, row.reserved_ms))


class PostgresSubscribers(Subscribers):
    """The plans of accounts, in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put_on(self, plan: str, login: str) -> bool:
        who = or_(accounts.c.email == login, accounts.c.handle == login)
        changed = update(accounts).where(who).values(plan=plan, version=accounts.c.version + 1)
        return await self._session.execute(changed) == 1


def _allowance(row: ReadRow) -> Allowance:
    return Allowance.of(row["plan"], Usage(row["used_ms"], row["reserved_ms"]))


_ALLOWANCE: Final = Query("plans.allowance", _kept(bindparam("account_id", type_=ID)), _allowance)


class PostgresUsageReader(UsageReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    async def allowance(self, account_id: AccountId) -> Allowance | None:
        return await _ALLOWANCE.one(self._pool, account_id=account_id)
