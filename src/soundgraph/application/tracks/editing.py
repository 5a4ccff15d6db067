"""Reading and changing tracks."""

from collections.abc import Callable

from soundgraph.application.limits import Caps
from soundgraph.application.ports import Clock, Debt, Gate, ObjectStore
from soundgraph.application.tracks.ports import TrackReader, TracksWork
from soundgraph.application.tracks.publishing import refuse_unplanned
from soundgraph.application.tracks.uploads import refuse_more_processing
from soundgraph.application.views import Page, Position, TrackView
from soundgraph.domain.errors import Invalid, NotFound, refuse_stale
from soundgraph.domain.ids import AccountId, TrackId, account_ref, track_ref
from soundgraph.domain.tracks import (
    Track,
    TrackDetails,
    TrackRemoved,
    artwork_prefix,
    permalink_errors,
)
from soundgraph.domain.visibility import Actor, Standing, Viewer


async def own(work: TracksWork, actor: Actor, track_id: TrackId) -> Track:
    """The actor's own track, locked. Raises NotFound for another's, or one that the gate keeps from them."""
    await work.gate.require(actor, track_ref(track_id))
    track = await work.tracks.get(track_id)
    if track is None or track.owner_id != actor.id or track.standing is not Standing.OK:
        raise NotFound
    return track


class ReadTrack:
    """A track, in any state. Anyone who can see it. Raises NotFound."""

    def __init__(self, reader: TrackReader) -> None:
        self._reader = reader

    async def __call__(self, *, viewer: Viewer, track_id: TrackId) -> TrackView:
        view = await self._reader.get(viewer, track_id)
        if view is None:
            raise NotFound
        return view


class ListTracksOf:
    """A person's published tracks, newest first. Anyone who can see the person. Raises NotFound."""

    def __init__(self, gate: Gate, reader: TrackReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, account_id: AccountId, after: Position | None, limit: int
    ) -> Page[TrackView]:
        await self._gate.require(viewer, account_ref(account_id))
        return await self._reader.by_owner(viewer, account_id, after=after, limit=limit)


class EditTrack:
    """Say something else about one's own track, or give it another permalink. Its owner.

    The permalinks that it had still lead to it. Raises NotFound, Stale unless `version` is the present one or None,
    Invalid naming every broken rule, Forbidden(plan_limit) for a schedule, Conflict(permalink_taken).
    """

    def __init__(self, work: Callable[[], TracksWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(
        self,
        *,
        actor: Actor,
        track_id: TrackId,
        change: Callable[[TrackDetails], TrackDetails],
        permalink: str | None = None,
        version: int | None = None,
    ) -> None:
        now = self._clock.now()
        async with self._work() as work:
            track = await own(work, actor, track_id)
            refuse_stale(track.version, version)
            details = change(track.details)
            refuse_unplanned(actor, details, track.details)
            wrong = details.errors() + permalink_errors(permalink) + details.schedule_errors(track.details, at=now)
            if wrong:
                raise Invalid.fields(wrong)
            if permalink is not None:
                # Whoever makes a track meanwhile is about to choose among those that are free.
                await work.serialise(f"tracks-of:{actor.id}")
                track.permalink = permalink
            work.record(*track.edit(details.in_utc(), at=now))
            await work.tracks.save(track)
            await work.commit()


class DeleteTrack:
    """Remove one's own track from everywhere. Its owner.

    Raises NotFound, also the second time, and Stale unless `version` is the present one or None.
    """

    def __init__(self, work: Callable[[], TracksWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, track_id: TrackId, version: int | None = None) -> None:
        async with self._work() as work:
            track = await own(work, actor, track_id)
            refuse_stale(track.version, version)
            work.record(*track.remove())
            await work.tracks.save(track)
            await work.commit()


class RetryTrack:
    """Process a track again whose newest revision failed retryably. Its owner.

    Raises NotFound, Stale unless `version` is the present one or None, Conflict(not_retryable),
    LimitReached(too_many_processing).
    """

    def __init__(self, work: Callable[[], TracksWork], caps: Caps) -> None:
        self._work, self._caps = work, caps

    async def __call__(self, *, actor: Actor, track_id: TrackId, version: int | None = None) -> None:
        async with self._work() as work:
            track = await own(work, actor, track_id)
            refuse_stale(track.version, version)
            received = track.retry(track.revisions[-1].id)
            await refuse_more_processing(work, actor.id, self._caps)
            work.record(received)
            await work.tracks.save(track)
            await work.commit()


class RemoveTrackMedia:
    """Subscriber: remove the objects of a track that its owner deleted."""

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore) -> None:
        self._work, self._store = work, store

    async def __call__(self, event: TrackRemoved, debt: Debt) -> None:  # noqa: ARG002 - removing twice is once
        async with self._work() as work:
            track = await work.tracks.get(event.track_id)
        # An original is still in quarantine where processing never got as far as copying it.
        for revision in track.revisions if track else ():
            await self._store.remove(revision.quarantine_key)
        if track is not None and track.artwork_id is not None:
            await self._store.remove_under(artwork_prefix(track.artwork_id))
        await self._store.remove_under(f"originals/{event.track_id}/")
        await self._store.remove_under(f"renditions/{event.track_id}/")
