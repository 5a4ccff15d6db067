"""What scheduling promises: a track is published at its moment, once, and only if that is still the plan."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from tests.builders import App, feed, join, once, stored_track, tiny_wav

from soundgraph.application.people import Follow
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.tracks import BeginUpload, CreateTrack, DeleteTrack, EditTrack, ListTracksOf, ReadTrack
from soundgraph.application.views import TrackView
from soundgraph.domain.errors import Forbidden, Invalid, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.domain.plans import CREATOR
from soundgraph.domain.tracks import SCHEDULING_HORIZON, TrackDetails
from soundgraph.domain.visibility import ANYONE, Actor, Audience

HOUR = timedelta(hours=1)


async def creator(app: App, handle: str = "ada") -> Actor:
    return replace(await join(app, handle), entitlements=CREATOR.entitlements)


async def schedule(app: App, actor: Actor, publish_at: datetime | None, *, ready: bool = True) -> TrackId:
    """A scheduled track, processed if it is to be ready."""
    begun = await app.use(BeginUpload)(actor=actor, filename="take.wav")
    kept = await app.store.put(begun.key, once(tiny_wav()))
    track_id: TrackId = await app.use(CreateTrack)(
        actor=actor,
        upload_id=begun.id,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        details=TrackDetails(title="Soon", audience=Audience.SCHEDULED, publish_at=publish_at),
    )
    if ready:
        await app.settle()
    return track_id


async def edit(app: App, actor: Actor, track_id: TrackId, **changes: object) -> None:
    await app.use(EditTrack)(actor=actor, track_id=track_id, change=lambda details: replace(details, **changes))  # type: ignore[arg-type]


async def view(app: App, actor: Actor, track_id: TrackId) -> TrackView:
    return await app.use(ReadTrack)(viewer=actor, track_id=track_id)


async def at(app: App, moment: datetime) -> None:
    """Let it be that moment, with a worker that runs."""
    app.clock.advance(moment - app.clock.now())
    await app.settle()


async def test_it_is_private_until_its_moment_and_then_in_the_feeds(app: App) -> None:
    ada, bob = await creator(app), await join(app, "bob")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    moment = app.clock.now() + HOUR
    track_id = await schedule(app, ada, moment.astimezone(timezone(timedelta(hours=5))))
    before = await view(app, ada, track_id)
    assert (before.visibility, before.publish_at, before.published_at) == ("scheduled", moment, None)
    await at(app, moment - timedelta(milliseconds=1))
    with pytest.raises(NotFound):
        await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)
    assert await feed(app, bob) == []
    await at(app, moment)
    after = await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)
    assert (after.visibility, after.publish_at, after.published_at) == ("public", None, moment)
    assert await feed(app, bob) == ["Soon"]
    listed = await app.use(ListTracksOf)(viewer=ANYONE, account_id=ada.id, after=None, limit=5)
    assert [one.id for one in listed.items] == [track_id]


async def test_what_is_not_ready_at_its_moment_is_published_once_it_is(app: App) -> None:
    ada, bob = await creator(app), await join(app, "bob")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    await app.settle()
    moment = app.clock.now() + HOUR
    track_id = await schedule(app, ada, moment, ready=False)
    app.clock.advance(HOUR)
    (publish,) = await app.deliveries.due(["tracks.publish"], now=app.clock.now(), limit=10)
    assert await app.dispatcher.deliver(publish.event_id, publish.subscriber)
    waiting = await view(app, ada, track_id)
    assert (waiting.visibility, waiting.state, waiting.published_at) == ("public", "processing", None)
    await app.settle()
    assert (await view(app, ada, track_id)).published_at == moment
    assert await feed(app, bob) == ["Soon"]


@pytest.mark.parametrize("first", [HOUR, 3 * HOUR])
async def test_another_moment_takes_the_place_of_the_first(app: App, first: timedelta) -> None:
    ada, now = await creator(app), app.clock.now()
    track_id = await schedule(app, ada, now + first)
    await edit(app, ada, track_id, publish_at=now + 2 * HOUR)
    await at(app, now + HOUR)
    assert (await view(app, ada, track_id)).visibility == "scheduled"
    await at(app, now + 2 * HOUR)
    assert (await view(app, ada, track_id)).published_at == now + 2 * HOUR
    await at(app, now + 3 * HOUR)
    assert (await view(app, ada, track_id)).published_at == now + 2 * HOUR


CHANGES: dict[str, Callable[[datetime], dict[str, object]]] = {
    "private": lambda _: {"audience": Audience.PRIVATE, "publish_at": None},
    "public": lambda _: {"audience": Audience.PUBLIC, "publish_at": None},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_plan_that_was_dropped_publishes_nothing(app: App, change: str) -> None:
    ada, now = await creator(app), app.clock.now()
    track_id = await schedule(app, ada, now + HOUR)
    app.clock.advance(timedelta(minutes=1))
    await edit(app, ada, track_id, **CHANGES[change](now))
    changed = await stored_track(app, track_id)
    await at(app, now + HOUR)
    after = await view(app, ada, track_id)
    assert after.visibility == change
    assert after.published_at == (now + timedelta(minutes=1) if change == "public" else None)
    assert (await stored_track(app, track_id)).details == changed.details


async def test_the_same_moment_again_publishes_once(app: App) -> None:
    ada, bob = await creator(app), await join(app, "bob")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    now = app.clock.now()
    track_id = await schedule(app, ada, now + HOUR)
    await edit(app, ada, track_id, audience=Audience.PRIVATE, publish_at=None)
    await edit(app, ada, track_id, audience=Audience.SCHEDULED, publish_at=now + HOUR)
    await edit(app, ada, track_id, title="Now")
    await at(app, now + HOUR)
    async with app.work() as work:
        published = await work.fans.published(track_id)
    assert published
    assert published.at == now + HOUR
    assert await feed(app, bob) == ["Now"]


async def test_what_was_deleted_stays_deleted(app: App) -> None:
    ada, now = await creator(app), app.clock.now()
    track_id = await schedule(app, ada, now + HOUR)
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    await at(app, now + HOUR)
    assert (await stored_track(app, track_id)).published_at is None
    assert await app.deliveries.due(SUBSCRIPTIONS.names(), now=now + 9 * HOUR, limit=10) == []


async def test_a_killed_worker_publishes_once_its_lease_is_over(app: App) -> None:
    ada, now = await creator(app), app.clock.now()
    track_id = await schedule(app, ada, now + HOUR)
    app.clock.advance(HOUR)
    (hint,) = await app.deliveries.due(["tracks.publish"], now=app.clock.now(), limit=10)
    lost = await app.deliveries.claim(hint.event_id, hint.subscriber, now=app.clock.now(), lease=timedelta(seconds=30))
    assert lost
    await app.settle()
    assert (await view(app, ada, track_id)).visibility == "scheduled"
    await at(app, app.clock.now() + timedelta(seconds=30))
    assert (await view(app, ada, track_id)).published_at == now + HOUR + timedelta(seconds=30)


async def test_scheduling_needs_its_plan(app: App) -> None:
    free, now = await join(app, "ada"), app.clock.now()
    with pytest.raises(Forbidden, match="creator") as refusal:
        await schedule(app, free, now + HOUR)
    assert refusal.value.code == "plan_limit"
    ada = replace(free, entitlements=CREATOR.entitlements)
    track_id = await schedule(app, ada, now + HOUR)
    # Whoever lost the plan since keeps what was scheduled, and may change everything else.
    await edit(app, free, track_id, title="Sooner or later")
    with pytest.raises(Forbidden):
        await edit(app, free, track_id, publish_at=now + 2 * HOUR)
    await at(app, now + HOUR)
    assert (await view(app, free, track_id)).visibility == "public"


async def test_a_moment_must_be_ahead_and_within_a_year(app: App) -> None:
    ada, now = await creator(app), app.clock.now()
    extremes = [datetime.min.replace(tzinfo=timezone(HOUR)), datetime.max.replace(tzinfo=timezone(-HOUR))]
    for wrong in (None, now, now - HOUR, now + SCHEDULING_HORIZON + timedelta(seconds=1), *extremes):
        with pytest.raises(Invalid) as refusal:
            await schedule(app, ada, wrong)
        assert [one.field for one in refusal.value.errors] == ["publish_at"]
    track_id = await schedule(app, ada, now + HOUR)
    with pytest.raises(Invalid):
        await edit(app, ada, track_id, audience=Audience.PUBLIC)
    # Its moment has come, no worker has: it can still be edited.
    app.clock.advance(2 * HOUR)
    await edit(app, ada, track_id, title="Late")
