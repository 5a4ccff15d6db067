"""What everybody keeps of audio: reserved once, settled, released, and never more than a plan allows."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import (
    App,
    a_track,
    an_upload,
    inhabit,
    join,
    once,
    owed,
    put_on_plan,
    roll_back,
    stored_track,
    tiny_wav,
    upload,
)

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.application.limits import Caps
from soundgraph.application.plans import ChangePlan, ReadUsage, UsageView
from soundgraph.application.ports import Ids
from soundgraph.application.tracks import QUOTA_EXCEEDED, CreateTrack, DeleteTrack, RetryTrack
from soundgraph.application.upkeep import CheckCounters, Drift, Invariants
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.plans import FREE_SECONDS, Allowance, Usage
from soundgraph.domain.tracks import Analysis, Failure, Rendition, Track, TrackDetails
from soundgraph.domain.visibility import Actor

FREE_MS = FREE_SECONDS * 1000
MINUTE = 60_000
BROKEN = Failure("analysing", "broken", "It is broken.")


def audio(seconds: int) -> bytes:
    """So much audio in next to no bytes: one frame a second."""
    return tiny_wav(seconds, rate=1, width=1)


async def allowance(app: App, account_id: AccountId) -> Allowance:
    async with app.work() as work:
        return await work.allowances.get(account_id)


async def kept(app: App, account_id: AccountId) -> Usage:
    return (await allowance(app, account_id)).usage


async def keep(app: App, owner_id: AccountId, duration_ms: int) -> Track:
    """A track that plays for so long, straight into the collection."""
    track = a_track(owner_id, f"track-{uuid4().hex}")
    async with app.work() as work:
        await work.tracks.add(track)
        revision_id = track.revisions[0].id
        track.finish_analysis(revision_id, Analysis(duration_ms, 44_100, 2, "flac", "waveform"), at=EPOCH)
        track.finish_rendition(revision_id, Rendition("mp3_128k", "mp3", 1), at=EPOCH)
        await work.tracks.save(track)
        await work.commit()
    return track


async def in_processing(app: App, owner_id: AccountId) -> Track:
    track = a_track(owner_id, f"track-{uuid4().hex}")
    async with app.work() as work:
        await work.tracks.add(track)
        await work.commit()
    return track


async def reserve(app: App, track_id: TrackId, duration_ms: int) -> bool:
    """Reserve for the newest revision of a track, as a worker does."""
    async with app.work() as work:
        track = await work.tracks.get(track_id)
        assert track is not None
        room = await work.allowances.get(track.owner_id)
        if not track.reserve(track.revisions[-1].id, duration_ms, room):
            return False
        await work.tracks.save(track)
        await work.commit()
    return True


async def fail(app: App, track_id: TrackId) -> None:
    async with app.work() as work:
        track = await work.tracks.get(track_id)
        assert track is not None
        track.fail(track.revisions[-1].id, BROKEN)
        await work.tracks.save(track)
        await work.commit()


async def sent(app: App, create: CreateTrack, actor: Actor, seconds: int) -> TrackId:
    async with app.work() as work:
        begun = an_upload(actor.id, complete=False)
        await work.uploads.add(begun)
        await work.commit()
    stored = await app.store.put(begun.key, once(audio(seconds)))
    return await create(
        actor=actor,
        upload_id=begun.id,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        details=TrackDetails(title="Take"),
    )


async def no_drift(app: App) -> None:
    assert await app.use(CheckCounters)(repair=False) == []


async def test_who_has_sent_nothing_keeps_nothing_and_nobody_is_not_found(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    assert await allowance(app, ada) == Allowance(Usage(), FREE_MS)
    async with app.work() as work:
        with pytest.raises(NotFound):
            await work.allowances.get(AccountId(uuid4()))


async def test_what_is_reserved_is_settled_by_what_was_decoded(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await upload(app, ada, audio=audio(61))
    assert await reserve(app, track_id, 70_000)
    assert await kept(app, ada.id) == Usage(0, 70_000)
    await app.settle()
    assert await kept(app, ada.id) == Usage(61_000, 0)
    view = await app.use(ReadUsage)(actor=ada)
    assert view == UsageView(upload_seconds_used=61, upload_seconds_reserved=0, upload_seconds_left=FREE_SECONDS - 61)
    await no_drift(app)


async def test_reserving_again_for_the_same_revision_reserves_once(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = await in_processing(app, ada)
    await asyncio.gather(*(reserve(app, track.id, 3 * MINUTE) for _ in range(20)))
    assert await kept(app, ada) == Usage(0, 3 * MINUTE)
    assert await reserve(app, track.id, MINUTE)
    assert await kept(app, ada) == Usage(0, MINUTE)
    await no_drift(app)


async def test_failing_and_deleting_give_it_back(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    failing, deleted, played = [await in_processing(app, ada) for _ in range(2)] + [await keep(app, ada, MINUTE)]
    for track in (failing, deleted):
        assert await reserve(app, track.id, MINUTE)
    assert await kept(app, ada) == Usage(MINUTE, 2 * MINUTE)
    await fail(app, failing.id)
    assert await kept(app, ada) == Usage(MINUTE, MINUTE)
    for track in (deleted, played):
        await app.use(DeleteTrack)(actor=Actor(ada), track_id=track.id)
    assert await kept(app, ada) == Usage()
    await no_drift(app)


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = await in_processing(app, ada)
    room = await allowance(app, ada)
    assert track.reserve(track.revisions[0].id, MINUTE, room)
    await roll_back(app, lambda work: work.tracks.save(replace(track)))
    assert await kept(app, ada) == Usage()


async def test_of_twenty_who_want_the_last_minute_one_gets_it(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    await keep(app, ada, FREE_MS - MINUTE)
    tracks = [await in_processing(app, ada) for _ in range(20)]
    other = await in_processing(app, bob)
    *outcomes, of_bob = await asyncio.gather(
        *(reserve(app, track.id, MINUTE) for track in tracks), reserve(app, other.id, MINUTE)
    )
    assert sorted(outcomes) == [False] * 19 + [True]
    assert of_bob
    assert await kept(app, ada) == Usage(FREE_MS - MINUTE, MINUTE)
    assert (await allowance(app, ada)).left_ms == 0
    await no_drift(app)


async def test_of_twenty_uploads_processed_at_once_for_the_last_minute_one_plays(app: App) -> None:
    ada = await join(app, "ada")
    await keep(app, ada.id, FREE_MS - MINUTE)
    create = CreateTrack(app.work, app.use(Ids), app.clock, Caps(tracks_in_processing=None))
    tracks = [await sent(app, create, ada, seconds) for seconds in range(40, 60)]
    hints = await owed(app)
    await asyncio.gather(*(app.dispatcher.deliver(one.event_id, one.subscriber) for one in hints))
    states = [(await stored_track(app, track_id)).revisions[0] for track_id in tracks]
    assert [one.failure for one in states if one.failure is not None] == [QUOTA_EXCEEDED] * 19
    (ready,) = (one for one in states if one.failure is None)
    assert ready.analysis is not None
    assert await kept(app, ada.id) == Usage(FREE_MS - MINUTE + ready.analysis.duration_ms, 0)
    await no_drift(app)


async def test_a_refused_upload_can_be_tried_again_when_there_is_room(app: App) -> None:
    ada = await join(app, "ada")
    much = await keep(app, ada.id, FREE_MS - MINUTE)
    track_id = await upload(app, ada, audio=audio(61))
    await app.settle()
    refused = await stored_track(app, track_id)
    assert refused.revisions[0].failure == QUOTA_EXCEEDED
    assert await app.store.size(refused.original_key(refused.revisions[0]))
    assert await kept(app, ada.id) == Usage(FREE_MS - MINUTE, 0)
    await app.use(RetryTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert (await stored_track(app, track_id)).revisions[0].failure == QUOTA_EXCEEDED
    await app.use(DeleteTrack)(actor=ada, track_id=much.id)
    await app.use(RetryTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert await kept(app, ada.id) == Usage(61_000, 0)
    await no_drift(app)


async def test_the_plan_is_that_of_the_moment_of_processing(app: App) -> None:
    ada = await join(app, "ada")
    await keep(app, ada.id, FREE_MS)
    track_id = await upload(app, ada, audio=audio(1))
    await put_on_plan(app, ada, "creator")
    await app.settle()
    assert await kept(app, ada.id) == Usage(FREE_MS + 1_000, 0)
    assert (await app.use(ReadUsage)(actor=ada)).upload_seconds_left is None
    await put_on_plan(app, ada, "free", login=" Ada@Example.org ")
    assert (await app.use(ReadUsage)(actor=ada)).upload_seconds_left == 0
    assert (await stored_track(app, track_id)).live is not None


async def test_only_plans_and_accounts_that_exist(app: App) -> None:
    await join(app, "ada")
    with pytest.raises(NotFound):
        await app.use(ChangePlan)(login="nobody", plan="creator")
    with pytest.raises(Invalid) as refusal:
        await app.use(ChangePlan)(login="ada", plan="gold")
    assert refusal.value.code == "unknown_plan"
    with pytest.raises(NotFound):
        await app.use(ReadUsage)(actor=Actor(AccountId(uuid4())))


async def miscount(app: App, account_id: AccountId) -> None:
    raw = getattr(app, "engine", None)
    if raw is None:
        app.database.tables.allowances[account_id] = Usage(7, 8)  # type: ignore[attr-defined]  # memory's own
        return
    async with raw.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE allowances SET used_ms = 7, reserved_ms = 8 WHERE account_id = $1", (account_id,)
        )


async def test_drift_is_found_and_mended_while_others_reserve(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    await keep(app, ada, MINUTE)
    tracks = [await in_processing(app, ada) for _ in range(20)]
    await miscount(app, ada)
    found = [Drift(ada, "reserved_ms", 8, 0), Drift(ada, "used_ms", 7, MINUTE)]
    assert sorted(await app.use(CheckCounters)(repair=False), key=lambda one: one.counter) == found
    invariants = app.use(Invariants)
    outcomes = await asyncio.gather(
        *(reserve(app, track.id, 1_000) for track in tracks),
        *(invariants.recount(ada) for _ in range(10)),
        invariants.recount(bob),
        invariants.recount(tracks[0].id),
    )
    assert outcomes[:20] == [True] * 20
    assert await kept(app, ada) == Usage(MINUTE, 20_000)
    await no_drift(app)


async def test_a_worker_that_died_reserved_once(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await upload(app, ada, audio=audio(30))
    (hint,) = (one for one in await owed(app) if one.subscriber == "tracks.process")
    lease = timedelta(seconds=30)
    # Claimed, probed, and never heard of again.
    assert await app.deliveries.claim(hint.event_id, hint.subscriber, now=app.clock.now(), lease=lease)
    assert await reserve(app, track_id, 30_000)
    app.clock.advance(2 * lease)
    await app.settle()
    assert await kept(app, ada.id) == Usage(30_000, 0)
