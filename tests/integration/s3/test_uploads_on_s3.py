"""Uploads and upkeep over a bucket, while the storage comes and goes."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.builders import inhabit, once
from tests.s3_servers import S3Server, Storage, boto_client

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.s3.signing import Bucket
from soundgraph.adapters.s3.store import S3Store
from soundgraph.adapters.system import SystemClock
from soundgraph.application.ports import ObjectListing, ObjectStore, Presigner
from soundgraph.application.tracks import (
    AppendToUpload,
    BeginResumable,
    ExpireUploads,
    FindUpload,
    SealUpload,
)
from soundgraph.application.tracks.pieces import PIECE_BYTES
from soundgraph.application.upkeep import CheckObjects
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.tracks import UPLOAD_LIFETIME, UploadKind
from soundgraph.domain.visibility import Actor

SONG = os.urandom(3 * PIECE_BYTES + 12_345)


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    return Storage(s3_server.url).bucket()


@pytest.fixture
def world(bucket: Bucket) -> Iterator[World]:
    store = S3Store(bucket, SystemClock())
    yield memory_app(dict.fromkeys((ObjectStore, ObjectListing, Presigner), store))
    store.close()


async def stored(world: World) -> list[str]:
    return [one.key async for one in world.use(ObjectListing).under("quarantine/")]


async def test_an_outage_costs_at_most_the_piece_it_hit(world: World, bucket: Bucket, s3_server: S3Server) -> None:
    (ada,) = await inhabit(world, "ada")
    actor = Actor(ada)
    upload_id = await world.use(BeginResumable)(
        actor=actor, filename="a.wav", length=len(SONG), metadata="", kind=UploadKind.RESUMABLE
    )
    upload, _ = await world.use(FindUpload)(actor=actor, upload_id=upload_id)

    async def outage() -> AsyncIterator[bytes]:
        yield SONG[: 2 * PIECE_BYTES + 5]
        s3_server.stop()
        yield SONG[2 * PIECE_BYTES + 5 :]

    with pytest.raises(Unavailable):
        await world.use(AppendToUpload)(actor=actor, upload_id=upload.id, offset=0, chunks=outage())
    with pytest.raises(Unavailable):
        await world.use(FindUpload)(actor=actor, upload_id=upload.id)
    s3_server.start()
    _, offset = await world.use(FindUpload)(actor=actor, upload_id=upload.id)
    assert offset == 2 * PIECE_BYTES
    end = await world.use(AppendToUpload)(actor=actor, upload_id=upload.id, offset=offset, chunks=once(SONG[offset:]))
    assert end == len(SONG)
    sealed = await world.use(SealUpload)(actor=actor, upload_id=upload.id)
    assert sealed.size_bytes == len(SONG)
    assert b"".join([one async for one in world.use(ObjectStore).read(sealed.key)]) == SONG

    async def half_sealed() -> AsyncIterator[bytes]:
        yield SONG
        s3_server.stop()
        yield SONG

    with pytest.raises(Unavailable):
        await world.use(ObjectStore).put(f"{upload.prefix}sealed/other", half_sealed())
    s3_server.start()
    world.clock.advance(UPLOAD_LIFETIME)
    await world.use(ExpireUploads)(None, None)  # type: ignore[arg-type]  # a chore needs only the time
    assert await stored(world) == []
    assert "Uploads" not in boto_client(bucket).list_multipart_uploads(Bucket=bucket.name)


async def test_the_doctor_finds_and_removes_orphans(world: World) -> None:
    store = world.use(ObjectStore)
    nobody = "01890000-0000-7000-8000-000000000000"
    for key in (f"originals/{nobody}/1/ab", f"renditions/{nobody}/1/1/a.mp3", f"quarantine/{nobody}/incoming/whole"):
        await store.put(key, once(b"left behind"))
    assert (await world.use(CheckObjects)(repair=True)).orphans == 0
    world.clock.advance(datetime.now(UTC) - world.clock.now() + timedelta(days=2))
    found = await world.use(CheckObjects)(repair=False)
    assert (found.orphans, found.removed, found.orphan_bytes) == (3, 0, 33)
    assert (await world.use(CheckObjects)(repair=True)).removed == 3
    assert (await world.use(CheckObjects)(repair=False)).objects == 0
