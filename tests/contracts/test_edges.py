"""What follows, blocks and likes promise: each edge is there once, and counters count edges."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from tests.builders import App, Work, a_track, inhabit, roll_back

from soundgraph.application.engagement import LikeTrack, UnlikeTrack
from soundgraph.application.people import Block, Follow, PeopleReader, Unfollow
from soundgraph.application.tracks import ReadTrack
from soundgraph.application.views import UserCounts
from soundgraph.domain.errors import DomainError, NotFound
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.visibility import Actor, Role, Viewer

ALL_SEEING = Viewer(role=Role.ADMIN)

Change = Callable[[Work], Awaitable[bool]]


async def change(app: App, changing: Change) -> bool:
    """Make one change in a unit of work of its own."""
    async with app.work() as work:
        changed = await changing(work)
        await work.commit()
    return changed


async def counts(app: App, account_id: AccountId) -> UserCounts:
    view = await app.use(PeopleReader).by_id(ALL_SEEING, account_id)
    assert view is not None
    return view.counts


async def likes(app: App, track_id: TrackId) -> int:
    return (await app.use(ReadTrack)(viewer=ALL_SEEING, track_id=track_id)).counts.likes


async def post(app: App, owner_id: AccountId) -> TrackId:
    track = a_track(owner_id)
    async with app.work() as work:
        await work.tracks.add(track)
        await work.commit()
    return track.id


class Edge:
    """One kind of edge between ada and something: how to add and remove it, and what it counts."""

    def __init__(self, app: App, kind: str, ada: AccountId, bob: AccountId, track_id: TrackId) -> None:
        self.app, self.kind, self.ada, self.bob, self.track_id = app, kind, ada, bob, track_id

    async def add(self, work: Work) -> bool:
        at = self.app.clock.now()
        match self.kind:
            case "follow":
                return await work.follows.add(self.ada, self.bob, at=at)
            case "block":
                return await work.blocks.add(self.ada, self.bob, at=at)
            case _:
                return await work.likes.add(self.ada, self.track_id, at=at)

    async def remove(self, work: Work) -> bool:
        match self.kind:
            case "follow":
                return await work.follows.remove(self.ada, self.bob)
            case "block":
                return await work.blocks.remove(self.ada, self.bob)
            case _:
                return await work.likes.remove(self.ada, self.track_id)

    async def counted(self) -> tuple[int, int]:
        """What is counted at its two ends."""
        ada, bob = await counts(self.app, self.ada), await counts(self.app, self.bob)
        match self.kind:
            case "follow":
                return ada.followings, bob.followers
            case "block":
                blocked = await self.app.use(PeopleReader).blocked_by(Actor(self.ada), after=None, limit=9)
                return len(blocked.items), len(blocked.items)
            case _:
                return ada.likes, await likes(self.app, self.track_id)


@pytest.fixture(params=["follow", "block", "like"])
async def edge(app: App, request: pytest.FixtureRequest) -> Edge:
    ada, bob = await inhabit(app, "ada", "bob")
    return Edge(app, request.param, ada, bob, await post(app, bob))


async def test_adding_and_removing_say_whether_anything_changed(app: App, edge: Edge) -> None:
    assert [await change(app, edge.add) for _ in range(3)] == [True, False, False]
    assert await edge.counted() == (1, 1)
    assert [await change(app, edge.remove) for _ in range(3)] == [True, False, False]
    assert await edge.counted() == (0, 0)
    assert await change(app, edge.add)
    assert await edge.counted() == (1, 1)


async def test_several_changes_in_one_unit_of_work_count_as_what_they_come_to(app: App, edge: Edge) -> None:
    async with app.work() as work:
        changed = [await edge.add(work), await edge.remove(work), await edge.add(work), await edge.add(work)]
        await work.commit()
    assert changed == [True, True, True, False]
    assert await edge.counted() == (1, 1)


async def test_leaving_without_a_commit_keeps_nothing(app: App, edge: Edge) -> None:
    await roll_back(app, edge.add)
    assert await edge.counted() == (0, 0)
    await change(app, edge.add)
    await roll_back(app, edge.remove)
    assert await edge.counted() == (1, 1)


async def test_of_twenty_who_add_one_edge_one_does(app: App, edge: Edge) -> None:
    assert sorted(await asyncio.gather(*(change(app, edge.add) for _ in range(20)))) == [False] * 19 + [True]
    assert await edge.counted() == (1, 1)
    assert sorted(await asyncio.gather(*(change(app, edge.remove) for _ in range(20)))) == [False] * 19 + [True]
    assert await edge.counted() == (0, 0)


async def test_followings_are_counted_and_followers_walked_in_order_of_id(app: App) -> None:
    star, *fans = await inhabit(app, "star", *(f"fan-{number}" for number in range(5)))
    async with app.work() as work:
        for fan in fans:
            await work.follows.add(fan, star, at=app.clock.now())
        await work.follows.add(fans[0], fans[1], at=app.clock.now())
        await work.commit()
    async with app.work() as work:
        assert await work.follows.count(fans[0]) == 2
        assert await work.follows.count(star) == 0
        assert await work.fans.follows(fans[0], star)
        assert not await work.fans.follows(star, fans[0])
        pages = [await work.fans.followers(star, after=None, limit=2)]
        while len(pages[-1]) == 2:
            pages.append(await work.fans.followers(star, after=pages[-1][-1], limit=2))
    assert [fan for page in pages for fan in page] == sorted(fans)


async def test_twenty_pairs_who_follow_each_other_at_once_all_succeed(app: App) -> None:
    people = await inhabit(app, *(f"person-{number}" for number in range(6)))
    pairs = [(one, other) for one in people for other in people if one != other]
    follow = app.use(Follow)
    await asyncio.gather(*(follow(actor=Actor(one), account_id=other) for one, other in pairs))
    for person in people:
        assert await counts(app, person) == UserCounts(followers=5, followings=5)
    unfollow = app.use(Unfollow)
    await asyncio.gather(*(unfollow(actor=Actor(one), account_id=other) for one, other in pairs))
    for person in people:
        assert await counts(app, person) == UserCounts()


async def refused(attempt: Awaitable[None]) -> str:
    """The code that an attempt was refused with, or nothing."""
    try:
        await attempt
    except DomainError as error:
        return error.code
    return ""


async def test_where_a_follow_and_a_block_cross_only_the_block_stays(app: App) -> None:
    handles = [f"person-{number}" for number in range(20)]
    people = await inhabit(app, *handles)
    pairs = list(zip(people[::2], people[1::2], strict=True))
    follow, block = app.use(Follow), app.use(Block)
    attempts = [
        attempt
        for fan, star in pairs
        for attempt in (
            refused(follow(actor=Actor(fan), account_id=star)),
            refused(block(actor=Actor(star), account_id=fan)),
            refused(follow(actor=Actor(star), account_id=fan)),
            refused(block(actor=Actor(fan), account_id=star)),
        )
    ]
    codes = await asyncio.gather(*attempts)
    assert set(codes[1::4]) == set(codes[3::4]) == {""}
    assert set(codes) <= {"", "not_found"}
    async with app.work() as work:
        for fan, star in pairs:
            assert not await work.fans.follows(fan, star)
            assert not await work.fans.follows(star, fan)
    for person in people:
        assert await counts(app, person) == UserCounts()


async def test_twenty_likes_of_tracks_and_their_opposites_leave_no_counter_behind(app: App) -> None:
    owner, *fans = await inhabit(app, "owner", *(f"fan-{number}" for number in range(5)))
    tracks = []
    for number in range(4):
        track = a_track(owner, f"track-{number}")
        async with app.work() as work:
            await work.tracks.add(track)
            await work.commit()
        tracks.append(track.id)
    like, unlike = app.use(LikeTrack), app.use(UnlikeTrack)
    every = [(Actor(fan), track_id) for fan in fans for track_id in tracks]
    await asyncio.gather(*(like(actor=fan, track_id=track_id) for fan, track_id in every))
    assert [await likes(app, track_id) for track_id in tracks] == [5] * 4
    assert [(await counts(app, fan)).likes for fan in fans] == [4] * 5
    mixed = [verb(actor=fan, track_id=track_id) for fan, track_id in every for verb in (like, unlike)]
    await asyncio.gather(*mixed, *(unlike(actor=fan, track_id=track_id) for fan, track_id in every))
    await asyncio.gather(*(unlike(actor=fan, track_id=track_id) for fan, track_id in every))
    assert [await likes(app, track_id) for track_id in tracks] == [0] * 4
    assert [(await counts(app, fan)).likes for fan in fans] == [0] * 5


async def test_a_block_is_seen_by_the_gate_of_the_same_unit_of_work(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    app.clock.advance(timedelta(seconds=1))
    await app.use(Block)(actor=Actor(ada), account_id=bob)
    for one, other in ((ada, bob), (bob, ada)):
        with pytest.raises(NotFound):
            await app.use(Follow)(actor=Actor(one), account_id=other)
