"""What only the filesystem store promises: files, durability, signed URLs and a full disk."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import Conflict, Forbidden, Gone, NotFound, Unavailable


class Hand(Clock):
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "objects"


@pytest.fixture
def store(root: Path, clock: Hand) -> FilesystemStore:
    return FilesystemStore(root, b"secret", "https://sound.example/", clock)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_only_the_owner_may_look(store: FilesystemStore, root: Path) -> None:
    await store.put("a/b/c", stream(b"x"))
    await store.copy("a/b/c", "d/e")
    assert {path.stat().st_mode & 0o777 for path in [root, *root.rglob("*")] if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()} == {0o600}


async def test_a_failed_put_leaves_no_file(store: FilesystemStore, root: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        assert len(files(root)) == 1
        raise RuntimeError("line cut")

    with pytest.raises(RuntimeError):
        await store.put("a/b", broken())
    assert files(root) == []


async def test_removing_takes_an_unfinished_put_along(store: FilesystemStore, root: Path) -> None:
    async def interrupted() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        await store.remove("a/b")
        assert files(root) == []

    with pytest.raises(Conflict, match="removed"):
        await store.put("a/b", interrupted())
    assert files(root) == []


async def test_removing_a_directory_under_a_put(store: FilesystemStore, root: Path) -> None:
    async def interrupted() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        await store.remove_under("a/")

    with pytest.raises(Conflict, match="removed"):
        await store.put("a/b", interrupted())
    assert files(root) == []


async def test_puts_and_removals_of_a_directory_race(store: FilesystemStore, root: Path) -> None:
    async def attempt(number: int) -> None:
        for _ in range(20):
            try:
                await store.put(f"a/{number}/b", stream(b"x"))
                await store.remove_under("a/")
            except Conflict:
                continue

    await asyncio.gather(*(attempt(number) for number in range(5)))
    await store.remove_under("a/")
    assert files(root) == []


async def test_copies_share_their_bytes_and_leave_nothing_else(store: FilesystemStore, root: Path) -> None:
    await store.put("a", stream(b"x"))
    await store.copy("a", "b")
    await store.copy("a", "b")
    assert files(root) == ["a", "b"]
    assert (root / "a").samefile(root / "b")


async def test_a_key_below_a_key_is_refused(store: FilesystemStore) -> None:
    await store.put("a/b", stream(b"x"))
    with pytest.raises(ValueError, match="below"):
        await store.put("a/b/c", stream(b"x"))
    with pytest.raises(ValueError, match="below"):
        await store.copy("a/b", "a/b/c/d")
    with pytest.raises(ValueError, match="below"):
        await store.put("a", stream(b"x"))


def parts(url: str) -> tuple[str, dict[str, str]]:
    split = urlsplit(url)
    assert url.startswith("https://sound.example/media/")
    return unquote(split.path.removeprefix("/media/")), dict(parse_qsl(split.query))


@pytest.mark.parametrize("filename", [None, 'a "ü" b.mp3', ""])
async def test_a_signed_url_opens_its_object(store: FilesystemStore, root: Path, filename: str | None) -> None:
    await store.put("a b/ü&c", stream(b"xyz"))
    url = store.signed_url("a b/ü&c", lifetime=timedelta(minutes=1), content_type="audio/mpeg", filename=filename)
    signed = await store.open_signed(*parts(url))
    assert signed.path.read_bytes() == b"xyz"
    assert (signed.content_type, signed.filename or None) == ("audio/mpeg", filename or None)


async def test_the_entity_tag_names_the_bytes(store: FilesystemStore) -> None:
    async def tag() -> str:
        url = store.signed_url("a", lifetime=timedelta(minutes=1), content_type="a/b")
        return (await store.open_signed(*parts(url))).etag

    await store.put("a", stream(b"one"))
    first = await tag()
    assert first == await tag()
    assert first.startswith('"')
    await store.put("a", stream(b"two"))
    assert await tag() != first


async def test_a_signed_url_expires(store: FilesystemStore, clock: Hand) -> None:
    await store.put("a", stream(b"x"))
    key, query = parts(store.signed_url("a", lifetime=timedelta(minutes=1), content_type="a/b"))
    clock.time += timedelta(seconds=59)
    await store.open_signed(key, query)
    clock.time += timedelta(seconds=1)
    with pytest.raises(Gone) as caught:
        await store.open_signed(key, query)
    assert caught.value.code == "url_expired"


async def test_every_part_of_a_signed_url_is_signed(store: FilesystemStore) -> None:
    await store.put("a", stream(b"x"))
    await store.put("b", stream(b"x"))
    key, query = parts(store.signed_url("a", lifetime=timedelta(minutes=1), content_type="audio/mpeg", filename="n"))
    changed: list[tuple[str, dict[str, str]]] = [
        ("b", query),
        ("../a", query),
        (key, {}),
        (key, {**query, "signature": ""}),
        (key, {**query, "signature": "ü\ud800"}),
        (key, {**query, "expires": "99999999999"}),
        (key, {**query, "expires": "soon"}),
        (key, {**query, "type": "text/html"}),
        (key, {**query, "type": "\ud800"}),
        (key, {**query, "name": "m"}),
        (key, {name: value for name, value in query.items() if name != "name"}),
        (key, {**query, "signature": query["signature"].swapcase()}),
    ]
    for key, query in changed:
        with pytest.raises(Forbidden) as caught:
            await store.open_signed(key, query)
        assert caught.value.code == "bad_signature"


async def test_another_secret_signs_nothing(store: FilesystemStore, root: Path, clock: Hand) -> None:
    await store.put("a", stream(b"x"))
    other = FilesystemStore(root, b"other", "https://sound.example", clock)
    with pytest.raises(Forbidden):
        await store.open_signed(*parts(other.signed_url("a", lifetime=timedelta(minutes=1), content_type="a/b")))


async def test_a_signed_url_of_nothing(store: FilesystemStore) -> None:
    with pytest.raises(NotFound):
        await store.open_signed(*parts(store.signed_url("a", lifetime=timedelta(minutes=1), content_type="a/b")))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield path
    subprocess.run(["umount", path], check=True)


async def test_a_full_disk_is_unavailable_and_leaves_nothing(small_disk: Path, clock: Hand) -> None:
    store = FilesystemStore(small_disk / "objects", b"secret", "https://sound.example", clock)
    await store.put("a", stream(b"old"))
    with pytest.raises(Unavailable) as caught:
        await store.put("a", stream(*[os.urandom(300_000)] * 9))
    assert caught.value.code == "storage_full"
    assert files(small_disk) == ["objects/a"]
    assert (small_disk / "objects" / "a").read_bytes() == b"old"
