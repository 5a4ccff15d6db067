"""Counters equal the rows they count."""

import logging

from soundgraph.application.ports import Clock, Debt
from soundgraph.application.upkeep.debts import OVERDUE
from soundgraph.application.upkeep.ports import Drift, Invariants

BATCH = 500
STUCK_SHOWN = 100

log = logging.getLogger(__name__)


class CheckCounters:
    """Compare every counter with its rows, and mend what differs if asked to. An operator, or the chore."""

    def __init__(self, invariants: Invariants) -> None:
        self._invariants = invariants

    async def __call__(self, *, repair: bool) -> list[Drift]:
        found: list[Drift] = []
        drifted, after = await self._invariants.drift(after=None, limit=BATCH)
        while True:
            found += drifted
            for subject in sorted({one.subject for one in drifted}) if repair else ():
                await self._invariants.recount(subject)
            if after is None:
                return found
            drifted, after = await self._invariants.drift(after=after, limit=BATCH)


class WatchInvariants:
    """Chore: mend counters that drifted, and say in the log what else does not hold."""

    def __init__(self, invariants: Invariants, clock: Clock) -> None:
        self._invariants, self._clock = invariants, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        for one in await CheckCounters(self._invariants)(repair=True):
            log.warning(
                "counter_drift mended: %s of %s was %d, rows %d", one.counter, one.subject, one.counted, one.rows
            )
        for stuck in await self._invariants.stuck(limit=STUCK_SHOWN):
            log.error("stuck revision %s of track %s: run soundgraph doctor", stuck.revision_id, stuck.track_id)
        debts = await self._invariants.debts(overdue=self._clock.now() - OVERDUE)
        if debts.overdue or debts.dead:
            log.warning("%d debts are overdue, %d are dead letters", debts.overdue, debts.dead)
