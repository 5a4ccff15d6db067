"""The S3 adapter against a server that verifies signatures and policies."""

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from tests.builders import once
from tests.s3_servers import S3Server, Storage, boto_client

from soundgraph.adapters.s3.signing import Bucket
from soundgraph.adapters.s3.store import PART_BYTES, S3Store
from soundgraph.adapters.system import SystemClock
from soundgraph.domain.errors import Conflict, Unavailable

HOUR = timedelta(hours=1)


@pytest.fixture
def bucket(s3_storage: Storage) -> Bucket:
    return s3_storage.bucket()


@pytest.fixture
def store(bucket: Bucket) -> Iterator[S3Store]:
    made = S3Store(bucket, SystemClock())
    yield made
    made.close()


def unfinished(bucket: Bucket) -> list[str]:
    """Keys of multipart uploads that take up room."""
    found = boto_client(bucket).list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])
    return [one["Key"] for one in found]


async def blocks(count: int, size: int = 1 << 20) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


async def test_a_signed_address_serves_with_ranges_and_a_name(store: S3Store, s3_storage: Storage) -> None:
    await store.put("a b/ü", once(b"0123456789"))
    url = store.signed_url("a b/ü", lifetime=HOUR, content_type="audio/mpeg", filename='ü "x".mp3')
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
        assert (answer.status_code, answer.content) == (200, b"0123456789")
        assert answer.headers["content-type"] == "audio/mpeg"
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"u _x_.mp3\"; filename*=UTF-8''%C3%BC%20%22x%22.mp3"
        )
        part = await client.get(url, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
        assert (await client.get(url[:-1] + ("0" if url[-1] != "0" else "1"))).status_code == 403
        assert (await client.get(url.replace("audio%2Fmpeg", "text%2Fhtml"))).status_code == 403
        assert (await client.get(url.partition("?")[0])).status_code == 403


async def test_a_signed_address_runs_out(store: S3Store) -> None:
    await store.put("a", once(b"x"))
    url = store.signed_url("a", lifetime=timedelta(seconds=1), content_type="a/b")
    await asyncio.sleep(2.1)
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 403


async def test_a_signed_put_takes_what_was_signed(store: S3Store) -> None:
    signed = store.signed_put("in/one", size_bytes=5, lifetime=HOUR)
    async with httpx.AsyncClient() as client:
        assert (await client.put(signed.url, content=b"more than five")).status_code == 403
        assert (await client.put(signed.url.replace("in/one", "in/two"), content=b"12345")).status_code == 403
        assert await store.size("in/one") is None
        assert (await client.put(signed.url, headers=dict(signed.headers), content=b"12345")).status_code == 200
    assert await store.size("in/one") == 5


async def test_a_signed_form_takes_what_its_policy_says(store: S3Store) -> None:
    form = store.signed_form("in/one", max_bytes=5, lifetime=HOUR)
    async with httpx.AsyncClient() as client:
        for fields, data in (
            ({**form.fields}, b"123456"),
            ({**form.fields}, b""),
            ({**form.fields, "key": "in/two"}, b"12345"),
            ({name: value for name, value in form.fields.items() if name != "x-amz-signature"}, b"12345"),
        ):
            refused = await client.post(form.url, data=fields, files={"file": ("x", data)})
            assert refused.status_code in {400, 403}, refused.text
        assert [one async for one in store.under("in/")] == []
        taken = await client.post(form.url, data=dict(form.fields), files={"file": ("x", b"12345")})
        assert taken.status_code == 204, taken.text
    assert await store.size("in/one") == 5


async def test_a_large_put_goes_in_parts_and_in_constant_memory(store: S3Store, bucket: Bucket) -> None:
    await store.put("warm", once(b"up"))
    tracemalloc.start()
    stored = await store.put("large", blocks(96))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stored.size_bytes == await store.size("large") == 96 << 20
    assert peak < 6 * PART_BYTES
    assert unfinished(bucket) == []


async def test_a_put_that_fails_leaves_no_parts(store: S3Store, bucket: Bucket) -> None:
    async def cut() -> AsyncIterator[bytes]:
        async for block in blocks(20):
            yield block
        assert unfinished(bucket) == ["large"]
        raise RuntimeError("line cut")

    with pytest.raises(RuntimeError, match="line cut"):
        await store.put("large", cut())
    assert unfinished(bucket) == []
    assert await store.size("large") is None


async def test_a_cancelled_put_leaves_no_parts(store: S3Store, bucket: Bucket) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            async for block in blocks(9):
                yield block
            begun.set()

    putting = asyncio.create_task(store.put("large", endless()))
    await begun.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert unfinished(bucket) == []
    assert await store.size("large") is None


@pytest.mark.parametrize("removing", ["one", "under"])
async def test_removing_takes_unfinished_parts_along(store: S3Store, bucket: Bucket, removing: str) -> None:
    # Two parts: what fits into one is stored without a multipart upload.
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        async for block in blocks(17):
            yield block
        arrived.set()
        await go_on.wait()
        async for block in blocks(9):
            yield block

    putting = asyncio.create_task(store.put("in/large", slow()))
    await arrived.wait()
    await (store.remove("in/large") if removing == "one" else store.remove_under("in/"))
    assert unfinished(bucket) == []
    go_on.set()
    with pytest.raises(Conflict) as refusal:
        await putting
    assert refusal.value.code == "removed_meanwhile"
    assert await store.size("in/large") is None


async def test_while_the_storage_is_away_it_says_so(s3_server: S3Server) -> None:
    storage = Storage(s3_server.url)
    bucket = storage.bucket()
    store = S3Store(bucket, SystemClock())
    await store.check()
    await store.put("kept", once(b"x"))

    async def outage() -> AsyncIterator[bytes]:
        async for block in blocks(9):
            yield block
        s3_server.stop()
        async for block in blocks(9):
            yield block

    with pytest.raises(Unavailable) as away:
        await store.put("large", outage())
    assert away.value.code == "storage_away"
    for attempt in (store.size("kept"), store.put("a", once(b"x")), store.check(), store.remove("kept")):
        with pytest.raises(Unavailable):
            await attempt
    s3_server.start()
    assert await store.size("kept") == 1
    # Nobody could tell the storage that the large one had failed: whoever removes it does.
    await store.remove("large")
    assert unfinished(bucket) == []
    store.close()


async def test_a_bucket_that_is_not_ours_is_told_at_once(s3_storage: Storage) -> None:
    wrong = Bucket(s3_storage.url, "test-nowhere", "us-east-1", s3_storage.access_key, s3_storage.secret_key)
    store = S3Store(wrong, SystemClock())
    with pytest.raises(Unavailable, match="does not let us in"):
        await store.check()
    store.close()


async def test_random_bytes_survive(store: S3Store) -> None:
    data = os.urandom(2 * PART_BYTES + 12_345)
    await store.put("a", once(data))
    assert b"".join([one async for one in store.read("a")]) == data
