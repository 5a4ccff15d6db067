"""Limits within one process."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from soundgraph.application.limits import MICROSECOND, Charge, Limiter, Verdict, after, judged
from soundgraph.application.ports import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Fewer entries than this are not worth a look at each.
FEW = 1_024


class MemoryLimiter(Limiter):
    """Counts in a dictionary. What has come back in full is forgotten, so it holds who was here just now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stored: dict[tuple[str, str], int] = {}
        self._sweep_at = FEW

    def __len__(self) -> int:
        return len(self._stored)

    async def take(self, charges: Sequence[Charge]) -> list[Verdict]:
        now = self._now()
        stored = [self._stored.get((one.rule.name, one.subject), 0) for one in charges]
        verdicts = judged(charges, stored, now)
        if all(one.allowed for one in verdicts):
            for charge, was in zip(charges, stored, strict=True):
                self._keep(charge, after(charge.rule, was, now, charge.cost))
        self._sweep(now)
        return verdicts

    async def give_back(self, charge: Charge) -> None:
        stored = self._stored.get((charge.rule.name, charge.subject), 0)
        self._keep(charge, after(charge.rule, stored, self._now(), -charge.cost))

    def _keep(self, charge: Charge, at: int) -> None:
        self._stored[charge.rule.name, charge.subject] = at

    def _sweep(self, now: int) -> None:
        # Each sweep is paid for by as many entries as it leaves.
        if len(self._stored) >= self._sweep_at:
            self._stored = {key: at for key, at in self._stored.items() if at > now}
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
