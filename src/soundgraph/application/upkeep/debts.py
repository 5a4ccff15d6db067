"""What is owed is paid in time, and whatever waits is owed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from soundgraph.application.ports import Clock
from soundgraph.application.tracks import TracksWork
from soundgraph.application.upkeep.ports import DebtReport, Invariants, Stuck
from soundgraph.domain.tracks import RevisionReceived

OVERDUE: Final = timedelta(minutes=5)
BATCH = 100


class CheckDebts:
    """How late the workers are, and how many dead letters there are. An operator."""

    def __init__(self, invariants: Invariants, clock: Clock) -> None:
        self._invariants, self._clock = invariants, clock

    async def __call__(self, *, grace: timedelta = OVERDUE) -> DebtReport:
        return await self._invariants.debts(overdue=self._clock.now() - grace)


class OweAgain:
    """Find revisions that wait for processing that nobody owes, and owe it again if asked to. An operator."""

    def __init__(self, work: Callable[[], TracksWork], invariants: Invariants) -> None:
        self._work, self._invariants = work, invariants

    async def __call__(self, *, repair: bool) -> list[Stuck]:
        if not repair:
            return await self._invariants.stuck(limit=BATCH)
        async with self._work() as work:
            # Two who do this at once would owe everything twice.
            await work.serialise("upkeep:stuck")
            stuck = await self._invariants.stuck(limit=BATCH)
            work.record(*(RevisionReceived(track_id=one.track_id, revision_id=one.revision_id) for one in stuck))
            await work.commit()
        return stuck
