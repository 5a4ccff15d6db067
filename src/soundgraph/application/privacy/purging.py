"""Purging accounts that were deleted."""

from collections.abc import Callable

from soundgraph.application.ports import Clock, Debt, ObjectStore, Timelines
from soundgraph.application.privacy.answers import answers
from soundgraph.application.privacy.ports import PersonalRows, PrivacyWork
from soundgraph.domain.ids import AccountId
from soundgraph.domain.privacy import AccountDeleted


class PurgeAccount:
    """Subscriber: thirty days after a deletion, remove what every module holds of the account, and keep a report.

    Each module's removal is repeatable, so that a worker killed half-way is taken over by the next.
    """

    def __init__(
        self,
        work: Callable[[], PrivacyWork],
        rows: PersonalRows,
        store: ObjectStore,
        timelines: Timelines,
        clock: Clock,
    ) -> None:
        self._work, self._clock = work, clock
        self._modules = answers(rows, work, store, timelines)

    async def __call__(self, event: AccountDeleted, debt: Debt) -> None:
        if not await self._start(event.account_id, debt):
            return
        for module in self._modules:
            removed = await module.purge(event.account_id)
            async with self._work() as work:
                await work.hold(debt)
                deletion = await work.deletions.get(event.account_id)
                assert deletion is not None, "a report is never removed once purging began"
                deletion.count(module.name, removed)
                if module is self._modules[-1]:
                    deletion.finished_at = self._clock.now()
                await work.deletions.put(deletion)
                await work.commit()

    async def _start(self, account_id: AccountId, debt: Debt) -> bool:
        """From here on it cannot be undone. False for one that was restored, or deleted again later."""
        async with self._work() as work:
            await work.hold(debt)
            # In the order that restoring goes through, so that one of the two waits for the other.
            await work.accounts.get(account_id)
            deletion = await work.deletions.get(account_id)
            # Restoring removes it. Nothing else puts a purge off, however the account stands.
            if deletion is None:
                return False
            started = deletion.start(at=self._clock.now())
            await work.deletions.put(deletion)
            await work.commit()
        return started
