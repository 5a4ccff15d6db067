"""What plays promise: every report is kept, and one listener moves the counter once an hour."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import App, join, publish, roll_back, upload

from soundgraph.application.playback import ReadPlaysByDay, ReportPlay
from soundgraph.application.tracks import ReadTrack
from soundgraph.domain.errors import Conflict, Invalid, NotFound
from soundgraph.domain.ids import PlayId, TrackId
from soundgraph.domain.playback import Play, Uncounted
from soundgraph.domain.visibility import ANYONE, Audience, Viewer

# The tracks of these tests last half a second.
HALF_MS, END_MS = 250, 500


async def report(
    app: App,
    track_id: TrackId,
    visitor: str = "one",
    *,
    viewer: Viewer = ANYONE,
    position_ms: int = END_MS,
    place: str = "",
) -> None:
    await app.use(ReportPlay)(viewer=viewer, visitor=visitor, track_id=track_id, position_ms=position_ms, place=place)


async def counted(app: App, track_id: TrackId) -> int:
    return (await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)).counts.plays


async def test_half_a_short_track_counts_and_less_does_not(app: App) -> None:
    track_id = await publish(app, await join(app, "ada"))
    await report(app, track_id, position_ms=HALF_MS - 1)
    assert await counted(app, track_id) == 0
    await report(app, track_id, position_ms=HALF_MS)
    assert await counted(app, track_id) == 1


async def test_a_listener_counts_once_an_hour_and_others_beside(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id, other = await publish(app, ada), await publish(app, ada, "Another")
    for _ in range(2):
        await report(app, track_id)
        await report(app, track_id, "two")
        await report(app, track_id, viewer=bob)
        await report(app, track_id, "at home", viewer=bob)
        await report(app, other)
    assert (await counted(app, track_id), await counted(app, other)) == (3, 1)
    app.clock.advance(timedelta(hours=1) - timedelta(seconds=1))
    await report(app, track_id)
    assert await counted(app, track_id) == 3
    app.clock.advance(timedelta(seconds=1))
    await report(app, track_id)
    assert await counted(app, track_id) == 4


async def test_of_twenty_at_once_one_counts(app: App) -> None:
    track_id = await publish(app, await join(app, "ada"))
    await asyncio.gather(*(report(app, track_id) for _ in range(20)))
    assert await counted(app, track_id) == 1


async def test_last_counted_is_of_this_track_and_listener(app: App) -> None:
    track_id = await publish(app, await join(app, "ada"))
    play = Play(
        id=PlayId(uuid4()), track_id=track_id, listener="a", position_ms=1, context="", at=app.clock.now(), reason=None
    )
    await roll_back(app, lambda work: work.plays.add(play))
    before = play.at - timedelta(hours=1)
    async with app.work() as work:
        assert await work.plays.last_counted(track_id, "a", after=before) is None
        await work.plays.add(play)
        await work.commit()
    early = Play(
        id=PlayId(uuid4()),
        track_id=track_id,
        listener="b",
        position_ms=1,
        context="a page",
        at=app.clock.now(),
        reason=Uncounted.TOO_SHORT,
    )
    async with app.work() as work:
        await work.plays.add(early)
        assert await work.plays.last_counted(track_id, "a", after=before) == play.at
        assert await work.plays.last_counted(track_id, "a", after=play.at) is None
        assert await work.plays.last_counted(track_id, "b", after=before) is None
        assert await work.plays.last_counted(TrackId(uuid4()), "a", after=before) is None


async def test_what_cannot_be_heard_cannot_be_played(app: App) -> None:
    ada = await join(app, "ada")
    private = await publish(app, ada, audience=Audience.PRIVATE)
    with pytest.raises(NotFound):
        await report(app, private)
    await report(app, private, viewer=ada)
    waiting = await upload(app, ada, "Soon")
    with pytest.raises(Conflict, match="not ready"):
        await report(app, waiting, viewer=ada)
    for position_ms in (-1, END_MS + 1_001):
        with pytest.raises(Invalid):
            await report(app, private, viewer=ada, position_ms=position_ms)


HERE, THERE = "0a" * 16, "0b" * 16


def named(number: int) -> str:
    return f"{number:032x}"


async def test_of_one_place_only_a_few_visitors_count_within_the_hour(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id, other = await publish(app, ada), await publish(app, ada, "Another")
    await asyncio.gather(*(report(app, track_id, named(number), place=HERE) for number in (1, 15, 9, 10, 255, 6, 7, 8)))
    assert await counted(app, track_id) == 5
    await report(app, track_id, named(11), place=THERE)
    await report(app, track_id, named(12), viewer=bob, place=HERE)
    await report(app, other, named(12), place=HERE)
    assert (await counted(app, track_id), await counted(app, other)) == (7, 1)
    days = await app.use(ReadPlaysByDay)(actor=ada, track_id=track_id)
    assert (days.raw, days.uncounted) == (10, {"too_many_from_here": 3})
    app.clock.advance(timedelta(hours=1))
    await report(app, track_id, named(13), place=HERE)
    assert await counted(app, track_id) == 8
