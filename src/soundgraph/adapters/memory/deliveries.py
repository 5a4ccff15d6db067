"""Debts and dead letters in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from soundgraph.adapters.memory.database import DebtRow, EventRow, MemoryDatabase, Transaction
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
from soundgraph.domain.events import DeliveryExhausted, Event, PeriodicDue
from soundgraph.domain.ids import EventId


class NoHints(Hints):
    """Drops every hint: whoever pays debts in memory looks for them."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Nothing to do."""


class MemoryDeliveries(Deliveries, DeadLetters, EventLog):
    """The table of debts. Each call is one transaction of its own."""

    def __init__(self, database: MemoryDatabase, subscriptions: Subscriptions, ids: Ids, clock: Clock) -> None:
        self._database, self._subscriptions, self._ids, self._clock = database, subscriptions, ids, clock

    def _known(self, event_id: EventId, subscriber: str) -> bool:
        """Whether this version can pay it. A newer one may have left what this one must leave alone."""
        event = self._database.tables.events.get(event_id)
        names = self._subscriptions
        return event is not None and event.name in names.event_names() and subscriber in names.names()

    async def due(self, subscribers: Sequence[str], *, now: datetime, limit: int) -> list[Hint]:
        due = [
            (row.due, event_id, name)
            for (event_id, name), row in self._database.tables.deliveries.items()
            if name in subscribers and row.due is not None and row.due <= now and row.attempts < row.budget
            if self._known(event_id, name)
        ]
        return [
            Hint(event_id, name, self._subscriptions.named(name).queue) for _, event_id, name in sorted(due)[:limit]
        ]

    async def claim(self, event_id: EventId, subscriber: str, *, now: datetime, lease: timedelta) -> Claimed | None:
        async with self._transaction() as work:
            row = work.tables.deliveries.get((event_id, subscriber))
            if row is None or row.due is None or row.due > now or row.attempts >= row.budget:
                return None
            if not self._known(event_id, subscriber):
                return None
            claimed = DebtRow(now + lease, row.budget, row.attempts + 1, row.error)
            work.tables.deliveries[event_id, subscriber] = claimed
            event = work.tables.events[event_id]
            await work.commit()
        debt = Debt(event_id, subscriber, claimed.attempts, claimed.budget)
        return Claimed(debt, self._subscriptions.decode(event.name, event.body))

    async def put_off(self, debt: Debt, *, until: datetime, error: str | None = None, forgive: bool = False) -> bool:
        async with self._transaction() as work:
            row = work.tables.deliveries.get((debt.event_id, debt.subscriber))
            if row is None or row.attempts != debt.attempts:
                return False
            said = row.error if error is None else error
            work.tables.deliveries[debt.event_id, debt.subscriber] = DebtRow(
                until, row.budget + int(forgive), row.attempts, said
            )
            await work.commit()
        return True

    async def pay(self, debt: Debt) -> None:
        async with self._transaction() as work:
            row = work.tables.deliveries.get((debt.event_id, debt.subscriber))
            if row is not None and row.attempts == debt.attempts:
                del work.tables.deliveries[debt.event_id, debt.subscriber]
                await work.commit()

    async def rearm(self, debt: Debt, *, until: datetime) -> None:
        async with self._transaction() as work:
            row = work.tables.deliveries.get((debt.event_id, debt.subscriber))
            if row is not None and row.attempts == debt.attempts:
                budget = row.attempts + self._subscriptions.named(debt.subscriber).budget
                work.tables.deliveries[debt.event_id, debt.subscriber] = DebtRow(until, budget, row.attempts)
                await work.commit()

    async def arm(self, event: PeriodicDue, event_id: EventId, subscription: Subscription, *, now: datetime) -> None:
        async with self._transaction() as work:
            body = self._subscriptions.encode(event)
            work.tables.events.setdefault(event_id, EventRow(event.name, event.key, body, now))
            work.tables.deliveries.setdefault((event_id, subscription.name), DebtRow(now, subscription.budget))
            await work.commit()

    async def bury_exhausted(self, *, now: datetime) -> int:
        async with self._transaction() as work:
            spent = [
                (place, row)
                for place, row in work.tables.deliveries.items()
                if row.due is not None and row.due <= now and row.attempts >= row.budget
            ]
            for (event_id, name), row in spent:
                work.tables.deliveries[event_id, name] = DebtRow(None, row.budget, row.attempts, row.error)
                event = work.tables.events[event_id]
                work.record(
                    DeliveryExhausted(
                        event_id=event_id,
                        event_name=event.name,
                        event_key=event.key,
                        subscriber=name,
                        error=row.error,
                    )
                )
            await work.commit()
        return len(spent)

    async def list(self, *, limit: int) -> list[DeadLetter]:
        tables = self._database.tables
        dead = [(place, row) for place, row in tables.deliveries.items() if row.due is None]
        letters = [
            DeadLetter(event_id, name, event.name, event.key, row.attempts, row.error, event.at)
            for (event_id, name), row in dead
            for event in [tables.events[event_id]]
        ]
        return sorted(letters, key=lambda letter: letter.at, reverse=True)[:limit]

    async def replay(self, event_id: EventId, subscriber: str, *, now: datetime) -> bool:
        async with self._transaction() as work:
            row = work.tables.deliveries.get((event_id, subscriber))
            if row is None or row.due is not None or not self._known(event_id, subscriber):
                return False
            budget = row.attempts + self._subscriptions.named(subscriber).budget
            work.tables.deliveries[event_id, subscriber] = DebtRow(now, budget, row.attempts)
            await work.commit()
        return True

    async def get(self, event_id: EventId) -> Event | None:
        event = self._database.tables.events.get(event_id)
        if event is None or event.name not in self._subscriptions.event_names():
            return None
        return self._subscriptions.decode(event.name, event.body)

    async def trim(self, *, before: datetime) -> int:
        async with self._transaction() as work:
            owed = {event_id for event_id, _ in work.tables.deliveries}
            old = [key for key, event in work.tables.events.items() if event.at < before and key not in owed]
            for event_id in old:
                del work.tables.events[event_id]
            await work.commit()
        return len(old)

    def _transaction(self) -> Transaction:
        return Transaction(self._database, self._subscriptions, NoHints(), self._ids, self._clock)
