"""Limits within one process."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from soundgraph.application.limits import MICROSECOND, NOTHING, Charge, Count, Limiter, Verdict, after, judged
from soundgraph.application.ports import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Fewer entries than this are not worth a look at each.
FEW = 1_024


class MemoryLimiter(Limiter):
    """Counts in a dictionary. What has come back in full is forgotten, so it holds who was here just now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Each with the moment from which it may be forgotten.
        self._stored: dict[tuple[str, str], tuple[int, Count]] = {}
        self._sweep_at = FEW

    def __len__(self) -> int:
        return len(self._stored)

    async def take(self, charges: Sequence[Charge]) -> list[Verdict]:
        now = self._now()
        stored = [self._count(one) for one in charges]
        verdicts = judged(charges, stored, now)
        if all(one.allowed for one in verdicts):
            for charge, was in zip(charges, stored, strict=True):
                self._keep(charge, after(charge.rule, was, now, charge.cost))
        self._sweep(now)
        return verdicts

    async def give_back(self, charge: Charge) -> None:
        self._keep(charge, after(charge.rule, self._count(charge), self._now(), -charge.cost))

    def _count(self, charge: Charge) -> Count:
        _, count = self._stored.get((charge.rule.name, charge.subject), (0, NOTHING))
        return count

    def _keep(self, charge: Charge, count: Count) -> None:
        key = charge.rule.name, charge.subject
        if count == NOTHING:
            self._stored.pop(key, None)
        else:
            self._stored[key] = count.back_at(charge.rule), count

    def _sweep(self, now: int) -> None:
        # Each sweep is paid for by as many entries as it leaves.
        if len(self._stored) >= self._sweep_at:
            self._stored = {key: kept for key, kept in self._stored.items() if kept[0] > now}
            self._sweep_at = max(FEW, 2 * len(self._stored))

    def _now(self) -> int:
        return (self._clock.now() - EPOCH) // MICROSECOND


class Unlimited(Limiter):
    """Admits everything, for load tests."""

    async def take(self, charges: Sequence[Charge]) -> list[Verdict]:
        nothing = timedelta()
        return [
            Verdict(one.rule, allowed=True, remaining=one.rule.limit, reset_after=nothing, retry_after=nothing)
            for one in charges
        ]

    async def give_back(self, charge: Charge) -> None:
        """Nothing was taken."""
