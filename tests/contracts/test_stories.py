"""A handful of stories through the front door, unchanged in memory and on PostgreSQL."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.builders import CLIENT, PASSWORD, App, feed, join, publish, register, upload

from soundgraph.application.discovery import ReadFeed
from soundgraph.application.engagement import LikeTrack, ListLikers
from soundgraph.application.identity import LogIn, RefreshSession, Register, VerifyEmail
from soundgraph.application.people import Block, Follow, ReadProfile, Unfollow
from soundgraph.application.playback import ReadManifest, ReadStreams
from soundgraph.application.tracks import DeleteTrack, EditTrack, ListTracksOf, ReadTrack
from soundgraph.domain.errors import Conflict, Gone, NotFound, Unauthenticated
from soundgraph.domain.identity import REFRESH_GRACE
from soundgraph.domain.tracks import TrackDetails
from soundgraph.domain.visibility import ANYONE, Audience


def always(details: TrackDetails) -> Callable[[TrackDetails], TrackDetails]:
    """Say this, whatever was said before."""
    return lambda _: details


async def test_the_first_sound(app: App) -> None:
    """From nothing to a track that a follower hears, likes and finds in their feed."""
    ada, bob = await join(app, "ada"), await join(app, "bob")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    track_id = await upload(app, ada, "First sound")
    assert (await app.use(ReadTrack)(viewer=bob, track_id=track_id)).state == "processing"
    assert await feed(app, bob) == []
    await app.settle()
    heard = await app.use(ReadStreams)(viewer=bob, track_id=track_id)
    assert heard.http_mp3_128_url
    assert "#EXTM3U" in await app.use(ReadManifest)(viewer=bob, track_id=track_id)
    await app.use(LikeTrack)(actor=bob, track_id=track_id)
    seen = await app.use(ReadTrack)(viewer=bob, track_id=track_id)
    assert (seen.state, seen.counts.likes, seen.viewer.liked, seen.duration_ms) == ("ready", 1, True, 500)
    likers = await app.use(ListLikers)(viewer=ANYONE, track_id=track_id, after=None, limit=9)
    assert [one.handle for one in likers.items] == ["bob"]
    assert await feed(app, bob) == ["First sound"]


async def test_a_way_in(app: App) -> None:
    """Registering, the same handle twice, a link that works once, a session that is stolen."""
    token = await register(app, "ada")
    with pytest.raises(Conflict):
        await app.use(Register)(email="eve@example.org", handle="ada", password=PASSWORD)
    with pytest.raises(Unauthenticated):
        await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    await app.use(VerifyEmail)(token=token, client=CLIENT)
    with pytest.raises(Gone):
        await app.use(VerifyEmail)(token=token, client=CLIENT)
    session = await app.use(LogIn)(login="ada@example.org", password=PASSWORD, client=CLIENT)
    fresh = await app.use(RefreshSession)(refresh_token=session.refresh_token)
    app.clock.advance(REFRESH_GRACE + timedelta(seconds=1))
    with pytest.raises(Unauthenticated) as refusal:
        await app.use(RefreshSession)(refresh_token=session.refresh_token)
    assert refusal.value.code == "token_reused"
    with pytest.raises(Unauthenticated):
        await app.use(RefreshSession)(refresh_token=fresh.refresh_token)


async def test_of_twenty_who_verify_with_one_link_one_gets_in(app: App) -> None:
    token, verify = await register(app, "ada"), app.use(VerifyEmail)
    outcomes = await asyncio.gather(*(verify(token=token, client=CLIENT) for _ in range(20)), return_exceptions=True)
    assert [one.code for one in outcomes if isinstance(one, Gone)] == ["token_spent"] * 19


async def test_a_secret_that_was_kept_and_then_told(app: App) -> None:
    """A private track is nowhere until it is made public; then it is in the feed, once."""
    ada, bob = await join(app, "ada"), await join(app, "bob")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    track_id = await publish(app, ada, "Secret", audience=Audience.PRIVATE)
    with pytest.raises(NotFound):
        await app.use(ReadTrack)(viewer=bob, track_id=track_id)
    assert await feed(app, bob) == []
    for audience in (Audience.PUBLIC, Audience.PRIVATE, Audience.PUBLIC):
        said = TrackDetails(title="Secret", audience=audience)
        await app.use(EditTrack)(actor=ada, track_id=track_id, change=always(said))
        await app.settle()
    assert await feed(app, bob) == ["Secret"]
    assert (await app.use(ReadProfile)(viewer=bob, id_or_handle="ada")).counts.tracks == 1


async def test_a_falling_out(app: App) -> None:
    """A block ends everything between two people, and nothing that concerns others."""
    ada, bob, eve = [await join(app, handle) for handle in ("ada", "bob", "eve")]
    for fan in (bob, eve):
        await app.use(Follow)(actor=fan, account_id=ada.id)
    track_id = await publish(app, ada, "Song")
    await app.use(Block)(actor=ada, account_id=bob.id)
    await app.settle()
    assert (await feed(app, bob), await feed(app, eve)) == ([], ["Song"])
    for attempt in (
        app.use(ReadTrack)(viewer=bob, track_id=track_id),
        app.use(LikeTrack)(actor=bob, track_id=track_id),
        app.use(Follow)(actor=bob, account_id=ada.id),
        app.use(ListTracksOf)(viewer=bob, account_id=ada.id, after=None, limit=9),
        app.use(ReadProfile)(viewer=bob, id_or_handle="ada"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)).title == "Song"


async def test_pages_of_a_feed_are_full_whatever_is_hidden_in_between(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    tracks = [await publish(app, ada, f"Track {number}") for number in range(9)]
    for track_id in tracks[1:8:2]:
        await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    page = await app.use(ReadFeed)(actor=bob, after=None, limit=3)
    assert [one.item.title for one in page.items] == ["Track 8", "Track 6", "Track 4"]
    page = await app.use(ReadFeed)(actor=bob, after=page.next, limit=3)
    assert ([one.item.title for one in page.items], page.next) == (["Track 2", "Track 0"], None)
    await app.use(Unfollow)(actor=bob, account_id=ada.id)
    await app.settle()
    assert await feed(app, bob) == []


async def test_a_file_that_is_no_music(app: App) -> None:
    """It fails with a reason that a person understands, and the next upload works."""
    ada = await join(app, "ada")
    broken = await upload(app, ada, "Broken", b"This is a letter.")
    sound = await upload(app, ada, "Sound")
    await app.settle()
    seen = await app.use(ReadTrack)(viewer=ada, track_id=broken)
    assert seen.failure is not None
    assert (seen.state, seen.failure.code, seen.failure.retryable) == ("failed", "unsupported", False)
    assert (await app.use(ReadTrack)(viewer=ada, track_id=sound)).state == "ready"


async def test_saying_more_about_a_track_changes_only_what_is_said(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada, "Take one")
    edit, read = app.use(EditTrack), app.use(ReadTrack)
    before = await read(viewer=ada, track_id=track_id)
    await edit(actor=ada, track_id=track_id, change=lambda old: replace(old, title="Take two", tags=("live",)))
    after = await read(viewer=ada, track_id=track_id)
    assert (after.title, list(after.tags), after.version) == ("Take two", ["live"], before.version + 1)
    assert (after.permalink, after.published_at) == (before.permalink, before.published_at)
