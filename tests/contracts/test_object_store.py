"""What every object store promises."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tests.s3_servers import Storage

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.s3.store import S3Store
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import NotFound

MINUTE = timedelta(minutes=1)


class Noon(Clock):
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


Store = MemoryStore | FilesystemStore | S3Store


@pytest.fixture(params=["memory", "filesystem", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "filesystem":
        yield FilesystemStore(tmp_path / "objects", b"secret", "https://sound.example", Noon())
    else:
        storage: Storage = request.getfixturevalue("s3_storage")
        s3 = S3Store(storage.bucket(), Noon())
        yield s3
        s3.close()


async def stream(*chunks: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then is not None:
        raise then


async def content(store: Store, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


@pytest.mark.parametrize(
    "chunks",
    [(), (b"",), (b"one",), (b"a", b"", b"bc"), (b"x" * 3_000_000, b"y"), (b"z" * 400_000,) * 9],
    ids=["none", "empty", "one", "small", "large", "many"],
)
async def test_what_goes_in_comes_out_with_its_digest(store: Store, chunks: tuple[bytes, ...]) -> None:
    whole = b"".join(chunks)
    stored = await store.put("a/b", stream(*chunks))
    assert (stored.key, stored.size_bytes, stored.sha256) == ("a/b", len(whole), hashlib.sha256(whole).hexdigest())
    assert await content(store, "a/b") == whole
    assert await store.size("a/b") == len(whole)


async def test_a_put_replaces(store: Store) -> None:
    await store.put("a/b", stream(b"old and long"))
    await store.put("a/b", stream(b"new"))
    assert await content(store, "a/b") == b"new"


async def test_an_aborted_put_leaves_the_old_object(store: Store) -> None:
    await store.put("a/b", stream(b"old"))
    with pytest.raises(RuntimeError, match="line cut"):
        await store.put("a/b", stream(b"n" * 2_000_000, then=RuntimeError("line cut")))
    assert await content(store, "a/b") == b"old"


async def test_a_cancelled_put_leaves_nothing(store: Store) -> None:
    arrived = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_200_000
            arrived.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(store.put("a/b", endless()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.size("a/b") is None


async def test_an_open_reader_keeps_what_it_opened(store: Store) -> None:
    await store.put("a/b", stream(b"1" * 3_000_000))
    reader = store.read("a/b")
    first = await anext(reader)
    await store.put("a/b", stream(b"2" * 3_000_000))
    rest = b"".join([chunk async for chunk in reader])
    assert first + rest == b"1" * 3_000_000


async def test_a_copy_is_independent(store: Store) -> None:
    await store.put("quarantine/1", stream(b"checked"))
    await store.copy("quarantine/1", "originals/1/2/3")
    await store.put("quarantine/1", stream(b"swapped"))
    assert await content(store, "originals/1/2/3") == b"checked"
    await store.remove("quarantine/1")
    assert await content(store, "originals/1/2/3") == b"checked"


async def test_a_copy_replaces_and_repeats(store: Store) -> None:
    await store.put("a/1", stream(b"one"))
    await store.put("a/2", stream(b"two"))
    for _ in range(3):
        await store.copy("a/1", "a/2")
        await store.copy("a/1", "a/1")
    assert await content(store, "a/2") == await content(store, "a/1") == b"one"


async def test_removing(store: Store) -> None:
    await store.put("a/1", stream(b"one"))
    await store.put("a/11", stream(b"eleven"))
    await store.remove("a/1")
    await store.remove("a/1")
    await store.remove("never/was")
    assert await store.size("a/1") is None
    assert await store.size("a/11") == 6


async def test_removing_under_a_prefix_stops_at_the_slash(store: Store) -> None:
    for key in ("r/1/a", "r/1/deep/b", "r/11/a", "r2/a"):
        await store.put(key, stream(b"x"))
    await store.remove_under("r/1/")
    await store.remove_under("r/1/")
    await store.remove_under("never/")
    assert [await store.size(key) for key in ("r/1/a", "r/1/deep/b", "r/11/a", "r2/a")] == [None, None, 1, 1]
    await store.put("r/1/a", stream(b"again"))
    assert await store.size("r/1/a") == 5
    with pytest.raises(ValueError, match="slash"):
        await store.remove_under("r")


async def test_what_is_missing(store: Store) -> None:
    await store.put("a/b/c", stream(b"x"))
    for key in ("a", "a/b", "a/b/d", "a/b/c/d", "e"):
        assert await store.size(key) is None
        await store.remove(key)
        with pytest.raises(NotFound):
            await content(store, key)
        with pytest.raises(NotFound):
            await store.copy(key, "f")
    assert await content(store, "a/b/c") == b"x"
    assert await store.size("f") is None


@pytest.mark.parametrize("key", ["plain", "a b/c+d&e=f?g#h%2F", "ünï/日本語/🎧", "~/-_/a.b..c", "x" * 255])
async def test_odd_keys_are_keys(store: Store, key: str) -> None:
    await store.put(key, stream(b"odd"))
    assert await content(store, key) == b"odd"
    assert store.signed_url(key, lifetime=MINUTE, content_type="audio/mpeg").isascii()


@pytest.mark.parametrize(
    "key", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", ".hidden", "a\0b", "a\nb", "\ud800", "x" * 256]
)
async def test_what_is_no_key(store: Store, key: str) -> None:
    await store.put("good", stream(b"x"))
    with pytest.raises(ValueError):
        await store.put(key, stream(b"x"))
    with pytest.raises(ValueError):
        await content(store, key)
    with pytest.raises(ValueError):
        await store.size(key)
    with pytest.raises(ValueError):
        await store.copy("good", key)
    with pytest.raises(ValueError):
        await store.copy(key, "good")
    with pytest.raises(ValueError):
        await store.remove(key)
    with pytest.raises(ValueError):
        await store.remove_under(f"{key}/")
    with pytest.raises(ValueError):
        store.signed_url(key, lifetime=MINUTE, content_type="audio/mpeg")


async def test_of_twenty_racing_puts_one_wins_whole(store: Store) -> None:
    async def slow(letter: int) -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes([letter]) * 600_000
            await asyncio.sleep(0)

    stored = await asyncio.gather(*(store.put("a/b", slow(letter)) for letter in range(20)))
    assert hashlib.sha256(await content(store, "a/b")).hexdigest() in {one.sha256 for one in stored}


async def test_a_part_can_be_read(store: Store) -> None:
    whole = bytes(range(256)) * 12_000
    await store.put("a/b", stream(whole))
    for start, stop in ((0, None), (5, None), (5, 9), (0, 1), (1_500_000, 2_900_001), (7, 99_999_999)):
        assert b"".join([one async for one in store.read("a/b", start=start, stop=stop)]) == whole[start:stop]
    for start, stop in ((len(whole), None), (9, 9), (99_999_999, 99_999_999_999)):
        assert b"".join([one async for one in store.read("a/b", start=start, stop=stop)]) == b""
    with pytest.raises(NotFound):
        await anext(store.read("a/c", start=5, stop=9))


async def test_signed_urls_are_absolute_and_say_what_they_serve(store: Store) -> None:
    (url,) = store.signed_urls(["a b/c"], lifetime=MINUTE, content_type="audio/mpeg", filename='ü "x".mp3')
    assert store.signed_url("a b/c", lifetime=MINUTE, content_type="audio/mpeg", filename='ü "x".mp3') == url
    parts = urlsplit(url)
    said = [one for values in parse_qs(parts.query).values() for one in values]
    assert parts.scheme
    assert parts.path.endswith("/a%20b/c")
    assert "audio/mpeg" in said
    assert any('ü "x".mp3' in unquote(one) for one in said)
    plain = store.signed_url("a", lifetime=MINUTE, content_type="a/b")
    assert not {"name", "response-content-disposition"} & parse_qs(urlsplit(plain).query).keys()


async def test_signed_uploads_say_where_and_until_when(store: Store) -> None:
    put = store.signed_put("a b/c", size_bytes=5, lifetime=MINUTE)
    assert urlsplit(put.url).path.endswith("/a%20b/c")
    assert put.headers == {"Content-Length": "5"}
    form = store.signed_form("a b/c", max_bytes=9, lifetime=MINUTE)
    assert form.fields["key"] == "a b/c"
    assert urlsplit(form.url).scheme
    assert form.expires_at - put.expires_at < MINUTE
    for wrong in ("/a", "a/../b"):
        with pytest.raises(ValueError):
            store.signed_put(wrong, size_bytes=5, lifetime=MINUTE)
        with pytest.raises(ValueError):
            store.signed_form(wrong, max_bytes=5, lifetime=MINUTE)
