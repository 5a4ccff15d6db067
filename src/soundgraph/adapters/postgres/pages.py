"""Keyset pages in descending (time, id)."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, bindparam, or_, tuple_

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.schema import ID, MOMENT
from soundgraph.application.views import Page, Position

V = TypeVar("V")

_AT = bindparam("after_at", None, type_=MOMENT)
_ID = bindparam("after_id", None, type_=ID)


def paged(statement: Select[Any], at: ColumnElement[datetime], key: ColumnElement[UUID]) -> Select[Any]:
    """One page of a statement, newest first. It must select the time as `at` and the key as `id`."""
    below = or_(_AT.is_(None), tuple_(at, key) < tuple_(_AT, _ID))
    return statement.where(below).order_by(at.desc(), key.desc()).limit(bindparam("take", type_=Integer))


def paging(after: Position | None, limit: int) -> dict[str, object]:
    """The parameters of a page: one row more than shown, which tells whether another page follows."""
    at, key = (None, None) if after is None else (datetime.fromisoformat(str(after[0])), UUID(str(after[1])))
    return {"after_at": at, "after_id": key, "take": limit + 1}


async def page_of(query: Query[V], pool: ReadPool, limit: int, **parameters: object) -> Page[V]:
    """Run a paged query."""
    rows = await query.rows(pool, **parameters)
    shown = [query.view(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(shown)
    last = rows[limit - 1]
    return Page(shown, (last["at"].isoformat(), str(last["id"])))
