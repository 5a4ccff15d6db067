"""Profiles, follows and blocks."""

from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import join, promote, stand, walk

from soundgraph.adapters.memory.app import World
from soundgraph.application.people import (
    Block,
    EditProfile,
    Follow,
    ListFollowers,
    ListFollowings,
    PeopleReader,
    ReadProfile,
    Unblock,
    Unfollow,
    pair_key,
)
from soundgraph.application.views import UserView
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import AccountId
from soundgraph.domain.people import FOLLOWINGS_CAP
from soundgraph.domain.visibility import ANYONE, AccountStanding, Actor, Role, Viewer

NOBODY = AccountId(uuid4())


async def profile(app: World, person: Actor, viewer: Viewer = ANYONE) -> UserView:
    return await app.use(ReadProfile)(viewer=viewer, id_or_handle=person.id)


async def followers(app: World, person: Actor, viewer: Viewer = ANYONE, *, limit: int = 2) -> list[str]:
    read = app.use(ListFollowers)
    people = await walk(lambda after: read(viewer=viewer, account_id=person.id, after=after, limit=limit))
    return [one.handle for one in people]


async def followings(app: World, person: Actor, viewer: Viewer = ANYONE, *, limit: int = 2) -> list[str]:
    read = app.use(ListFollowings)
    people = await walk(lambda after: read(viewer=viewer, account_id=person.id, after=after, limit=limit))
    return [one.handle for one in people]


async def test_a_profile_by_id_and_by_handle_in_any_case(app: World) -> None:
    ada = await join(app, "ada")
    view = await profile(app, ada)
    assert await app.use(ReadProfile)(viewer=ANYONE, id_or_handle="ADA") == view
    assert (view.handle, view.permalink_url, view.version) == ("ada", "http://localhost/ada", 1)


@pytest.mark.parametrize("who", [NOBODY, "nobody"])
async def test_a_stranger_is_not_found(app: World, who: AccountId | str) -> None:
    with pytest.raises(NotFound):
        await app.use(ReadProfile)(viewer=ANYONE, id_or_handle=who)


async def test_editing_changes_what_is_given(app: World) -> None:
    ada = await join(app, "ada")
    await app.use(EditProfile)(actor=ada, bio="Counts.")
    await app.use(EditProfile)(actor=ada, display_name="Ada L.", city="London")
    view = await profile(app, ada)
    assert (view.display_name, view.bio, view.city, view.version) == ("Ada L.", "Counts.", "London", 3)


async def test_a_refused_edit_changes_nothing(app: World) -> None:
    ada = await join(app, "ada")
    with pytest.raises(Invalid):
        await app.use(EditProfile)(actor=ada, bio="Counts.", display_name="")
    assert (await profile(app, ada)).bio == ""
    with pytest.raises(NotFound):
        await app.use(EditProfile)(actor=Actor(NOBODY), bio="Counts.")


