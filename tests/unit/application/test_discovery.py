"""The feed: what is pushed into it, and what of it is shown to whom."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import a_debt, feed, join, moderate, publish, stand, upload

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.application.discovery import BACKFILL, FAN_PAGE, FollowIntoFeed, PushToFeeds, ReadFeed, feed_of
from soundgraph.application.people import Block, Follow, Unblock, Unfollow
from soundgraph.application.ports import Timelines
from soundgraph.application.tracks import DeleteTrack, EditTrack
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.people import PersonFollowed
from soundgraph.domain.tracks import TrackDetails, TrackPublished
from soundgraph.domain.visibility import AccountStanding, Actor, Audience, Standing


async def fan_and_star(app: World) -> tuple[Actor, Actor]:
    fan, star = await join(app, "fan"), await join(app, "star")
    await app.use(Follow)(actor=fan, account_id=star.id)
    await app.settle()
    return fan, star


async def change_audience(app: World, actor: Actor, track_id: TrackId, audience: Audience) -> None:
    await app.use(EditTrack)(
        actor=actor, track_id=track_id, change=lambda old: TrackDetails(title=old.title, audience=audience)
    )
    await app.settle()


async def test_followers_hear_of_a_new_track_and_nobody_else_does(app: World) -> None:
    fan, star = await fan_and_star(app)
    stranger = await join(app, "stranger")
    track_id = await publish(app, star, "New")
    page = await app.use(ReadFeed)(actor=fan, after=None, limit=10)
    (item,) = page.items
    assert (item.id, item.type, item.reason, item.at) == (track_id, "track", "posted", app.clock.now())
    assert [one.handle for one in item.actors] == ["star"]
    assert item.item.title == "New"
    assert page.next is None
    assert await feed(app, stranger) == await feed(app, star) == []


async def test_a_track_is_not_in_the_feed_before_it_plays(app: World) -> None:
    fan, star = await fan_and_star(app)
    await upload(app, star, "New")
    assert await feed(app, fan) == []
    await app.settle()
    assert await feed(app, fan) == ["New"]


async def test_following_brings_the_newest_tracks_and_unfollowing_takes_them_away(app: World) -> None:
    star, other, fan = [await join(app, handle) for handle in ("star", "other", "fan")]
    for number in range(BACKFILL + 2):
        await publish(app, star, f"Track {number}")
    await publish(app, other, "Other")
    for person in (star, other):
        await app.use(Follow)(actor=fan, account_id=person.id)
    await app.settle()
    newest_first = [f"Track {number}" for number in range(BACKFILL + 1, 1, -1)]
    assert await feed(app, fan) == ["Other", *newest_first]
    await app.use(Unfollow)(actor=fan, account_id=star.id)
    await app.settle()
    assert await feed(app, fan) == ["Other"]


async def test_news_that_come_late_look_again_at_what_is_true(app: World) -> None:
    fan, star = await fan_and_star(app)
    await publish(app, star, "Old")
    followed = PersonFollowed(follower=fan.id, followee=star.id)
    await app.use(Unfollow)(actor=fan, account_id=star.id)
    await app.settle()
    await app.use(FollowIntoFeed)(followed, a_debt())
    assert await feed(app, fan) == []


async def test_what_was_hidden_or_taken_back_is_not_pushed(app: World) -> None:
    fan, star = await fan_and_star(app)
    track_id = await publish(app, star, audience=Audience.PRIVATE)
    news = TrackPublished(track_id=track_id, owner_id=star.id)
    await app.use(PushToFeeds)(news, a_debt())
    await app.use(PushToFeeds)(TrackPublished(track_id=TrackId(uuid4()), owner_id=star.id), a_debt())
    timelines = app.use(Timelines)
    assert await timelines.page(feed_of(fan.id), before=None, limit=9) == []
    await change_audience(app, star, track_id, Audience.PUBLIC)
    assert await feed(app, fan) == ["A track"]


async def test_the_feed_forgets_at_once_what_may_no_longer_be_seen(app: World) -> None:
    fan, star = await fan_and_star(app)
    tracks = {title: await publish(app, star, title) for title in ("Private", "Hidden", "Deleted", "Shown")}
    assert await feed(app, fan) == ["Shown", "Deleted", "Hidden", "Private"]
    await change_audience(app, star, tracks["Private"], Audience.PRIVATE)
    await moderate(app, tracks["Hidden"], Standing.HIDDEN)
    await app.use(DeleteTrack)(actor=star, track_id=tracks["Deleted"])
    assert await feed(app, fan) == ["Shown"]
    await moderate(app, tracks["Hidden"], Standing.OK)
    await change_audience(app, star, tracks["Private"], Audience.PUBLIC)
    assert await feed(app, fan) == ["Shown", "Hidden", "Private"]
    await stand(app, star, AccountStanding.SUSPENDED)
    assert await feed(app, fan) == []


@pytest.mark.parametrize("fan_blocks", [True, False])
async def test_a_block_empties_the_feed_for_good(app: World, fan_blocks: bool) -> None:
    fan, star = await fan_and_star(app)
    await publish(app, star, "Old")
    blocker, blocked = (fan, star) if fan_blocks else (star, fan)
    await app.use(Block)(actor=blocker, account_id=blocked.id)
    assert await feed(app, fan) == []
    await app.settle()
    await publish(app, star, "New")
    await app.use(Unblock)(actor=blocker, account_id=blocked.id)
    await app.settle()
    assert await feed(app, fan) == []
    await app.use(Follow)(actor=fan, account_id=star.id)
    await app.settle()
    assert await feed(app, fan) == ["New", "Old"]


@pytest.mark.parametrize("fans", [FAN_PAGE - 1, FAN_PAGE, FAN_PAGE + 1])
async def test_every_one_of_many_followers_is_reached(app: World, fans: int) -> None:
    star = await join(app, "star")
    followers = [AccountId(uuid4()) for _ in range(fans)]
    async with app.work() as work:
        for follower in followers:
            await work.follows.add(follower, star.id, at=app.clock.now())
        await work.commit()
    track_id = await publish(app, star)
    timelines = app.use(Timelines)
    assert None not in [await timelines.get(feed_of(follower), str(track_id)) for follower in followers]


FATES = st.lists(st.sampled_from(["shown", "hidden", "private", "together"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(fates=FATES, limit=st.integers(1, 5))
def test_walking_the_pages_yields_each_visible_track_once_and_every_page_is_full(fates: list[str], limit: int) -> None:
    async def story() -> None:
        app = memory_app()
        fan, star = await fan_and_star(app)
        shown = []
        for number, fate in enumerate(fates):
            # Some are published at the same moment, so that only the id tells them apart.
            app.clock.advance(timedelta(seconds=fate != "together"))
            track_id = await upload(app, star, f"Track {number}")
            await app.settle()
            if fate == "hidden":
                await moderate(app, track_id, Standing.HIDDEN)
            elif fate == "private":
                await change_audience(app, star, track_id, Audience.PRIVATE)
            else:
                shown.append(f"Track {number}")
        read, after, pages = app.use(ReadFeed), None, []
        while True:
            page = await read(actor=fan, after=after, limit=limit)
            pages.append([item.item.title for item in page.items])
            after = page.next
            if after is None:
                break
        assert [title for page in pages for title in page] == shown[::-1]
        assert all(len(page) == limit for page in pages[:-1])
        assert len(pages) == max(1, -(-len(shown) // limit))

    asyncio.run(story())
