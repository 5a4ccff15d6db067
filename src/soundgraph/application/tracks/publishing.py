"""Publishing at a moment that was chosen before."""

from collections.abc import Callable

from soundgraph.application.ports import Clock, Debt
from soundgraph.application.tracks.ports import TracksWork
from soundgraph.domain.plans import Feature
from soundgraph.domain.tracks import TrackDetails, TrackScheduled
from soundgraph.domain.visibility import Actor


def refuse_unplanned(actor: Actor, details: TrackDetails, before: TrackDetails | None = None) -> None:
    """Raise Forbidden(plan_limit) for a new schedule of someone whose plan does not bring scheduling."""
    if details.reschedules(before):
        actor.entitlements.refuse_without(Feature.SCHEDULING)


class PublishScheduled:
    """Subscriber: when its moment has come, a scheduled track is public.

    A moment that is no longer the plan passes without notice: every new one has a debt of its own.
    """

    def __init__(self, work: Callable[[], TracksWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, event: TrackScheduled, debt: Debt) -> None:
        async with self._work() as work:
            track = await work.tracks.get(event.track_id)
            if track is not None:
                work.record(*track.publish_as_scheduled(event.publish_at, at=self._clock.now()))
                await work.tracks.save(track)
            await work.pay(debt)
            await work.commit()
