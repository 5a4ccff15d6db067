"""The half of a unit of work that is the same for every module: begin, record, count, serialise, pay, commit."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Executable, Row, Table, Update, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from soundgraph.adapters.postgres.engine import translated
from soundgraph.adapters.postgres.schema import counters, deliveries, events
from soundgraph.adapters.postgres.visibility import ADMITTED, PostgresGate
from soundgraph.application.deliveries import Hint, Hints, Subscriptions
from soundgraph.application.ports import Clock, Debt, Ids, LeaseLost
from soundgraph.domain.errors import Conflict
from soundgraph.domain.events import Event
from soundgraph.domain.ids import EventId, Kind, Ref


class Session:
    """One open transaction, and the counters that it will move at its end."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._counts: defaultdict[UUID, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    async def rows(self, statement: Executable, parameters: Any = None) -> Sequence[Row[Any]]:
        """All rows of a statement. Raises the domain's errors."""
        with translated():
            return (await self._connection.execute(statement, parameters)).all()

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of a statement."""
        rows = await self.rows(statement)
        return rows[0] if rows else None

    async def execute(self, statement: Executable, parameters: Any = None) -> int:
        """Run a statement; how many rows it touched. Raises the domain's errors."""
        with translated():
            return (await self._connection.execute(statement, parameters)).rowcount

    async def add(self, table: Table, row: Mapping[str, object]) -> None:
        """Insert one row."""
        await self.execute(insert(table).values(row))

    async def add_edge(self, table: Table, row: Mapping[str, object]) -> bool:
        """Insert an edge unless it is there. Whether it is new."""
        return await self.execute(upsert(table).values(row).on_conflict_do_nothing()) == 1

    async def save(self, statement: Update) -> None:
        """Run an UPDATE that names the version it expects. Raises Conflict(version_conflict) if it finds no row."""
        if await self.execute(statement) != 1:
            raise Conflict("version_conflict", "Someone else changed this meanwhile. Read it again.")

    def count(self, subject: UUID, name: str, delta: int) -> None:
        """Move a counter when the transaction ends."""
        if delta:
            self._counts[subject][name] += delta

    async def flush_counters(self) -> None:
        """Write what was counted, in the order of ids: two transactions that meet here cannot deadlock."""
        for subject in sorted(self._counts):
            moved = self._counts[subject]
            statement = upsert(counters).values(id=subject, **moved)
            changes = {name: counters.c[name] + statement.excluded[name] for name in moved}
            await self.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes))
        self._counts.clear()


class Transaction:
    """Opens a connection for the length of the block; without `commit()` it rolls back."""

    session: Session

    def __init__(self, engine: AsyncEngine, subscriptions: Subscriptions, hints: Hints, ids: Ids, clock: Clock) -> None:
        self._engine, self._subscriptions, self._hints = engine, subscriptions, hints
        self._ids, self._clock = ids, clock
        self._recorded: list[Event] = []
        self._sent: list[Hint] = []
        self.gate = PostgresGate(self._admitted)

    async def __aenter__(self) -> Self:
        self._connection = self._engine.connect()
        with translated():
            await self._connection.start()
        self.session = Session(self._connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with translated():
            await self._connection.close()
        if self._sent:
            self._hints.send(self._sent)
            self._sent = []

    def record(self, *happened: Event) -> None:
        self._recorded += happened

    async def serialise(self, key: str) -> None:
        await self.session.rows(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))

    async def hold(self, debt: Debt) -> None:
        held = select(deliveries.c.attempts).where(*fenced(debt)).with_for_update(key_share=True)
        if not await self.session.rows(held):
            raise LeaseLost

    async def pay(self, debt: Debt) -> None:
        if await self.session.execute(delete(deliveries).where(*fenced(debt))) != 1:
            raise LeaseLost

    async def commit(self) -> None:
        owed = await self._write_events()
        await self.session.flush_counters()
        with translated():
            await self._connection.commit()
        self._sent += owed

    async def _write_events(self) -> list[Hint]:
        happened, self._recorded = self._recorded, []
        if not happened:
            return []
        now, stored, debts, hints = self._clock.now(), [], [], []
        for event in happened:
            event_id = EventId(self._ids.new())
            stored.append({"id": event_id, "name": event.name, "key": event.key, "body": event, "at": now})
            for one in self._subscriptions.owed_for(event):
                debts.append(new_debt(event_id, one.name, one.budget) | {"due": event.not_before or now})
                if event.not_before is None:
                    hints.append(Hint(event_id, one.name, one.queue))
        await self.session.execute(insert(events), stored)
        if debts:
            await self.session.execute(insert(deliveries), debts)
        return hints

    async def _admitted(self, parameters: dict[str, object]) -> list[Ref]:
        return [Ref(Kind(row.kind), row.id) for row in await self.session.rows(ADMITTED, parameters)]


def fenced(debt: Debt) -> tuple[Any, ...]:
    """The delivery that a debt is about, as long as nobody else has claimed it since."""
    return (
        deliveries.c.event_id == debt.event_id,
        deliveries.c.subscriber == debt.subscriber,
        deliveries.c.attempts == debt.attempts,
    )


def new_debt(event_id: EventId, subscriber: str, budget: int) -> dict[str, object]:
    """A fresh delivery row, but for when it is due."""
    return {"event_id": event_id, "subscriber": subscriber, "attempts": 0, "budget": budget, "error": ""}
