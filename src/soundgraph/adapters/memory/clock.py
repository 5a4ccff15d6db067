"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

from soundgraph.application.ports import Clock

EPOCH = datetime(2026, 1, 1, 12, tzinfo=UTC)


class ManualClock(Clock):
    """Starts at noon of 1 January 2026 unless told otherwise."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
