"""What every object store promises."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.ports import Clock, ObjectStore
from soundgraph.domain.errors import NotFound

MINUTE = timedelta(minutes=1)


class Noon(Clock):
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "filesystem"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return MemoryStore()
    return FilesystemStore(tmp_path / "objects", b"secret", "https://sound.example", Noon())


async def stream(*chunks: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then is not None:
        raise then


async def content(store: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


@pytest.mark.parametrize(
    "chunks",
    [(), (b"",), (b"one",), (b"a", b"", b"bc"), (b"x" * 3_000_000, b"y"), (b"z" * 400_000,) * 9],
    ids=["none", "empty", "one", "small", "large", "many"],
)
async def test_what_goes_in_comes_out_with_its_digest(store: ObjectStore, chunks: tuple[bytes, ...]) -> None:
    whole = b"".join(chunks)
    stored = await store.put("a/b", stream(*chunks))
    assert (stored.key, stored.size_bytes, stored.sha256) == ("a/b", len(whole), hashlib.sha256(whole).hexdigest())
    assert await content(store, "a/b") == whole
    assert await store.size("a/b") == len(whole)


async def test_a_put_replaces(store: ObjectStore) -> None:
    await store.put("a/b", stream(b"old and long"))
    await store.put("a/b", stream(b"new"))
    assert await content(store, "a/b") == b"new"


async def test_an_aborted_put_leaves_the_old_object(store: ObjectStore) -> None:
    await store.put("a/b", stream(b"old"))
    with pytest.raises(RuntimeError, match="line cut"):
        await store.put("a/b", stream(b"n" * 2_000_000, then=RuntimeError("line cut")))
    assert await content(store, "a/b") == b"old"


async def test_a_cancelled_put_leaves_nothing(store: ObjectStore) -> None:
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


async def test_an_open_reader_keeps_what_it_opened(store: ObjectStore) -> None:
    await store.put("a/b", stream(b"1" * 3_000_000))
    reader = store.read("a/b")
    first = await anext(reader)
    await store.put("a/b", stream(b"2" * 3_000_000))
    rest = b"".join([chunk async for chunk in reader])
    assert first + rest == b"1" * 3_000_000


async def test_a_copy_is_independent(store: ObjectStore) -> None:
    await store.put("quarantine/1", stream(b"checked"))
    await store.copy("quarantine/1", "originals/1/2/3")
    await store.put("quarantine/1", stream(b"swapped"))
    assert await content(store, "originals/1/2/3") == b"checked"
    await store.remove("quarantine/1")
    assert await content(store, "originals/1/2/3") == b"checked"


async def test_a_copy_replaces_and_repeats(store: ObjectStore) -> None:
    await store.put("a/1", stream(b"one"))
    await store.put("a/2", stream(b"two"))
    for _ in range(3):
        await store.copy("a/1", "a/2")
        await store.copy("a/1", "a/1")
    assert await content(store, "a/2") == await content(store, "a/1") == b"one"


async def test_removing(store: ObjectStore) -> None:
    await store.put("a/1", stream(b"one"))
    await store.put("a/11", stream(b"eleven"))
    await store.remove("a/1")
    await store.remove("a/1")
    await store.remove("never/was")
    assert await store.size("a/1") is None
    assert await store.size("a/11") == 6


async def test_removing_under_a_prefix_stops_at_the_slash(store: ObjectStore) -> None:
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


async def test_what_is_missing(store: ObjectStore) -> None:
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
async def test_odd_keys_are_keys(store: ObjectStore, key: str) -> None:
    await store.put(key, stream(b"odd"))
    assert await content(store, key) == b"odd"
    assert store.signed_url(key, lifetime=MINUTE, content_type="audio/mpeg").isascii()


@pytest.mark.parametrize(
    "key", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", ".hidden", "a\0b", "a\nb", "\ud800", "x" * 256]
)
async def test_what_is_no_key(store: ObjectStore, key: str) -> None:
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


async def test_of_twenty_racing_puts_one_wins_whole(store: ObjectStore) -> None:
    async def slow(letter: int) -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes([letter]) * 600_000
            await asyncio.sleep(0)

    stored = await asyncio.gather(*(store.put("a/b", slow(letter)) for letter in range(20)))
    assert hashlib.sha256(await content(store, "a/b")).hexdigest() in {one.sha256 for one in stored}


async def test_signed_urls_are_absolute_and_say_what_they_serve(store: ObjectStore) -> None:
    url = urlsplit(store.signed_url("a b/c", lifetime=MINUTE, content_type="audio/mpeg", filename='ü "x".mp3'))
    query = parse_qs(url.query)
    assert url.scheme
    assert url.path.endswith("/a%20b/c")
    assert (query["type"], query["name"]) == (["audio/mpeg"], ['ü "x".mp3'])
    assert "name" not in parse_qs(urlsplit(store.signed_url("a", lifetime=MINUTE, content_type="a/b")).query)
