"""Likes."""

from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import join, moderate, publish, stand, upload, walk

from soundgraph.adapters.memory.app import World
from soundgraph.application.engagement import LikeTrack, ListLikers, ListLikes, UnlikeTrack
from soundgraph.application.people import Block, ReadProfile
from soundgraph.application.tracks import ReadTrack
from soundgraph.application.views import TrackView
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.domain.visibility import ANYONE, AccountStanding, Actor, Audience, Standing, Viewer


async def view(app: World, track_id: TrackId, viewer: Viewer = ANYONE) -> TrackView:
    return await app.use(ReadTrack)(viewer=viewer, track_id=track_id)


async def likers(app: World, track_id: TrackId, viewer: Viewer = ANYONE, *, limit: int = 2) -> list[str]:
    read = app.use(ListLikers)
    people = await walk(lambda after: read(viewer=viewer, track_id=track_id, after=after, limit=limit))
    return [one.handle for one in people]


async def likes(app: World, person: Actor, viewer: Viewer = ANYONE, *, limit: int = 2) -> list[str]:
    read = app.use(ListLikes)
    tracks = await walk(lambda after: read(viewer=viewer, account_id=person.id, after=after, limit=limit))
    return [one.title for one in tracks]


async def test_liking_twice_is_liking_once(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id = await publish(app, ada)
    for _ in range(2):
        await app.use(LikeTrack)(actor=bob, track_id=track_id)
    seen = await view(app, track_id, bob)
    assert (seen.counts.likes, seen.viewer.liked) == (1, True)
    assert (await app.use(ReadProfile)(viewer=ANYONE, id_or_handle=bob.id)).counts.likes == 1
    assert await likers(app, track_id) == ["bob"]
    for _ in range(2):
        await app.use(UnlikeTrack)(actor=bob, track_id=track_id)
    seen = await view(app, track_id, bob)
    assert (seen.counts.likes, seen.viewer.liked) == (0, False)
    assert await likers(app, track_id) == []


async def test_what_cannot_be_seen_cannot_be_liked(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    private = await upload(app, ada, audience=Audience.PRIVATE)
    for track_id in (private, TrackId(uuid4())):
        with pytest.raises(NotFound):
            await app.use(LikeTrack)(actor=bob, track_id=track_id)
        with pytest.raises(NotFound):
            await likers(app, track_id, bob)
    await app.use(LikeTrack)(actor=ada, track_id=private)
    assert await likers(app, private, ada) == ["ada"]


async def test_a_like_can_be_taken_back_from_what_can_no_longer_be_seen(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id = await publish(app, ada)
    await app.use(LikeTrack)(actor=bob, track_id=track_id)
    await app.use(Block)(actor=ada, account_id=bob.id)
    assert (await view(app, track_id)).counts.likes == 1
    assert await likers(app, track_id, ada) == []
    await app.use(UnlikeTrack)(actor=bob, track_id=track_id)
    assert (await view(app, track_id)).counts.likes == 0


async def test_lists_leave_out_what_the_viewer_may_not_see(app: World) -> None:
    ada, bob, eve = [await join(app, handle) for handle in ("ada", "bob", "eve")]
    shown, hidden = await publish(app, ada, "Shown"), await publish(app, ada, "Hidden")
    waiting = await upload(app, ada, "Waiting")
    for track_id in (shown, hidden, waiting):
        app.clock.advance(timedelta(seconds=1))
        await app.use(LikeTrack)(actor=bob, track_id=track_id)
        await app.use(LikeTrack)(actor=eve, track_id=track_id)
    assert await likes(app, bob) == ["Hidden", "Shown"]
    await moderate(app, hidden, Standing.HIDDEN)
    assert await likes(app, bob) == ["Shown"]
    await stand(app, eve, AccountStanding.SUSPENDED)
    assert await likers(app, shown) == ["bob"]
    with pytest.raises(NotFound):
        await likes(app, eve)


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
async def test_lists_are_newest_first_and_pages_meet(app: World, limit: int) -> None:
    ada = await join(app, "ada")
    people = [await join(app, f"fan-{number}") for number in range(5)]
    tracks = [await publish(app, ada, f"Track {number}") for number in range(5)]
    for track_id in tracks:
        app.clock.advance(timedelta(seconds=1))
        await app.use(LikeTrack)(actor=ada, track_id=track_id)
    for fan in people:
        await app.use(LikeTrack)(actor=fan, track_id=tracks[0])
    assert await likes(app, ada, limit=limit) == [f"Track {number}" for number in (4, 3, 2, 1, 0)]
    assert await likers(app, tracks[0], limit=limit) == [*(f"fan-{number}" for number in (4, 3, 2, 1, 0)), "ada"]
