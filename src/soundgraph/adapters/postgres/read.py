"""The read side: SQL stated once with SQLAlchemy Core, compiled to text once, run as a prepared statement."""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.selectable import CompoundSelect

from soundgraph.adapters.postgres.engine import ReadPool

V = TypeVar("V")
W = TypeVar("W")
Row = asyncpg.Record


class Query(Generic[V]):
    """A named read: its statement, and how a row of it becomes a view."""

    def __init__(self, name: str, select: Select[Any] | CompoundSelect[Any], view: Callable[[Row], V]) -> None:
        self.name, self.view, self._select = name, view, select

    @cached_property
    def _compiled(self) -> tuple[str, list[tuple[str, object]]]:
        compiled = self._select.compile(dialect=dialect(), compile_kwargs={"render_postcompile": True})  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
        defaults = compiled.params
        return f"/* {self.name} */ {compiled}", [(name, defaults[name]) for name in compiled.positiontup or ()]

    def showing(self, view: Callable[[Row], W]) -> "Query[W]":
        """The same statement, compiled once for both, with other views made of its rows."""
        assert self._compiled
        other: Query[Any] = copy.copy(self)
        other.view = view
        return other

    async def rows(self, pool: ReadPool, **parameters: object) -> list[Row]:
        """The rows as they come."""
        sql, slots = self._compiled
        return await pool.fetch(sql, [parameters.get(name, default) for name, default in slots])

    async def all(self, pool: ReadPool, **parameters: object) -> list[V]:
        """Every row as a view."""
        return [self.view(row) for row in await self.rows(pool, **parameters)]

    async def one(self, pool: ReadPool, **parameters: object) -> V | None:
        """The first row as a view, or None where there is none."""
        rows = await self.rows(pool, **parameters)
        return self.view(rows[0]) if rows else None
