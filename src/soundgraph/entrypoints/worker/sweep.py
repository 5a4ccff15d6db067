"""Finds what is due and hints at it. Every worker sweeps; doubled hints harm nobody."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from soundgraph.application.deliveries import Deliveries, Hint, Subscriptions
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.events import PeriodicDue
from soundgraph.domain.ids import EventId

SWEEP_SECONDS: Final = 5.0
SOON_SECONDS: Final = 1.0
BATCH: Final = 200
CHORES: Final = uuid.UUID("018f0000-0000-7000-8000-000000000000")

log = structlog.get_logger(__name__)


class Sweep:
    """Runs every few seconds, every second while something falls due before the next time, and at once when woken."""

    def __init__(
        self,
        deliveries: Deliveries,
        subscriptions: Subscriptions,
        clock: Clock,
        queues: Sequence[str],
        send: Callable[[Hint], Awaitable[None]],
    ) -> None:
        self._deliveries, self._subscriptions, self._clock = deliveries, subscriptions, clock
        self._queues, self._send = queues, send
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Sweep soon. Call it from the event loop's thread."""
        self._woken.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            self._woken.clear()
            pause = SWEEP_SECONDS
            try:
                await self._arm_chores()
                pause = await self._once()
            except Unavailable as away:
                log.warning("sweep_postponed", code=away.code)
            except Exception:
                # Whatever it was, a worker that no longer looks would be worse.
                log.exception("sweep_failed")
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _arm_chores(self) -> None:
        for chore in self._subscriptions.chores():
            event_id = EventId(uuid.uuid5(CHORES, chore.name))
            await self._deliveries.arm(PeriodicDue(chore=chore.name), event_id, chore, now=self._clock.now())

    async def _once(self) -> float:
        """Hint at what is due. Returns in how many seconds to look again."""
        now, names = self._clock.now(), self._subscriptions.names(self._queues)
        await self._deliveries.bury_exhausted(now=now)
        due = await self._deliveries.due(names, now=now, limit=BATCH)
        soon = await self._deliveries.due(names, now=now + timedelta(seconds=SWEEP_SECONDS), limit=len(due) + 1)
        for hint in due:
            await self._send(hint)
        return SOON_SECONDS if len(soon) > len(due) else SWEEP_SECONDS
