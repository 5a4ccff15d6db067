"""Debts and dead letters in PostgreSQL, and the wake-ups that say that there are new ones."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Update, cast, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from soundgraph.adapters.postgres.engine import translated
from soundgraph.adapters.postgres.schema import MOMENT, deliveries, events
from soundgraph.adapters.postgres.transaction import Transaction, fenced, new_debt
from soundgraph.application.deliveries import (
    Claimed,
    DeadLetter,
    DeadLetters,
    Deliveries,
    EventLog,
    Hint,
    Hints,
    Subscription,
    Subscriptions,
)
from soundgraph.application.ports import Clock, Debt, Ids
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.events import DeliveryExhausted, Event, PeriodicDue
from soundgraph.domain.ids import EventId

CHANNEL = "soundgraph_debts"
DEBOUNCE_SECONDS = 0.02
NEVER = cast(literal("infinity"), MOMENT)


class NoHints(Hints):
    """Sends nothing: the sweep finds everything in the end."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Nothing to do."""


class NotifyHints(Hints):
    """Wakes every listening worker once for all the debts of the last moment. What is owed is not said: they sweep."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waking: asyncio.Task[None] | None = None

    def send(self, hints: Sequence[Hint]) -> None:
        if hints and (self._waking is None or self._waking.done()):
            self._waking = asyncio.create_task(self._wake())

    async def _wake(self) -> None:
        await asyncio.sleep(DEBOUNCE_SECONDS)
        try:
            with translated():
                async with self._engine.begin() as connection:
                    await connection.execute(select(func.pg_notify(CHANNEL, "")))
        except Unavailable:
            # A hint may be lost; the sweep needs none.
            return


class PostgresDeliveries(Deliveries, DeadLetters, EventLog):
    """The table of debts. Each call is one transaction of its own."""

    def __init__(self, engine: AsyncEngine, subscriptions: Subscriptions, ids: Ids, clock: Clock, hints: Hints) -> None:
        self._engine, self._subscriptions, self._hints = engine, subscriptions, hints
        self._ids, self._clock = ids, clock

    async def due(self, subscribers: Sequence[str], *, now: datetime, limit: int) -> list[Hint]:
        statement = (
            select(deliveries.c.event_id, deliveries.c.subscriber)
            .join(events, events.c.id == deliveries.c.event_id)
            .where(
                deliveries.c.subscriber.in_(subscribers),
                events.c.name.in_(self._subscriptions.event_names()),
                deliveries.c.due <= now,
                deliveries.c.attempts < deliveries.c.budget,
            )
            .order_by(deliveries.c.due, deliveries.c.event_id)
            .limit(limit)
        )
        rows = await self._rows(statement)
        return [Hint(row.event_id, row.subscriber, self._subscriptions.named(row.subscriber).queue) for row in rows]

    async def claim(self, event_id: EventId, subscriber: str, *, now: datetime, lease: timedelta) -> Claimed | None:
        rows = await self._rows(
            update(deliveries)
            .where(
                deliveries.c.event_id == event_id,
                deliveries.c.subscriber == subscriber,
                deliveries.c.due <= now,
                deliveries.c.attempts < deliveries.c.budget,
                events.c.id == deliveries.c.event_id,
                events.c.name.in_(self._subscriptions.event_names()),
            )
            .values(attempts=deliveries.c.attempts + 1, due=now + lease)
            .returning(deliveries.c.attempts, deliveries.c.budget, events.c.name, events.c.body)
        )
        if not rows:
            return None
        debt = Debt(event_id, subscriber, rows[0].attempts, rows[0].budget)
        return Claimed(debt, self._subscriptions.decode(rows[0].name, rows[0].body))

    async def put_off(self, debt: Debt, *, until: datetime, error: str | None = None, forgive: bool = False) -> bool:
        changes: dict[str, Any] = {"due": until, "budget": deliveries.c.budget + int(forgive)}
        if error is not None:
            changes["error"] = error
        return await self._change(update(deliveries).where(*fenced(debt)).values(changes))

    async def pay(self, debt: Debt) -> None:
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(delete(deliveries).where(*fenced(debt)))

    async def rearm(self, debt: Debt, *, until: datetime) -> None:
        budget = debt.attempts + self._subscriptions.named(debt.subscriber).budget
        await self._change(update(deliveries).where(*fenced(debt)).values(due=until, budget=budget))

    async def arm(self, event: PeriodicDue, event_id: EventId, subscription: Subscription, *, now: datetime) -> None:
        stored = {"id": event_id, "name": event.name, "key": event.key, "body": event, "at": now}
        debt = new_debt(event_id, subscription.name, subscription.budget) | {"due": now}
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(upsert(events).values(stored).on_conflict_do_nothing())
                await connection.execute(upsert(deliveries).values(debt).on_conflict_do_nothing())

    async def bury_exhausted(self, *, now: datetime) -> int:
        async with Transaction(self._engine, self._subscriptions, self._hints, self._ids, self._clock) as work:
            buried = await work.session.rows(
                update(deliveries)
                .where(
                    deliveries.c.due <= now,
                    deliveries.c.attempts >= deliveries.c.budget,
                    events.c.id == deliveries.c.event_id,
                )
                .values(due=NEVER)
                .returning(deliveries, events.c.name, events.c.key)
            )
            work.record(*(exhausted(row) for row in buried))
            await work.commit()
        return len(buried)

    async def list(self, *, limit: int) -> list[DeadLetter]:
        rows = await self._rows(
            select(deliveries, events.c.name, events.c.key, events.c.at)
            .join(events, events.c.id == deliveries.c.event_id)
            .where(deliveries.c.due == NEVER)
            .order_by(events.c.at.desc(), events.c.id.desc())
            .limit(limit)
        )
        return [
            DeadLetter(row.event_id, row.subscriber, row.name, row.key, row.attempts, row.error, row.at) for row in rows
        ]

    async def replay(self, event_id: EventId, subscriber: str, *, now: datetime) -> bool:
        if subscriber not in self._subscriptions.names():
            return False
        budget = self._subscriptions.named(subscriber).budget
        dead = (deliveries.c.event_id == event_id, deliveries.c.subscriber == subscriber, deliveries.c.due == NEVER)
        again = update(deliveries).where(*dead).values(due=now, budget=deliveries.c.attempts + budget)
        return await self._change(again)

    async def get(self, event_id: EventId) -> Event | None:
        found = select(events.c.name, events.c.body).where(
            events.c.id == event_id, events.c.name.in_(self._subscriptions.event_names())
        )
        rows = await self._rows(found)
        return self._subscriptions.decode(rows[0].name, rows[0].body) if rows else None

    async def trim(self, *, before: datetime) -> int:
        owed = exists().where(deliveries.c.event_id == events.c.id)
        with translated():
            async with self._engine.begin() as connection:
                return (await connection.execute(delete(events).where(events.c.at < before, ~owed))).rowcount

    async def _rows(self, statement: Any) -> Sequence[Row[Any]]:
        with translated():
            async with self._engine.begin() as connection:
                return (await connection.execute(statement)).all()

    async def _change(self, statement: Update) -> bool:
        with translated():
            async with self._engine.begin() as connection:
                return (await connection.execute(statement)).rowcount == 1


def exhausted(row: Row[Any]) -> DeliveryExhausted:
    """What to tell the world of a debt that was just buried."""
    return DeliveryExhausted(
        event_id=row.event_id,
        event_name=row.name,
        event_key=row.key,
        subscriber=row.subscriber,
        error=row.error,
    )
