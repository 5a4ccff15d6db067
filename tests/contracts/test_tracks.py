"""What every collection of tracks promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import App, a_track, an_upload, inhabit, roll_back

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.application.limits import Caps
from soundgraph.application.people import PeopleReader
from soundgraph.application.ports import Ids
from soundgraph.application.tracks import BeginUpload, CreateTrack, ReadTrack
from soundgraph.domain.errors import Conflict, LimitReached, NotFound
from soundgraph.domain.ids import AccountId, RevisionId, TrackId
from soundgraph.domain.tracks import (
    Analysis,
    Failure,
    Gapless,
    Loudness,
    Rendition,
    Revision,
    Segment,
    Track,
    TrackDetails,
)
from soundgraph.domain.visibility import ANYONE, Actor, Audience, Standing

ANALYSIS = Analysis(
    1_234,
    44_100,
    2,
    "flac",
    "renditions/waveform",
    tags={"artist": "Ada", "comment": "\u00e4"},
    loudness=Loudness(integrated_lufs=-14.1, range_lu=6.5, true_peak_dbtp=-0.3),
)
MP3 = Rendition("mp3_128k", "renditions/mp3", 9, gapless=Gapless(1_105, 713, 54_419))
AAC = Rendition("aac_160k", "renditions/init", 9, (Segment("renditions/0", 1_000), Segment("renditions/1", 234)))


async def add(app: App, track: Track) -> None:
    async with app.work() as work:
        await work.tracks.add(track)
        await work.commit()


async def get(app: App, track_id: TrackId) -> Track:
    async with app.work() as work:
        track = await work.tracks.get(track_id)
    assert track is not None
    return track


async def save(app: App, track: Track) -> None:
    async with app.work() as work:
        await work.tracks.save(track)
        await work.commit()


async def listed(app: App, account_id: AccountId) -> int:
    view = await app.use(PeopleReader).by_id(ANYONE, account_id)
    assert view is not None
    return view.counts.tracks


def play(track: Track) -> None:
    """Make its first revision ready."""
    (revision,) = track.revisions
    track.finish_analysis(revision.id, ANALYSIS, at=EPOCH)
    for rendition in (MP3, AAC):
        track.finish_rendition(revision.id, rendition, at=EPOCH)


async def test_a_new_track_comes_out_as_it_went_in(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    assert await get(app, track.id) == track
    async with app.work() as work:
        assert await work.tracks.get(TrackId(uuid4())) is None


async def test_every_detail_comes_out_as_it_went_in(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    track.details = TrackDetails(
        title="A 'title' \\ 日本 🎵",
        description='Lines\nand "quotes"',
        genre="noise",
        tags=("one", "two, three", "{four}"),
        license="cc-by",
        audience=Audience.SCHEDULED,
        downloadable=True,
        comments_enabled=False,
        embeddable=False,
    )
    await add(app, track)
    assert await get(app, track.id) == track


async def test_what_plays_comes_out_as_it_went_in(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    play(track)
    await save(app, track)
    assert await get(app, track.id) == replace(track, version=2)


async def test_what_failed_comes_out_as_it_went_in(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    revision_id = track.revisions[0].id
    track.finish_analysis(revision_id, ANALYSIS, at=EPOCH)
    await save(app, track)
    track = await get(app, track.id)
    track.fail(revision_id, Failure("storing", "storage_full", "There is no room.", retryable=True))
    await save(app, track)
    failed = await get(app, track.id)
    assert failed == replace(track, version=3)
    failed.retry(revision_id)
    await save(app, failed)
    assert (await get(app, track.id)).revisions[0].failure is None


async def test_revisions_come_out_oldest_first(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    play(track)
    for number in (2, 3):
        track.revisions.append(
            Revision(
                id=RevisionId(uuid4()),
                upload_id=an_upload(ada).id,
                number=number,
                sha256="abc",
                quarantine_key="quarantine/next",
                created_at=EPOCH + timedelta(days=number),
            )
        )
    await save(app, track)
    stored = await get(app, track.id)
    assert [one.number for one in stored.revisions] == [1, 2, 3]
    assert stored == replace(track, version=2)
    assert stored.live == track.revisions[0]


async def test_what_was_added_does_not_change_with_the_object(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    play(track)
    play(await get(app, track.id))
    assert (await get(app, track.id)).live is None


async def test_a_change_to_what_changed_meanwhile_is_refused(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    first, second = await get(app, track.id), await get(app, track.id)
    play(second)
    await save(app, second)
    first.details = TrackDetails(title="First")
    with pytest.raises(Conflict) as refusal:
        await save(app, first)
    assert refusal.value.code == "version_conflict"
    assert (await get(app, track.id)).details.title == "A track"
    with pytest.raises(Conflict):
        await save(app, a_track(ada))


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await roll_back(app, lambda work: work.tracks.add(track))
    async with app.work() as work:
        assert await work.tracks.get(track.id) is None
        assert not await work.tracks.permalink_taken(ada, track.permalink)
    await add(app, track)
    changed = await get(app, track.id)
    play(changed)
    await roll_back(app, lambda work: work.tracks.save(replace(changed)))
    assert await get(app, track.id) == track
    assert await listed(app, ada) == 0


async def test_permalinks_and_uploads_are_used_once(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    upload = an_upload(ada)
    await add(app, a_track(ada, "take", upload=upload))
    async with app.work() as work:
        assert await work.tracks.permalink_taken(ada, "take")
        assert not await work.tracks.permalink_taken(ada, "other")
        assert not await work.tracks.permalink_taken(bob, "take")
    for track, code in (
        (a_track(ada, "take"), "permalink_taken"),
        (a_track(ada, "other", upload=upload), "upload_used"),
    ):
        with pytest.raises(Conflict) as refusal:
            await add(app, track)
        assert refusal.value.code == code
    await add(app, a_track(bob, "take"))


async def test_published_tracks_that_stand_are_counted(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    assert await listed(app, ada) == 0
    play(track)
    for standing, count in ((Standing.OK, 1), (Standing.HIDDEN, 0), (Standing.OK, 1), (Standing.REMOVED, 0)):
        track.standing = standing
        for _ in range(2):
            await save(app, track)
        assert await listed(app, ada) == count


async def test_a_removed_track_is_kept_but_found_by_nobody(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    track.remove()
    await save(app, track)
    assert (await get(app, track.id)).standing is Standing.REMOVED
    with pytest.raises(NotFound):
        await app.use(ReadTrack)(viewer=Actor(ada), track_id=track.id)
    async with app.work() as work:
        assert await work.tracks.permalink_taken(ada, track.permalink)


async def test_of_twenty_who_want_one_permalink_one_gets_it(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    outcomes = await asyncio.gather(*(add(app, a_track(ada)) for _ in range(20)), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert [one.code for one in outcomes if isinstance(one, Conflict)] == ["permalink_taken"] * 19


async def test_twenty_tracks_of_one_title_made_at_once_all_get_permalinks(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    begin, actor = app.use(BeginUpload), Actor(ada)
    create = CreateTrack(app.work, app.use(Ids), app.clock, Caps(tracks_in_processing=None))
    uploads = [await begin(actor=actor, filename="take.wav") for _ in range(20)]
    tracks = await asyncio.gather(
        *(
            create(actor=actor, upload_id=one.id, size_bytes=3, sha256="abc", details=TrackDetails(title="Take"))
            for one in uploads
        )
    )
    permalinks = {(await get(app, track_id)).permalink for track_id in tracks}
    assert len(permalinks) == 20
    assert "take" in permalinks


async def test_of_twenty_tracks_made_at_once_two_are_taken_into_processing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    begin, create, actor = app.use(BeginUpload), app.use(CreateTrack), Actor(ada)
    uploads = [await begin(actor=actor, filename="take.wav") for _ in range(20)]
    outcomes = await asyncio.gather(
        *(
            create(actor=actor, upload_id=one.id, size_bytes=3, sha256="abc", details=TrackDetails(title="Take"))
            for one in uploads
        ),
        return_exceptions=True,
    )
    refusals = [one for one in outcomes if isinstance(one, BaseException)]
    assert {type(one) for one in refusals} == {LimitReached}
    assert len(refusals) == 18
    async with app.work() as work:
        assert await work.tracks.in_processing(ada) == 2


async def test_twenty_changes_at_once_are_all_kept(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = a_track(ada)
    await add(app, track)
    revision_id = track.revisions[0].id

    async def join_rendition(number: int) -> None:
        async with app.work() as work:
            mine = await work.tracks.get(track.id)
            assert mine is not None
            mine.finish_rendition(revision_id, replace(MP3, name=f"rendition-{number}"), at=EPOCH)
            await work.tracks.save(mine)
            await work.commit()

    await asyncio.gather(*(join_rendition(number) for number in range(20)))
    stored = await get(app, track.id)
    assert {one.name for one in stored.revisions[0].renditions} == {f"rendition-{number}" for number in range(20)}
    assert stored.version == 21
