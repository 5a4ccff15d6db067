"""Archives that cannot be made, archives of any size, and modules that forget to answer."""

import hashlib
import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta

from tests.builders import join

from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.postgres.privacy import HELD
from soundgraph.adapters.postgres.schema import accounts, metadata
from soundgraph.application.ports import ObjectListing, ObjectStore, Stored
from soundgraph.application.privacy import Archive, Copy, Fact, ReadExport, RequestExport
from soundgraph.application.privacy.exports import Progress
from soundgraph.domain.errors import Unavailable

# Tables with an id that is nobody's, or that the purge reaches in another way, and why.
NOT_ASKED = {
    "deletions": "the report on a purge outlives it, and says nothing but numbers",
    "handles": "a handle is never given out again, so its row stays",
}
ELSEWHERE = {"timelines": "answered by DiscoveryData"}


class FullStore(MemoryStore):
    """A store that has no room for archives until it is mended."""

    full = True

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        if self.full and key.startswith("exports/"):
            raise Unavailable("storage_full", "There is no room.")
        return await super().put(key, chunks)


async def test_an_archive_that_cannot_be_made_has_failed_and_can_be_asked_for_again() -> None:
    store = FullStore()
    app = memory_app({ObjectStore: store, ObjectListing: store})
    ann = await join(app, "annika")
    await app.use(RequestExport)(actor=ann)
    for _ in range(8):
        await app.settle()
        app.clock.advance(timedelta(hours=1))
    assert (await app.use(ReadExport)(actor=ann)).state == "failed"
    store.full = False
    await app.use(RequestExport)(actor=ann)
    await app.settle()
    assert (await app.use(ReadExport)(actor=ann)).state == "ready"


async def test_progress_is_told_once_a_second() -> None:
    app = memory_app()
    ann = await join(app, "annika")
    await app.use(RequestExport)(actor=ann)
    (export,) = app.database.tables.exports.values()
    progress = Progress(app.work, export.id, app.clock, modules=2)
    told = []
    for share in (10, 20, 30, 100):
        await progress.seen(Copy("audio/x.wav", "x", share))
        told.append((await app.use(ReadExport)(actor=ann)).progress)
        app.clock.advance(timedelta(seconds=0.5))
    assert told == [0, 0, 15, 15]


MEGABYTE = bytes(range(256)) * 4096


async def test_an_archive_takes_no_more_memory_than_a_block_however_large_it_gets() -> None:
    async def read(_key: str) -> AsyncIterator[bytes]:
        for _ in range(64):
            yield MEGABYTE

    dice = random.Random(3)

    async def pieces() -> AsyncIterator[Fact | Copy]:
        for number in range(20_000):
            yield Fact("rows", {"number": number, "text": dice.randbytes(100).hex()})
        yield Copy("audio/one.wav", "one")
        yield Copy("audio/two.wav", "two")

    async def seen(_piece: Fact | Copy) -> None:
        """Nobody looks."""

    total = 0
    tracemalloc.start()
    try:
        async for chunk in Archive(read).stream(pieces(), seen, {}):
            total += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total > 128 * len(MEGABYTE)
    assert peak < 12 << 20, peak


async def test_any_unzip_can_read_it() -> None:
    async def read(key: str) -> AsyncIterator[bytes]:
        yield key.encode()
        yield MEGABYTE

    async def pieces() -> AsyncIterator[Fact | Copy]:
        yield Fact("one", {"a": "é"})
        yield Fact("one", {"a": None})
        yield Fact("two", {"b": 1})
        yield Copy("audio/x.wav", "x")
        yield Fact("three", {"c": [1, 2]})

    async def seen(_piece: Fact | Copy) -> None:
        """Nobody looks."""

    data = b"".join([chunk async for chunk in Archive(read).stream(pieces(), seen, {"by": "test"})])
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert archive.namelist() == ["one.json", "two.json", "audio/x.wav", "three.json", "manifest.json"]
    assert json.loads(archive.read("one.json")) == [{"a": "é"}, {"a": None}]
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["by"] == "test"
    audio = b"x" + MEGABYTE
    assert archive.read("audio/x.wav") == audio
    assert {"path": "audio/x.wav", "size_bytes": len(audio), "sha256": hashlib.sha256(audio).hexdigest()} in manifest[
        "files"
    ]


def test_every_module_that_stores_an_accounts_id_answers_for_it() -> None:
    """A table with a key of an account, or with an id that may be one, is purged by someone, or it is said why not."""
    answered = {held.table.name for module in HELD.values() for held in module}
    asked = {
        table.name
        for table in metadata.tables.values()
        for column in table.columns
        if column is not accounts.c.id
        and (
            any(key.column is accounts.c.id for key in column.foreign_keys)
            or (not column.foreign_keys and column.name.endswith(("account_id", "owner_id", "user_id", "_by", "_with")))
            or column.name in ("listener", "sender", "recipient", "author", "stream", "email")
        )
    }
    assert asked - answered - NOT_ASKED.keys() - ELSEWHERE.keys() - {"arrivals", "registrations"} == set()
    assert not answered & NOT_ASKED.keys()
