"""Other audio for a track, and earlier audio again: what is kept, and what happens at the same time."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import (
    App,
    a_debt,
    begun_upload,
    join,
    once,
    owed,
    publish,
    put_on_plan,
    replace_audio,
    stored_track,
    tiny_wav,
    upload,
)

from soundgraph.application.deliveries import DeadLetters
from soundgraph.application.engagement import LikeTrack
from soundgraph.application.limits import Caps
from soundgraph.application.playback import ReadStreams
from soundgraph.application.ports import Ids
from soundgraph.application.tracks import (
    BeginUpload,
    CheckReplacement,
    DeleteTrack,
    ExpireUploads,
    GiveUpOnRevision,
    ListRevisions,
    ReadTrack,
    ReplaceAudio,
    RestoreRevision,
    RetryTrack,
)
from soundgraph.application.upkeep import CheckCounters, CheckObjects, Invariants
from soundgraph.application.views import TrackView
from soundgraph.domain.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from soundgraph.domain.events import DeliveryExhausted
from soundgraph.domain.ids import EventId, RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import MAX_REVISIONS, RevisionReceived, RevisionState, Track
from soundgraph.domain.visibility import ANYONE, Actor

BROKEN = b"RIFF but not audio"


async def creator(app: App) -> tuple[Actor, TrackId]:
    """Somebody whose plan brings replace-audio, and a track of theirs that plays for half a second."""
    ada = await put_on_plan(app, await join(app, "ada"), "creator")
    return ada, await publish(app, ada)


async def replaced(app: App, actor: Actor, track_id: TrackId, seconds: float) -> None:
    """Other audio, processed as far as it can be."""
    assert await replace_audio(app, actor, track_id, tiny_wav(seconds))
    await app.settle()


async def view(app: App, track_id: TrackId) -> TrackView:
    return await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)


async def outcomes(*attempts: Awaitable[object]) -> list[str]:
    """What each of some attempts at once came to: ok, or the code of its refusal."""
    done = await asyncio.gather(*attempts, return_exceptions=True)
    unexpected = [one for one in done if isinstance(one, BaseException) and not hasattr(one, "code")]
    assert unexpected == []
    return sorted(getattr(one, "code", "ok") for one in done)


async def consistent(app: App, track_id: TrackId) -> Track:
    """The track, after a look at its revisions, its allowance and its objects."""
    await app.settle()
    track = await stored_track(app, track_id)
    assert [one.state for one in track.revisions[:-1]] == [RevisionState.READY] * (len(track.revisions) - 1)
    assert await app.use(CheckCounters)(repair=False) == []
    app.clock.advance(timedelta(days=2))
    await app.settle()
    report = await app.use(CheckObjects)(repair=False)
    assert (report.orphan_keys, report.dangling_keys) == ([], [])
    return track


async def test_other_audio_takes_over_when_it_is_ready(app: App) -> None:
    ada, track_id = await creator(app)
    bob = await join(app, "bob")
    await app.use(LikeTrack)(actor=bob, track_id=track_id)
    before, streams = await view(app, track_id), await app.use(ReadStreams)(viewer=ANYONE, track_id=track_id)
    assert await replace_audio(app, ada, track_id, tiny_wav(2))
    waiting = await view(app, track_id)
    assert (waiting.state, waiting.duration_ms, waiting.progress, waiting.stage) == ("ready", 500, 0, "received")
    assert (await app.use(ReadStreams)(viewer=ANYONE, track_id=track_id)).http_mp3_128_url == streams.http_mp3_128_url
    await app.settle()
    after = await view(app, track_id)
    assert (after.duration_ms, after.progress, after.stage, after.failure) == (2_000, 100, None, None)
    assert (after.id, after.permalink, after.published_at) == (before.id, before.permalink, before.published_at)
    assert after.counts.likes == 1
    assert (await app.use(ReadStreams)(viewer=ANYONE, track_id=track_id)).http_mp3_128_url != streams.http_mp3_128_url
    newest, oldest = await app.use(ListRevisions)(actor=ada, track_id=track_id)
    assert (newest.number, newest.duration_ms, newest.state, newest.live) == (2, 2_000, "ready", True)
    assert (oldest.number, oldest.duration_ms, oldest.state, oldest.live) == (1, 500, "ready", False)
    await consistent(app, track_id)


async def test_audio_that_fails_leaves_what_plays_and_says_so(app: App) -> None:
    ada, track_id = await creator(app)
    assert await replace_audio(app, ada, track_id, BROKEN)
    await app.settle()
    failed = await view(app, track_id)
    assert (failed.state, failed.duration_ms, failed.progress) == ("ready", 500, 100)
    assert failed.failure is not None
    assert failed.failure.code == "unsupported"
    newest, oldest = await app.use(ListRevisions)(actor=ada, track_id=track_id)
    assert (newest.state, newest.live, newest.failure) == ("failed", False, failed.failure)
    assert oldest.live
    # It makes way for the next.
    await replaced(app, ada, track_id, 3)
    assert (await view(app, track_id)).failure is None
    assert [one.number for one in (await consistent(app, track_id)).revisions] == [1, 3]


async def test_a_track_that_never_played_gets_audio(app: App) -> None:
    ada = await put_on_plan(app, await join(app, "ada"), "creator")
    track_id = await upload(app, ada, audio=BROKEN)
    await app.settle()
    await replaced(app, ada, track_id, 1)
    track = await consistent(app, track_id)
    assert [one.number for one in track.revisions] == [2]
    assert track.published_at is not None


async def test_the_audio_that_it_has_changes_nothing(app: App) -> None:
    ada, track_id = await creator(app)
    assert not await replace_audio(app, ada, track_id, tiny_wav())
    audio = tiny_wav(4)
    assert await outcomes(*(replace_audio(app, ada, track_id, audio) for _ in range(5))) == ["ok"] * 5
    assert len((await stored_track(app, track_id)).revisions) == 2


async def test_ten_are_kept_and_the_rest_goes_with_its_objects(app: App) -> None:
    ada, track_id = await creator(app)
    first = (await stored_track(app, track_id)).revisions[0]
    for number in range(2, MAX_REVISIONS + 3):
        await replaced(app, ada, track_id, number / 10)
    track = await consistent(app, track_id)
    assert [one.number for one in track.revisions] == list(range(3, MAX_REVISIONS + 3))
    assert track.live == track.revisions[-1]
    for key in (*first.stored_keys(), track.original_key(first)):
        assert await app.store.size(key) is None
    with pytest.raises(NotFound):
        await app.use(RestoreRevision)(actor=ada, track_id=track_id, revision=1)
    # What plays is never the one to go, however old it is, until another plays.
    await app.use(RestoreRevision)(actor=ada, track_id=track_id, revision=3)
    await replace_audio(app, ada, track_id, tiny_wav(5))
    assert (await stored_track(app, track_id)).live == track.revisions[0]
    await app.settle()
    assert [one.number for one in (await consistent(app, track_id)).revisions] == list(range(4, MAX_REVISIONS + 4))


async def test_a_revision_plays_again_at_once_by_number_or_id(app: App) -> None:
    ada, track_id = await creator(app)
    await replaced(app, ada, track_id, 2)
    first, second = (await stored_track(app, track_id)).revisions
    restore = app.use(RestoreRevision)
    await restore(actor=ada, track_id=track_id, revision=1)
    assert (await view(app, track_id)).duration_ms == 500
    version = (await view(app, track_id)).version
    await restore(actor=ada, track_id=track_id, revision=second.id, version=version)
    assert (await view(app, track_id)).duration_ms == 2_000
    with pytest.raises(Stale):
        await restore(actor=ada, track_id=track_id, revision=first.id, version=version)
    for wrong in (3, RevisionId(uuid4())):
        with pytest.raises(NotFound):
            await restore(actor=ada, track_id=track_id, revision=wrong)
    await consistent(app, track_id)


async def test_restoring_dismisses_a_failure(app: App) -> None:
    ada, track_id = await creator(app)
    await replace_audio(app, ada, track_id, BROKEN)
    await app.settle()
    restore = app.use(RestoreRevision)
    with pytest.raises(Conflict) as refusal:
        await restore(actor=ada, track_id=track_id, revision=2)
    assert refusal.value.code == "not_restorable"
    await restore(actor=ada, track_id=track_id, revision=1)
    await restore(actor=ada, track_id=track_id, revision=1)
    assert (await view(app, track_id)).failure is None
    with pytest.raises(Conflict):
        await app.use(RetryTrack)(actor=ada, track_id=track_id)
    assert len((await consistent(app, track_id)).revisions) == 1


async def test_it_takes_the_plan_and_the_owner(app: App) -> None:
    ada, track_id = await creator(app)
    await replaced(app, ada, track_id, 2)
    free, bob = Actor(ada.id), await put_on_plan(app, await join(app, "bob"), "creator", login="bob")
    for actor, refusal in ((free, Forbidden), (bob, NotFound)):
        with pytest.raises(refusal):
            await app.use(CheckReplacement)(actor=actor, track_id=track_id)
        with pytest.raises(refusal):
            await replace_audio(app, actor, track_id, tiny_wav(3))
        with pytest.raises(refusal):
            await app.use(RestoreRevision)(actor=actor, track_id=track_id, revision=1)
    assert len(await app.use(ListRevisions)(actor=free, track_id=track_id)) == 2
    with pytest.raises(NotFound):
        await app.use(ListRevisions)(actor=bob, track_id=track_id)
    with pytest.raises(NotFound):
        await app.use(ListRevisions)(actor=ada, track_id=TrackId(uuid4()))


async def test_only_ones_own_upload_that_waits_becomes_audio(app: App) -> None:
    ada, track_id = await creator(app)
    bob = await join(app, "bob")
    replace = app.use(ReplaceAudio)

    async def with_upload(upload_id: UploadId, size_bytes: int = 3, version: int | None = None) -> bool:
        return await replace(
            actor=ada, track_id=track_id, upload_id=upload_id, size_bytes=size_bytes, sha256="abc", version=version
        )

    with pytest.raises(NotFound):
        await with_upload((await begun_upload(app, bob)).id)
    with pytest.raises(NotFound):
        await with_upload(UploadId(uuid4()))
    mine = await begun_upload(app, ada)
    with pytest.raises(Invalid):
        await with_upload(mine.id, size_bytes=0)
    with pytest.raises(Stale):
        await with_upload(mine.id, version=99)
    app.clock.advance(timedelta(days=2))
    with pytest.raises(NotFound):
        await with_upload(mine.id)


async def test_of_twenty_who_replace_at_once_one_does(app: App) -> None:
    ada, track_id = await creator(app)
    replace = ReplaceAudio(app.work, app.use(Ids), app.clock, Caps(tracks_in_processing=None))
    begin = BeginUpload(app.work, app.use(Ids), app.clock, Caps(tracks_in_processing=None))
    uploads = [await begin(actor=ada, filename="take.wav") for _ in range(20)]
    stored = [await app.store.put(one.key, once(tiny_wav(1 + number))) for number, one in enumerate(uploads)]
    attempts = (
        replace(actor=ada, track_id=track_id, upload_id=one.id, size_bytes=kept.size_bytes, sha256=kept.sha256)
        for one, kept in zip(uploads, stored, strict=True)
    )
    assert await outcomes(*attempts) == ["audio_in_processing"] * 19 + ["ok"]
    with pytest.raises(Conflict):
        await app.use(CheckReplacement)(actor=ada, track_id=track_id)
    track = await consistent(app, track_id)
    assert [one.number for one in track.revisions] == [1, 2]
    assert track.live == track.revisions[1]


async def test_replacing_while_deleting_leaves_nothing_behind(app: App) -> None:
    ada, track_id = await creator(app)
    found = await outcomes(
        *(replace_audio(app, ada, track_id, tiny_wav(1 + number)) for number in range(2)),
        app.use(DeleteTrack)(actor=ada, track_id=track_id),
    )
    assert "ok" in found
    assert set(found) <= {"ok", "not_found", "audio_in_processing", "too_many_processing"}
    await app.settle()
    app.clock.advance(timedelta(days=2))
    # What was sent for a track that was gone is swept as any upload that became none.
    await app.use(ExpireUploads)(None, a_debt())
    report = await app.use(CheckObjects)(repair=False)
    assert (report.orphan_keys, report.objects) == ([], 0)
    assert await app.use(CheckCounters)(repair=False) == []


async def test_deleting_while_other_audio_is_processed_stops_it(app: App) -> None:
    ada, track_id = await creator(app)
    await replace_audio(app, ada, track_id, tiny_wav(3))
    hints = [one for one in await owed(app) if one.subscriber == "tracks.process"]
    await asyncio.gather(
        *(app.dispatcher.deliver(one.event_id, one.subscriber) for one in hints),
        app.use(DeleteTrack)(actor=ada, track_id=track_id),
    )
    await app.settle()
    app.clock.advance(timedelta(days=2))
    assert (await app.use(CheckObjects)(repair=False)).objects == 0
    assert await app.use(CheckCounters)(repair=False) == []


async def test_nothing_is_restored_while_audio_is_processed(app: App) -> None:
    ada, track_id = await creator(app)
    await replaced(app, ada, track_id, 2)
    await replace_audio(app, ada, track_id, tiny_wav(3))
    for number in (1, 2, 3):
        with pytest.raises(Conflict) as refusal:
            await app.use(RestoreRevision)(actor=ada, track_id=track_id, revision=number)
        assert refusal.value.code == "audio_in_processing"
    (hint,) = (one for one in await owed(app) if one.subscriber == "tracks.process")
    found = await outcomes(
        app.dispatcher.deliver(hint.event_id, hint.subscriber),
        *(app.use(RestoreRevision)(actor=ada, track_id=track_id, revision=1) for _ in range(10)),
    )
    assert set(found) <= {"ok", "audio_in_processing"}
    track = await consistent(app, track_id)
    # Whoever came after the new audio was ready got what they asked for.
    assert track.live is not None
    assert track.live.number == (1 if found.count("ok") > 1 else 3)


async def test_of_many_who_restore_and_replace_at_once_the_last_wins(app: App) -> None:
    ada, track_id = await creator(app)
    for seconds in (1, 2):
        await replaced(app, ada, track_id, seconds)
    found = await outcomes(
        *(app.use(RestoreRevision)(actor=ada, track_id=track_id, revision=1 + number % 3) for number in range(20)),
        replace_audio(app, ada, track_id, tiny_wav(4)),
    )
    assert set(found) <= {"ok", "audio_in_processing"}
    track = await consistent(app, track_id)
    assert [one.number for one in track.revisions] == [1, 2, 3, 4]
    assert track.live == track.revisions[3]


async def test_a_dead_letter_of_earlier_audio_fails_only_that(app: App) -> None:
    ada, track_id = await creator(app)
    first = (await stored_track(app, track_id)).revisions[0]
    await replace_audio(app, ada, track_id, tiny_wav(3))
    async with app.work() as work:
        work.record(RevisionReceived(track_id=track_id, revision_id=first.id))
        await work.commit()
    received = [one for one in await owed(app) if one.subscriber == "tracks.process"]
    for hint in received:
        claimed = await app.deliveries.claim(
            hint.event_id, hint.subscriber, now=app.clock.now(), lease=timedelta(seconds=30)
        )
        assert claimed is not None
        assert isinstance(claimed.event, RevisionReceived)
        if claimed.event.revision_id == first.id:
            async with app.work() as work:
                work.record(exhausted(hint.event_id, track_id))
                await work.commit()
    await app.settle()
    assert (await stored_track(app, track_id)).revisions[1].state is RevisionState.RECEIVED
    # What nobody remembers fails nothing either.
    await app.use(GiveUpOnRevision)(exhausted(EventId(uuid4()), track_id), a_debt())
    assert (await stored_track(app, track_id)).revisions[1].state is RevisionState.RECEIVED


def exhausted(event_id: EventId, track_id: TrackId) -> DeliveryExhausted:
    return DeliveryExhausted(
        event_id=event_id,
        event_name=RevisionReceived.name,
        event_key=str(track_id),
        subscriber="tracks.process",
        error="OSError: disk",
    )


async def test_each_revision_is_owed_its_own_processing(app: App) -> None:
    ada, track_id = await creator(app)
    first = (await stored_track(app, track_id)).revisions[0]
    await replace_audio(app, ada, track_id, tiny_wav(3))
    (hint,) = (one for one in await owed(app) if one.subscriber == "tracks.process")
    claimed = await app.deliveries.claim(hint.event_id, hint.subscriber, now=app.clock.now(), lease=timedelta(hours=1))
    assert claimed is not None
    await app.deliveries.pay(claimed.debt)
    async with app.work() as work:
        work.record(RevisionReceived(track_id=track_id, revision_id=first.id))
        await work.commit()
    (stuck,) = await app.use(Invariants).stuck(limit=10)
    assert stuck.revision_id == (await stored_track(app, track_id)).revisions[1].id


async def test_a_debt_for_a_revision_that_is_gone_is_paid(app: App) -> None:
    _, track_id = await creator(app)
    async with app.work() as work:
        work.record(RevisionReceived(track_id=track_id, revision_id=RevisionId(uuid4())))
        await work.commit()
    await app.settle()
    assert await app.use(DeadLetters).list(limit=10) == []
    assert await owed(app) == []


async def test_the_revisions_of_a_removed_track_are_not_listed(app: App) -> None:
    ada, track_id = await creator(app)
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    with pytest.raises(NotFound):
        await app.use(ListRevisions)(actor=ada, track_id=track_id)
    with pytest.raises(NotFound):
        await replace_audio(app, ada, track_id, tiny_wav(3))
