"""What every collection of uploads promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import App, an_upload, inhabit, roll_back

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.application.limits import Caps
from soundgraph.application.ports import Ids
from soundgraph.application.tracks import AbandonUpload, BeginUpload, CreateTrack
from soundgraph.domain.errors import Conflict, NotFound
from soundgraph.domain.ids import TrackId, UploadId
from soundgraph.domain.tracks import UPLOAD_LIFETIME, TrackDetails, Upload, UploadKind
from soundgraph.domain.visibility import Actor


async def add(app: App, upload: Upload) -> None:
    async with app.work() as work:
        await work.uploads.add(upload)
        await work.commit()


async def get(app: App, upload_id: UploadId) -> Upload | None:
    async with app.work() as work:
        return await work.uploads.get(upload_id)


async def save(app: App, upload: Upload) -> None:
    async with app.work() as work:
        await work.uploads.save(upload)
        await work.commit()


async def test_what_goes_in_comes_out(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    for upload in (an_upload(ada), an_upload(ada, complete=False)):
        await add(app, upload)
        assert await get(app, upload.id) == upload
    assert await get(app, UploadId(uuid4())) is None


async def test_an_upload_of_a_gigabyte_keeps_its_size(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    upload = replace(an_upload(ada), size_bytes=5 << 30, filename="日本 🎵.wav")
    await add(app, upload)
    assert await get(app, upload.id) == upload


async def test_completing_is_kept_and_counted(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    upload = an_upload(ada, complete=False)
    await add(app, upload)
    upload.complete(size_bytes=3, sha256="abc")
    assert (stored := await get(app, upload.id)) is not None
    assert stored.sha256 is None
    await save(app, upload)
    assert await get(app, upload.id) == replace(upload, version=2)


async def test_a_change_to_what_changed_or_went_meanwhile_is_refused(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    upload = an_upload(ada, complete=False)
    await add(app, upload)
    await save(app, replace(upload, sha256="first"))
    with pytest.raises(Conflict) as refusal:
        await save(app, replace(upload, sha256="second"))
    assert refusal.value.code == "version_conflict"
    async with app.work() as work:
        await work.uploads.remove(upload.id)
        await work.uploads.remove(upload.id)
        await work.commit()
    assert await get(app, upload.id) is None
    with pytest.raises(Conflict):
        await save(app, upload)


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    upload = an_upload(ada)
    await roll_back(app, lambda work: work.uploads.add(upload))
    assert await get(app, upload.id) is None
    await add(app, upload)
    await roll_back(app, lambda work: work.uploads.remove(upload.id))
    assert await get(app, upload.id) == upload


async def test_the_abandoned_are_the_expired_and_unfinished_oldest_first(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    waiting = [an_upload(ada, complete=False) for _ in range(4)]
    for hours, upload in zip((2, 0, 1, 3), waiting, strict=True):
        upload.expires_at += timedelta(hours=hours)
        await add(app, upload)
    await add(app, an_upload(ada))
    now = EPOCH + UPLOAD_LIFETIME + timedelta(hours=2)
    async with app.work() as work:
        found = await work.uploads.abandoned(now=now, limit=9)
        assert [one.id for one in found] == [waiting[1].id, waiting[2].id, waiting[0].id]
        assert await work.uploads.abandoned(now=now, limit=2) == found[:2]
        assert await work.uploads.abandoned(now=EPOCH, limit=9) == []


async def test_the_unfinished_of_somebody_are_counted(app: App) -> None:
    ada, ben = await inhabit(app, "ada", "ben")
    for owner in (ada, ada, ben):
        await add(app, replace(an_upload(owner, complete=False), kind=UploadKind.RESUMABLE))
    await add(app, replace(an_upload(ada, complete=False), kind=UploadKind.DIRECT))
    await add(app, replace(an_upload(ada, complete=False), kind=UploadKind.FORM))
    await add(app, replace(an_upload(ada), kind=UploadKind.RESUMABLE))
    async with app.work() as work:
        assert await work.uploads.unfinished(ada, now=EPOCH) == 3
        assert await work.uploads.unfinished(ada, now=EPOCH + UPLOAD_LIFETIME + timedelta(days=1)) == 0


async def test_every_kind_is_kept(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    for kind in UploadKind:
        upload = replace(an_upload(ada, complete=False), kind=kind, length=1 << 30, metadata="filename YQ==")
        upload.parts = (UploadId(uuid4()), UploadId(uuid4())) if kind is UploadKind.JOINED else ()
        await add(app, upload)
        assert await get(app, upload.id) == upload


async def test_what_came_late_to_a_finished_upload_is_tidied_once(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    late = replace(an_upload(ada), kind=UploadKind.DIRECT)
    await add(app, late)
    now = EPOCH + UPLOAD_LIFETIME + timedelta(hours=2)
    async with app.work() as work:
        assert [one.id for one in await work.uploads.abandoned(now=now, limit=9)] == [late.id]
        assert await work.uploads.abandoned(now=EPOCH, limit=9) == []
    await save(app, replace(late, tidied=True))
    async with app.work() as work:
        assert await work.uploads.abandoned(now=now, limit=9) == []


async def test_the_track_of_an_upload_is_found(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    upload = await app.use(BeginUpload)(actor=Actor(ada), filename="a.wav")
    async with app.work() as work:
        assert await work.tracks.of_upload(upload.id) is None
    made = await app.use(CreateTrack)(
        actor=Actor(ada),
        upload_id=upload.id,
        size_bytes=1,
        sha256="ab",
        key="elsewhere",
        details=TrackDetails(title="A Song"),
    )
    async with app.work() as work:
        assert await work.tracks.of_upload(upload.id) == made
    assert (stored := await get(app, upload.id)) is not None
    assert stored.key == "elsewhere"


async def test_of_twenty_who_make_a_track_of_one_upload_one_does(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    begun = await app.use(BeginUpload)(actor=Actor(ada), filename="take.wav")
    create, details = app.use(CreateTrack), TrackDetails(title="Take")
    outcomes: list[TrackId | BaseException] = await asyncio.gather(
        *(create(actor=Actor(ada), upload_id=begun.id, size_bytes=3, sha256="abc", details=details) for _ in range(20)),
        return_exceptions=True,
    )
    assert [one.code for one in outcomes if isinstance(one, Conflict)] == ["upload_completed"] * 19


async def test_an_upload_is_either_abandoned_or_a_track(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    ids, caps = app.use(Ids), Caps(tracks_in_processing=None)
    begin, create = BeginUpload(app.work, ids, app.clock, caps), CreateTrack(app.work, ids, app.clock, caps)
    abandon, actor = app.use(AbandonUpload), Actor(ada)
    for number in range(10):
        begun = await begin(actor=actor, filename="take.wav")
        details = TrackDetails(title=f"Take {number}")
        made, _ = await asyncio.gather(
            create(actor=actor, upload_id=begun.id, size_bytes=3, sha256="abc", details=details),
            abandon(actor=actor, upload=begun),
            return_exceptions=True,
        )
        assert (await get(app, begun.id) is None) == isinstance(made, NotFound)
