"""Turning the audio of a revision into what can be played."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from uuid import UUID

from soundgraph.application.ports import Clock, Debt, ObjectStore
from soundgraph.application.tracks.ports import MediaFailed, MediaProcessor, Progress, ProgressBoard, TracksWork
from soundgraph.domain.events import DeliveryExhausted, Event
from soundgraph.domain.ids import TrackId
from soundgraph.domain.tracks import (
    Analysis,
    Failure,
    Rendition,
    Revision,
    RevisionReceived,
    RevisionState,
    Track,
)
from soundgraph.domain.visibility import Standing

GAVE_UP = Failure(
    stage="processing",
    code="gave_up",
    message="Processing did not succeed after several attempts. The fault may be ours; try again later.",
    retryable=True,
)


class ProcessRevision:
    """Subscriber: turn the audio of a revision into renditions and a waveform.

    Every attempt writes under a prefix of its own and every result is saved in a transaction that first checks that
    this attempt still holds the debt, so what a killed or overtaken worker left can be neither seen nor kept.
    """

    def __init__(
        self,
        work: Callable[[], TracksWork],
        media: MediaProcessor,
        store: ObjectStore,
        board: ProgressBoard,
        clock: Clock,
    ) -> None:
        self._work, self._media, self._store, self._board, self._clock = work, media, store, board, clock

    async def __call__(self, event: RevisionReceived, debt: Debt) -> None:
        begun = await self._begin(event, debt)
        if begun is None:
            return
        track, revision = begun
        if track.standing is Standing.REMOVED:
            await self._discard(track, revision)
            return
        original = track.original_key(revision)
        if await self._store.size(original) is None:
            await self._store.copy(revision.quarantine_key, original)
        failure = await self._process(event, debt, original, into=track.rendition_prefix(revision, debt.attempts))
        kept = await self._change(
            event, debt, lambda track: track.fail(revision.id, failure) if failure else (), pay=True
        )
        if kept is None:
            await self._discard(track, revision)
        else:
            await self._tidy(kept, kept.revision(revision.id), failure, debt)

    async def _process(self, event: RevisionReceived, debt: Debt, original: str, *, into: str) -> Failure | None:
        try:
            async with aclosing(self._media.process(original, into=into)) as results:
                async for result in results:
                    await self._keep(event, debt, result)
        except MediaFailed as failed:
            return failed.failure
        return None

    async def _tidy(self, track: Track, revision: Revision, failure: Failure | None, debt: Debt) -> None:
        """Remove what nothing refers to any more. What an attempt stored before it failed may be playing; it stays."""
        stale = range(0)
        if revision.state is RevisionState.FAILED:
            stale = range(1, debt.attempts + 1)
        elif failure is None:
            stale = range(1, debt.attempts)
        for attempt in stale:
            await self._store.remove_under(track.rendition_prefix(revision, attempt))
        if revision.failure is not None and not revision.failure.retryable:
            await self._store.remove(track.original_key(revision))
        await self._store.remove(revision.quarantine_key)

    async def _discard(self, track: Track, revision: Revision) -> None:
        await self._store.remove_under(track.media_prefix)
        await self._store.remove(track.original_key(revision))
        await self._store.remove(revision.quarantine_key)

    async def _begin(self, event: RevisionReceived, debt: Debt) -> tuple[Track, Revision] | None:
        async with self._work() as work:
            await work.hold(debt)
            track = await work.tracks.get(event.track_id)
            if track is None:
                return None
            revision = track.revision(event.revision_id)
            if track.standing is Standing.REMOVED:
                return track, revision
            if revision.failure is not None:
                if not revision.failure.retryable:
                    return None
                # Given up on before; an operator replays the debt, and this is the try they ask for.
                track.retry(revision.id)
            track.begin_processing(event.revision_id)
            await work.tracks.save(track)
            await work.commit()
        return track, revision

    async def _keep(self, event: RevisionReceived, debt: Debt, result: Progress | Analysis | Rendition) -> None:
        now, revision_id = self._clock.now(), event.revision_id
        match result:
            case Progress():
                await self._board.report(revision_id, result)
            case Analysis():
                await self._change(event, debt, lambda track: track.finish_analysis(revision_id, result, at=now))
            case rendition:
                await self._change(event, debt, lambda track: track.finish_rendition(revision_id, rendition, at=now))

    async def _change(
        self, event: RevisionReceived, debt: Debt, change: Callable[[Track], Sequence[Event]], *, pay: bool = False
    ) -> Track | None:
        """Save one result under the debt. None if the track was deleted meanwhile."""
        async with self._work() as work:
            await (work.pay(debt) if pay else work.hold(debt))
            track = await work.tracks.get(event.track_id)
            if track is not None and track.standing is Standing.REMOVED:
                track = None
            if track is not None:
                work.record(*change(track))
                await work.tracks.save(track)
            await work.commit()
        return track


class GiveUpOnRevision:
    """Subscriber: a revision whose processing used up its attempts has failed, and says so."""

    def __init__(self, work: Callable[[], TracksWork]) -> None:
        self._work = work

    async def __call__(self, event: DeliveryExhausted, debt: Debt) -> None:
        if event.event_name != RevisionReceived.name:
            return
        async with self._work() as work:
            track = await work.tracks.get(TrackId(UUID(event.event_key)))
            if track is not None:
                work.record(*track.fail(track.revisions[-1].id, GAVE_UP))
                await work.tracks.save(track)
            await work.pay(debt)
            await work.commit()