async def test_following_twice_is_following_once(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    for _ in range(2):
        await app.use(Follow)(actor=bob, account_id=ada.id)
    seen, own = await profile(app, ada, bob), await profile(app, bob, ada)
    assert (seen.counts.followers, own.counts.followings) == (1, 1)
    assert (seen.viewer.following, own.viewer.followed_by) == (True, True)
    assert await app.settle() == 1
    for _ in range(2):
        await app.use(Unfollow)(actor=bob, account_id=ada.id)
    seen = await profile(app, ada, bob)
    assert (seen.counts.followers, seen.viewer.following) == (0, False)
    assert await app.settle() == 1


async def test_nobody_follows_or_blocks_themself_or_a_stranger(app: World) -> None:
    ada = await join(app, "ada")
    verbs: list[Follow | Block] = [app.use(Follow), app.use(Block)]
    for verb in verbs:
        with pytest.raises(Invalid) as refusal:
            await verb(actor=ada, account_id=ada.id)
        assert refusal.value.code == "self"
        with pytest.raises(NotFound):
            await verb(actor=ada, account_id=NOBODY)
    await app.use(Unfollow)(actor=ada, account_id=NOBODY)
    await app.use(Unblock)(actor=ada, account_id=NOBODY)
    assert await app.settle() == 0


async def test_the_cap_on_followings_refuses_one_more_but_not_the_same_again(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    others = [AccountId(uuid4()) for _ in range(FOLLOWINGS_CAP)]
    async with app.work() as work:
        for other in [*others[1:], ada.id]:
            await work.follows.add(bob.id, other, at=app.clock.now())
        await work.commit()
    await app.use(Follow)(actor=bob, account_id=ada.id)
    eve = await join(app, "eve")
    with pytest.raises(Invalid) as refusal:
        await app.use(Follow)(actor=bob, account_id=eve.id)
    assert refusal.value.code == "limit_reached"
    assert (await profile(app, eve)).counts.followers == 0
    await app.use(Unfollow)(actor=bob, account_id=others[1])
    await app.use(Follow)(actor=bob, account_id=eve.id)


async def test_a_block_ends_both_follows_and_hides_each_from_the_other(app: World) -> None:
    ada, bob, eve = [await join(app, handle) for handle in ("ada", "bob", "eve")]
    for follower, followee in ((ada, bob), (bob, ada), (eve, ada), (eve, bob)):
        await app.use(Follow)(actor=follower, account_id=followee.id)
    for _ in range(2):
        await app.use(Block)(actor=ada, account_id=bob.id)
    for viewer, other in ((ada, bob), (bob, ada)):
        with pytest.raises(NotFound):
            await profile(app, other, viewer)
        for listing in (followers, followings):
            with pytest.raises(NotFound):
                await listing(app, other, viewer)
        with pytest.raises(NotFound):
            await app.use(Follow)(actor=viewer, account_id=other.id)
    assert (await profile(app, ada)).counts.followers == (await profile(app, bob)).counts.followers == 1
    assert await followings(app, eve, ada) == ["ada"]
    assert sorted(await followings(app, eve, eve)) == ["ada", "bob"]


async def test_one_may_block_back_and_each_lifts_only_their_own(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    await app.use(Block)(actor=ada, account_id=bob.id)
    await app.use(Block)(actor=bob, account_id=ada.id)
    reader = app.use(PeopleReader)
    assert [one.handle for one in (await reader.blocked_by(ada, after=None, limit=9)).items] == ["bob"]
    for _ in range(2):
        await app.use(Unblock)(actor=ada, account_id=bob.id)
    with pytest.raises(NotFound):
        await profile(app, bob, ada)
    await app.use(Unblock)(actor=bob, account_id=ada.id)
    assert not (await profile(app, bob, ada)).viewer.blocking
    assert await followers(app, bob) == []


async def test_a_suspended_person_is_nowhere_but_still_counted(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    moderator = await promote(app, await join(app, "mod"), Role.MODERATOR)
    await app.use(Follow)(actor=bob, account_id=ada.id)
    await stand(app, bob, AccountStanding.SUSPENDED)
    assert await followers(app, ada) == []
    assert await followers(app, ada, moderator) == ["bob"]
    assert (await profile(app, ada)).counts.followers == 1
    with pytest.raises(NotFound):
        await profile(app, bob)
    assert (await profile(app, bob, moderator)).handle == "bob"


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
async def test_lists_are_newest_first_and_pages_meet(app: World, limit: int) -> None:
    star = await join(app, "star")
    fans = [await join(app, f"fan-{number}") for number in range(5)]
    for number, fan in enumerate(fans):
        # Two at the same moment: the id decides, the same way on every page.
        app.clock.advance(timedelta(seconds=number % 2))
        await app.use(Follow)(actor=fan, account_id=star.id)
        await app.use(Follow)(actor=star, account_id=fan.id)
    newest_first = [f"fan-{number}" for number in (4, 3, 2, 1, 0)]
    assert await followers(app, star, limit=limit) == newest_first
    assert await followings(app, star, limit=limit) == newest_first


def test_a_pair_has_one_key_whoever_comes_first() -> None:
    ada, bob = AccountId(uuid4()), AccountId(uuid4())
    assert pair_key(ada, bob) == pair_key(bob, ada)
