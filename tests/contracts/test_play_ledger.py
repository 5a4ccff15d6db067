"""What creators and listeners are shown of plays, and how long plays are kept."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.builders import App, a_debt, join, moderate, publish, walk
from tests.contracts.test_plays import END_MS, HALF_MS, counted, report

from soundgraph.application.people import Block
from soundgraph.application.playback import (
    ClearHistory,
    HistoryItem,
    PlayReader,
    PlaysByDay,
    PrunePlayback,
    ReadPlaysByDay,
)
from soundgraph.application.tracks import DeleteTrack, EditTrack
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.domain.playback import HISTORY_KEPT, PLAYS_KEPT
from soundgraph.domain.tracks import StreamPolicy
from soundgraph.domain.visibility import Actor, Audience, Standing

DAY = timedelta(days=1)


async def by_day(app: App, actor: Actor, track_id: TrackId, **span: date) -> PlaysByDay:
    return await app.use(ReadPlaysByDay)(actor=actor, track_id=track_id, **span)


async def history(app: App, actor: Actor, limit: int = 50) -> list[HistoryItem]:
    read = app.use(PlayReader)
    return await walk(lambda after: read.history(actor, after=after, limit=limit))


async def prune(app: App) -> None:
    await app.use(PrunePlayback)(object(), a_debt())


async def test_a_creator_sees_every_play_and_why_it_did_not_count(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id, other = await publish(app, ada), await publish(app, ada, "Another")
    today = app.clock.now().date()
    await report(app, track_id)
    await report(app, track_id)
    await report(app, track_id, viewer=bob)
    await report(app, track_id, position_ms=HALF_MS - 1)
    await report(app, track_id, viewer=ada)
    await report(app, other)
    app.clock.advance(DAY)
    await app.use(EditTrack)(
        actor=ada, track_id=track_id, change=lambda details: replace(details, policy=StreamPolicy.SNIP)
    )
    await report(app, track_id)
    found = await by_day(app, ada, track_id)
    assert len(found.items) == 30
    assert found.items[-1].day == today + DAY
    first, second = found.items[-2:]
    assert (first.day, first.counted, first.raw) == (today, 2, 5)
    assert first.uncounted == {"counted_before": 1, "own": 1, "too_short": 1}
    assert (second.counted, second.raw, second.uncounted) == (0, 1, {"not_playable": 1})
    assert (found.counted, found.raw) == (2, 6) == (await counted(app, track_id), 6)
    assert found.uncounted == {"counted_before": 1, "not_playable": 1, "own": 1, "too_short": 1}
    earlier = await by_day(app, ada, track_id, first=today, last=today)
    assert [one.day for one in earlier.items] == [today]
    assert earlier.raw == 5
    assert (await by_day(app, ada, track_id, last=today - DAY)).raw == 0


async def test_nobody_else_sees_them(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id = await publish(app, ada)
    with pytest.raises(NotFound):
        await by_day(app, bob, track_id)
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    with pytest.raises(NotFound):
        await by_day(app, ada, track_id)


async def test_a_range_is_a_range(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada)
    day = date(2026, 1, 1)
    for first, last in ((day, day - DAY), (day, day + 366 * DAY), (date.min, date.max)):
        with pytest.raises(Invalid) as refusal:
            await by_day(app, ada, track_id, first=first, last=last)
        assert refusal.value.errors[0].field == "from"
    assert len((await by_day(app, ada, track_id, first=day, last=day + 365 * DAY)).items) == 366
    assert len((await by_day(app, ada, track_id, last=date.min)).items) == 1
    assert len((await by_day(app, ada, track_id, first=date.max, last=date.max)).items) == 1


async def test_what_one_played_is_there_once_the_last_first(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    one, two, three = [await publish(app, ada, title) for title in ("One", "Two", "Three")]
    for track_id, position in ((one, 10), (two, END_MS), (three, 0), (one, 20)):
        app.clock.advance(timedelta(seconds=1))
        await report(app, track_id, viewer=bob, position_ms=position)
    await report(app, two)
    found = await history(app, bob, limit=2)
    assert [(item.track.id, item.position_ms) for item in found] == [(one, 20), (three, 0), (two, END_MS)]
    assert found[0].played_at == app.clock.now()
    assert await history(app, ada) == []


async def test_history_shows_only_what_may_be_seen_and_its_pages_are_full(app: App) -> None:
    ada, eve, bob = await join(app, "ada"), await join(app, "eve"), await join(app, "bob")
    tracks = [await publish(app, ada, f"Track {number}") for number in range(6)]
    theirs = await publish(app, eve, "Eve's")
    for track_id in [*tracks, theirs]:
        app.clock.advance(timedelta(seconds=1))
        await report(app, track_id, viewer=bob)
    await app.use(Block)(actor=eve, account_id=bob.id)
    await app.use(DeleteTrack)(actor=ada, track_id=tracks[5])
    await moderate(app, tracks[3], Standing.HIDDEN)
    await app.use(EditTrack)(
        actor=ada, track_id=tracks[1], change=lambda details: replace(details, audience=Audience.PRIVATE)
    )
    page = await app.use(PlayReader).history(bob, after=None, limit=2)
    assert [item.track.id for item in page.items] == [tracks[4], tracks[2]]
    assert [item.track.id for item in await history(app, bob, limit=2)] == [tracks[4], tracks[2], tracks[0]]


async def test_a_history_can_be_cleared_and_what_counted_stays_counted(app: App) -> None:
    ada, bob, eve = await join(app, "ada"), await join(app, "bob"), await join(app, "eve")
    track_id = await publish(app, ada)
    for actor in (bob, eve):
        await report(app, track_id, viewer=actor)
    for _ in range(2):
        await app.use(ClearHistory)(actor=bob)
    assert (await history(app, bob), len(await history(app, eve))) == ([], 1)
    assert await counted(app, track_id) == 2
    await report(app, track_id, viewer=bob)
    assert (len(await history(app, bob)), await counted(app, track_id)) == (1, 2)


async def test_old_plays_go_and_their_sums_stay(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id = await publish(app, ada)
    begun = app.clock.now()
    await prune(app)
    await report(app, track_id, viewer=bob)
    app.clock.advance(PLAYS_KEPT + 62 * DAY)
    await prune(app)
    await report(app, track_id, viewer=bob)
    listener = f"account:{bob.id}"
    async with app.work() as work:
        assert await work.plays.last_counted(track_id, listener, after=begun - DAY) == app.clock.now()
        assert await work.plays.last_counted(track_id, listener, after=app.clock.now()) is None
    assert await counted(app, track_id) == 2
    day = begun.date()
    assert (await by_day(app, ada, track_id, first=day, last=day)).counted == 1
    assert len(await history(app, bob)) == 1
    app.clock.advance(HISTORY_KEPT + DAY)
    await prune(app)
    assert await history(app, bob) == []
    assert await counted(app, track_id) == 2
