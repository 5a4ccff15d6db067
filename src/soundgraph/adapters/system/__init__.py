"""The clock on the wall and identifiers from it. Standard library only."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID

from soundgraph.application.ports import Clock, Ids
from soundgraph.domain.ids import uuid7


class SystemClock(Clock):
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TimeOrderedIds(Ids):
    """UUIDv7 from the machine's clock and entropy, strictly increasing within one process."""

    def __init__(self) -> None:
        self._last = UUID(int=0)

    def new(self) -> UUID:
        fresh = uuid7(time.time_ns() // 1_000_000, os.urandom(10))
        self._last = fresh if fresh > self._last else UUID(int=self._last.int + 1)
        return self._last
