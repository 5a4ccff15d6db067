"""How many debts of each queue one process pays at once."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

from soundgraph.application.deliveries import Dispatcher
from soundgraph.domain.ids import EventId

# Of media, half as many as there are cores are on their way to being playable; the others wait for that, or only have
# less urgent work left. Everything else waits for something.
WIDTHS: Final[Mapping[str, int]] = {
    "media": 2 * (os.cpu_count() or 1),
    "fanout": 2,
    "mail": 2,
    "bulk": 1,
    "default": 2,
}
THREADS: Final = sum(WIDTHS.values()) + 2


class Lanes:
    """One lane per queue. A hint that finds its lane full is dropped, so that long work cannot starve the rest."""

    def __init__(self, dispatcher: Dispatcher, freed: Callable[[], None]) -> None:
        self._dispatcher, self._freed = dispatcher, freed
        self._lanes = {queue: asyncio.Semaphore(width) for queue, width in WIDTHS.items()}
        self._paying: set[asyncio.Task[bool]] = set()

    async def pay(self, event_id: EventId, subscriber: str, queue: str) -> bool:
        """Try to pay one debt, unless the lane is full. Returns whether there was something to pay."""
        lane = self._lanes[queue]
        if lane.locked():
            return False
        async with lane:
            task = asyncio.create_task(self._dispatcher.deliver(event_id, subscriber))
            self._paying.add(task)
            try:
                return await task
            finally:
                self._paying.discard(task)
                self._freed()

    async def drain(self, seconds: float) -> None:
        """Let what is running finish, then interrupt it: an interrupted debt is owed again at once."""
        if not self._paying:
            return
        _, late = await asyncio.wait(set(self._paying), timeout=seconds)
        for task in late:
            task.cancel("the worker is stopping")
        await asyncio.gather(*late, return_exceptions=True)
