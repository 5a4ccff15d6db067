"""What was played, and what of it counts."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

from soundgraph.application.playback.ports import PlayArchive, PlaybackReader, PlaybackWork, PlayReader
from soundgraph.application.playback.views import PlaysByDay, PlaysOfDay
from soundgraph.application.ports import Clock, Debt, Ids
from soundgraph.domain.errors import Conflict, FieldError, Invalid, NotFound
from soundgraph.domain.ids import PlayId, TrackId
from soundgraph.domain.links import EXPIRED_LINKS_KEPT, digest_of
from soundgraph.domain.playback import (
    HISTORY_KEPT,
    OVERSHOOT_MS,
    PLAY_WINDOW,
    PLAYS_KEPT,
    Play,
    listener_of,
    why_uncounted,
)
from soundgraph.domain.visibility import Actor, Viewer

LONGEST_RANGE_DAYS = 366
USUAL_RANGE_DAYS = 30


class ReportPlay:
    """Say how far a track was heard. Anyone who can see it; counted once per listener and hour, never for its owner.

    `visitor` tells visitors without an account apart, of whom only a few count at one `place`, if that is known; both
    are hashes in hex then. Raises NotFound, Conflict(not_ready), Invalid.
    """

    def __init__(self, work: Callable[[], PlaybackWork], reader: PlaybackReader, ids: Ids, clock: Clock) -> None:
        self._work, self._reader, self._ids, self._clock = work, reader, ids, clock

    async def __call__(
        self, *, viewer: Viewer, visitor: str, track_id: TrackId, position_ms: int, context: str = "", place: str = ""
    ) -> None:
        playable = await self._reader.playable(viewer, track_id)
        if playable is None:
            raise NotFound
        duration_ms = playable.duration_ms
        if duration_ms is None:
            raise Conflict("not_ready", "This track is not ready to play yet.")
        position_ms = _heard(position_ms, duration_ms)
        listener, now, token = listener_of(viewer.id, visitor, place), self._clock.now(), viewer.token_for(track_id)
        bounded = viewer.id is None and place != ""
        async with self._work() as work:
            await work.serialise(f"plays:{track_id}:{place if bounded else listener}")
            since = now - PLAY_WINDOW
            reason = why_uncounted(
                position_ms=position_ms,
                duration_ms=duration_ms,
                last_counted=await work.plays.last_counted(track_id, listener, after=since),
                at=now,
                own=viewer.id == playable.owner_id,
                access=playable.access(viewer),
                counted_here=await work.plays.counted_at(track_id, place, after=since) if bounded else 0,
            )
            play = Play(
                id=PlayId(self._ids.new()),
                track_id=track_id,
                listener=listener,
                position_ms=position_ms,
                context=context,
                at=now,
                reason=reason,
            )
            await work.plays.add(play)
            if viewer.id is not None:
                await work.plays.remember(viewer.id, play)
            if play.counted and token is not None:
                await work.secret_links.count_play(digest_of(token))
            await work.commit()


def _heard(position_ms: int, duration_ms: int) -> int:
    """How far that is into the track. Raises Invalid where it is too far outside."""
    if not 0 <= position_ms <= duration_ms + OVERSHOOT_MS:
        error = FieldError("position_ms", "out_of_range", f"Use 0 to {duration_ms}, the track's duration.")
        raise Invalid.fields([error])
    return min(position_ms, duration_ms)


class ReadPlaysByDay:
    """The plays of one's own track day by day: raw, counted, and why not. Its owner.

    Without a range, the last thirty days. Raises NotFound, Invalid for a range that ends before it begins or is longer
    than a year.
    """

    def __init__(self, reader: PlaybackReader, plays: PlayReader, clock: Clock) -> None:
        self._reader, self._plays, self._clock = reader, plays, clock

    async def __call__(
        self, *, actor: Actor, track_id: TrackId, first: date | None = None, last: date | None = None
    ) -> PlaysByDay:
        playable = await self._reader.playable(actor, track_id)
        if playable is None or playable.owner_id != actor.id:
            raise NotFound
        last = last or self._clock.now().date()
        first = first or date.fromordinal(max(1, last.toordinal() - USUAL_RANGE_DAYS + 1))
        days = (last - first).days + 1
        if not 1 <= days <= LONGEST_RANGE_DAYS:
            error = FieldError("from", "out_of_range", f"Use a day up to `to`, at most {LONGEST_RANGE_DAYS} days.")
            raise Invalid.fields([error])
        found = {one.day: one for one in await self._plays.by_day(track_id, first=first, last=last)}
        dates = [first + timedelta(days=number) for number in range(days)]
        uncounted: Counter[str] = Counter()
        for one in found.values():
            uncounted.update(one.uncounted)
        return PlaysByDay(
            items=[found.get(one) or PlaysOfDay(day=one) for one in dates],
            counted=sum(one.counted for one in found.values()),
            raw=sum(one.raw for one in found.values()),
            uncounted=dict(sorted(uncounted.items())),
        )


class ClearHistory:
    """Forget what one played. Whoever it was. What was counted stays counted. Twice is once."""

    def __init__(self, work: Callable[[], PlaybackWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor) -> None:
        async with self._work() as work:
            await work.plays.forget(actor.id)
            await work.commit()


class PrunePlayback:
    """Chore: make room for the plays of the next months; drop old plays, histories and expired secret links."""

    def __init__(self, work: Callable[[], PlaybackWork], archive: PlayArchive, clock: Clock) -> None:
        self._work, self._archive, self._clock = work, archive, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        now = self._clock.now()
        await self._archive.prepare(now=now)
        await self._archive.prune(plays_before=now - PLAYS_KEPT, history_before=now - HISTORY_KEPT)
        async with self._work() as work:
            await work.secret_links.expire(before=now - EXPIRED_LINKS_KEPT)
            await work.commit()
