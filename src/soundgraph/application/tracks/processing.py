"""Turning the audio of a revision into what can be played."""

import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing

from soundgraph.application.deliveries import EventLog
from soundgraph.application.ports import Clock, Debt, ObjectStore
from soundgraph.application.tracks.ports import (
    CoverMaker,
    EmbeddedCover,
    MediaFailed,
    MediaProcessor,
    MediaResult,
    Probed,
    Progress,
    ProgressBoard,
    TracksWork,
)
from soundgraph.domain.errors import Invalid, Unavailable
from soundgraph.domain.events import DeliveryExhausted, Event
from soundgraph.domain.ids import ArtworkId, RevisionId
from soundgraph.domain.tracks import (
    Analysis,
    Failure,
    Loudness,
    Revision,
    RevisionReceived,
    RevisionState,
    Track,
    artwork_prefix,
)
from soundgraph.domain.visibility import Standing

logger = logging.getLogger(__name__)

CHECKED_PERCENT = 5
DONE = Progress("storing", 100)
GAVE_UP = Failure(
    stage="transcoding",
    code="gave_up",
    message="Processing did not succeed after several attempts. The fault may be ours; try again later.",
    retryable=True,
)


QUOTA_EXCEEDED = Failure(
    stage="probing",
    code="quota_exceeded",
    message="Your plan has no room for so much audio. Change it or delete something, then try again.",
    retryable=True,
)


