"""What every listing of objects promises."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.builders import once
from tests.s3_servers import Storage

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.s3.store import S3Store
from soundgraph.adapters.system import SystemClock
from soundgraph.application.ports import Found, ObjectListing

Store = MemoryStore | FilesystemStore | S3Store
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["memory", "filesystem", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(SystemClock())
    elif request.param == "filesystem":
        yield FilesystemStore(tmp_path / "objects", b"secret", "https://sound.example", SystemClock())
    else:
        storage: Storage = request.getfixturevalue("s3_storage")
        s3 = S3Store(storage.bucket(), SystemClock())
        yield s3
        s3.close()


async def listed(store: ObjectListing, prefix: str) -> list[Found]:
    return [found async for found in store.under(prefix)]


async def fill(store: Store, *keys: str) -> None:
    for key in keys:
        await store.put(key, once(key.encode()))


async def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert await listed(store, "originals/") == []
    assert await store.find("originals/one") is None


async def test_everything_under_a_prefix_is_listed_once_and_kept_together(store: Store) -> None:
    await fill(store, "a/2/x", "a/1/y", "a/1/x", "a/1-b/x", "a/10", "ab/x", "b/x")
    found = [one.key for one in await listed(store, "a/")]
    assert sorted(found) == ["a/1-b/x", "a/1/x", "a/1/y", "a/10", "a/2/x"]
    assert found.index("a/1/y") == found.index("a/1/x") + 1
    assert [one.key for one in await listed(store, "a/1/")] == ["a/1/x", "a/1/y"]
    assert await listed(store, "a/10/") == []


async def test_many_objects_are_listed(store: Store) -> None:
    await fill(store, *(f"many/{number:04}" for number in range(1_201)))
    assert [one.key for one in await listed(store, "many/")] == [f"many/{number:04}" for number in range(1_201)]


async def test_size_and_time_are_told(store: Store) -> None:
    before = datetime.now(UTC) - SECOND
    await fill(store, "a/x")
    found = await store.find("a/x")
    assert found is not None
    assert (found.key, found.size_bytes) == ("a/x", 3)
    assert before <= found.modified_at <= datetime.now(UTC) + SECOND
    assert await listed(store, "a/") == [found]


async def test_what_replaces_an_object_is_newer(store: Store) -> None:
    await fill(store, "a/x")
    first = await store.find("a/x")
    await store.put("a/x", once(b"longer"))
    second = await store.find("a/x")
    assert first is not None
    assert second is not None
    assert second.size_bytes == 6
    assert second.modified_at >= first.modified_at


async def test_a_copy_is_listed_and_what_was_removed_is_not(store: Store) -> None:
    await fill(store, "a/x", "a/y")
    await store.copy("a/x", "b/x")
    await store.remove("a/y")
    assert [one.key for one in await listed(store, "a/")] == ["a/x"]
    assert [one.size_bytes for one in await listed(store, "b/")] == [3]


@pytest.mark.parametrize("prefix", ["a", "", "/", "../", ".a/"])
async def test_what_is_no_prefix_is_refused(store: Store, prefix: str) -> None:
    with pytest.raises(ValueError):
        await listed(store, prefix)


async def test_unfinished_files_are_not_objects(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path, b"secret", "https://sound.example", SystemClock())
    await fill(store, "a/x")
    (tmp_path / "a" / ".unfinished").write_bytes(b"half")
    (tmp_path / "a" / "dangling").symlink_to(tmp_path / "nowhere")
    assert [one.key for one in await listed(store, "a/")] == ["a/x"]