class ProcessRevision:
    """Subscriber: turn the audio of a revision into renditions and a waveform.

    Every attempt writes under a prefix of its own and every result is saved in a transaction that first checks that
    this attempt still holds the debt, so what a killed or overtaken worker left can be neither seen nor kept. Where a
    track plays already and the rest breaks down for a passing reason, the debt stays owed: Unavailable(interrupted).
    """

    def __init__(
        self,
        work: Callable[[], TracksWork],
        media: MediaProcessor,
        covers: CoverMaker,
        store: ObjectStore,
        board: ProgressBoard,
        clock: Clock,
    ) -> None:
        self._work, self._media, self._covers, self._store = work, media, covers, store
        self._board, self._clock = board, clock

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
            # Whoever died in the middle of this left half a copy.
            await self._store.remove(original)
            await self._store.copy(revision.quarantine_key, original)
        attempt = revision.attempt(debt.attempts)
        failure = await self._process(event, debt, original, into=track.rendition_prefix(revision, attempt))
        if failure is None:
            await self._board.report(revision.id, DONE)
            # While the debt is owed: whoever dies in the middle of it is followed by somebody who tidies.
            await self._tidy(track, revision, attempt)
        kept = await self._change(
            event, debt, lambda track: track.fail(revision.id, failure) if failure else (), pay=True
        )
        if kept is None:
            await self._discard(track, revision)
        elif failure is not None:
            await self._clear(kept, kept.revision(revision.id), attempt)

    async def _process(self, event: RevisionReceived, debt: Debt, original: str, *, into: str) -> Failure | None:
        try:
            async with aclosing(self._media.process(original, into=into)) as results:
                async for result in results:
                    await self._keep(event, debt, result)
                    if isinstance(result, Progress) and await self._removed(event, result):
                        return None
        except MediaFailed as failed:
            if failed.failure.retryable and await self._plays(event):
                raise Unavailable("interrupted", failed.failure.message) from failed
            return failed.failure
        return None

    async def _plays(self, event: RevisionReceived) -> bool:
        async with self._work() as work:
            track = await work.tracks.get(event.track_id)
        return track is not None and track.revision(event.revision_id).state is RevisionState.READY

    async def _tidy(self, track: Track, revision: Revision, attempt: int) -> None:
        """Remove what nothing refers to any more, now that this attempt made everything anew."""
        for stale in range(1, attempt):
            await self._store.remove_under(track.rendition_prefix(revision, stale))
        await self._store.remove(revision.quarantine_key)

    async def _clear(self, track: Track, revision: Revision, attempt: int) -> None:
        """Remove what attempts left that came to nothing. What one stored before it failed may be playing; it stays."""
        if revision.state is RevisionState.FAILED:
            await self._tidy(track, revision, attempt + 1)
            if revision.failure is not None and not revision.failure.retryable:
                await self._store.remove(track.original_key(revision))
        await self._drop_cover(track, revision.id)
        await self._store.remove(revision.quarantine_key)

    async def _discard(self, track: Track, revision: Revision) -> None:
        await self._store.remove_under(track.media_prefix)
        await self._store.remove_under(artwork_prefix(_found_in(revision.id)))
        await self._store.remove(track.original_key(revision))
        await self._store.remove(revision.quarantine_key)

    async def _begin(self, event: RevisionReceived, debt: Debt) -> tuple[Track, Revision] | None:
        async with self._work() as work:
            await work.hold(debt)
            track = await work.tracks.get(event.track_id)
            if track is None or not track.keeps(event.revision_id):
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

    async def _keep(self, event: RevisionReceived, debt: Debt, result: MediaResult) -> None:
        now, revision_id = self._clock.now(), event.revision_id
        match result:
            case Progress():
                await self._board.report(revision_id, result)
            case Probed():
                await self._change(event, debt, lambda _: (), takes=result.duration_ms)
            case Analysis():
                # What was probed may be less than what there is, or nothing.
                await self._change(
                    event,
                    debt,
                    lambda track: track.finish_analysis(revision_id, result, at=now),
                    takes=result.duration_ms,
                )
            case EmbeddedCover():
                await self._adopt_cover(event, debt, result)
            case Loudness():
                await self._change(event, debt, lambda track: track.revision(revision_id).measured(result))
            case rendition:
                await self._change(event, debt, lambda track: track.finish_rendition(revision_id, rendition, at=now))

    async def _removed(self, event: RevisionReceived, progress: Progress) -> bool:
        """Whether the track was deleted, asked once in a while: then nobody waits for the rest."""
        if progress.percent % CHECKED_PERCENT:
            return False
        async with self._work() as work:
            track = await work.tracks.get(event.track_id)
        return track is None or track.standing is Standing.REMOVED

    async def _adopt_cover(self, event: RevisionReceived, debt: Debt, cover: EmbeddedCover) -> None:
        """Make the file's own picture the cover of a track that has none. A picture that is none changes nothing."""
        made, artwork_id = False, _found_in(event.revision_id)
        try:
            await self._covers.make(cover.key, into=artwork_prefix(artwork_id))
            made = True
        except (Invalid, Unavailable) as error:
            logger.info("the picture in a file of track %s is no cover: %s", event.track_id, error)
        track = await self._change(event, debt, lambda track: track.adopt_artwork(artwork_id) if made else ())
        await self._drop_cover(track, event.revision_id)
        await self._store.remove(cover.key)

    async def _drop_cover(self, track: Track | None, revision_id: RevisionId) -> None:
        """Remove what was made of the picture in a file, unless it is the cover."""
        artwork_id = _found_in(revision_id)
        if track is None or track.artwork_id != artwork_id:
            await self._store.remove_under(artwork_prefix(artwork_id))

    async def _change(
        self,
        event: RevisionReceived,
        debt: Debt,
        change: Callable[[Track], Sequence[Event]],
        *,
        takes: int | None = None,
        pay: bool = False,
    ) -> Track | None:
        """Save one result under the debt. None if the track was deleted meanwhile.

        Raises MediaFailed where it takes so many milliseconds, and its owner has no room for them.
        """
        async with self._work() as work:
            await (work.pay(debt) if pay else work.hold(debt))
            track = await work.tracks.get(event.track_id)
            if track is not None and track.standing is Standing.REMOVED:
                track = None
            if track is not None:
                if takes is not None:
                    await self._reserve(work, track, event.revision_id, takes)
                work.record(*change(track))
                await work.tracks.save(track)
            await work.commit()
        return track

    async def _reserve(self, work: TracksWork, track: Track, revision_id: RevisionId, duration_ms: int) -> None:
        allowance = await work.allowances.get(track.owner_id)
        if not track.reserve(revision_id, duration_ms, allowance):
            raise MediaFailed(QUOTA_EXCEEDED)


def _found_in(revision_id: RevisionId) -> ArtworkId:
    """The cover that a file brings along: the same one, whichever attempt finds it."""
    return ArtworkId(revision_id)


class GiveUpOnRevision:
    """Subscriber: a revision whose processing used up its attempts has failed, and says so."""

    def __init__(self, work: Callable[[], TracksWork], log: EventLog) -> None:
        self._work, self._log = work, log

    async def __call__(self, event: DeliveryExhausted, debt: Debt) -> None:
        received = await self._log.get(event.event_id)
        if not isinstance(received, RevisionReceived):
            return
        async with self._work() as work:
            track = await work.tracks.get(received.track_id)
            # Its track may have other audio by now, which did not fail.
            if track is not None and track.keeps(received.revision_id):
                work.record(*track.fail(received.revision_id, GAVE_UP))
                await work.tracks.save(track)
            await work.pay(debt)
            await work.commit()
