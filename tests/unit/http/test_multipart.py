"""Uploads arrive in constant memory, in any order of parts, and leave nothing behind when they fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
from structlog.testing import capture_logs
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, HERE, Person, Site

from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.ports import ObjectStore, Stored
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.tracks import MAX_UPLOAD_BYTES
from soundgraph.entrypoints.http.multipart import CHUNK_BYTES, MAX_BODY_BYTES, MAX_FIELD_BYTES

HEADERS = {"Content-Type": "multipart/form-data; boundary=x"}
WAV = wav_bytes(1, 8_000, 1)


def part(name: str, content: bytes | str, filename: str | None = None) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    file = f'; filename="{filename}"' if filename is not None else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--x--\r\n"


AUDIO, TITLE = part("audio", WAV, "song.wav"), part("title", "A Song")


async def send(person: Person, body: bytes | AsyncIterator[bytes]) -> httpx.Response:
    return await person.http.post(f"{API}/tracks", content=body, headers=HEADERS)


def nothing_is_left(site: Site) -> bool:
    tables = site.world.database.tables
    return not tables.uploads and not tables.tracks and not site.world.store._objects


@pytest.mark.parametrize(
    "parts",
    [(TITLE, AUDIO), (AUDIO, TITLE), (part("tags", "a"), AUDIO, part("tags", "b"), TITLE)],
    ids=["fields first", "audio first", "around it"],
)
async def test_parts_come_in_any_order(ann: Person, parts: tuple[bytes, ...]) -> None:
    answer = await send(ann, form(*parts))
    assert answer.status_code == 202, answer.text
    assert answer.json()["title"] == "A Song"


async def test_every_field_arrives(ann: Person) -> None:
    fields = {
        "title": "Näme",
        "description": "Long",
        "genre": "Jazz",
        "license": "cc-by",
        "visibility": "private",
        "downloadable": "true",
        "comments_enabled": "false",
        "embeddable": "false",
    }
    answer = await send(ann, form(AUDIO, *(part(name, value) for name, value in fields.items()), part("tags", "x")))
    expected: dict[str, Any] = {**fields, "downloadable": True, "comments_enabled": False, "embeddable": False}
    assert {name: answer.json()[name] for name in fields} == expected
    assert answer.json()["tags"] == ["x"]


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
async def test_however_the_network_cuts_it(ann: Person, size: int) -> None:
    body = form(TITLE, part("audio", b"\r\n--\r\n--y--\r\n" * 50, "a"), part("genre", "x"))

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    answer = await send(ann, pieces())
    assert answer.status_code == 202, answer.text
    assert b"\r\n--\r\n--y--\r\n" * 50 in ann.site.world.store._objects.values()


@pytest.mark.parametrize(
    ("parts", "errors"),
    [
        ([], {"title": "missing", "audio": "missing"}),
        ([TITLE], {"audio": "missing"}),
        ([AUDIO], {"title": "missing"}),
        ([TITLE, TITLE, AUDIO], {"title": "duplicate"}),
        ([TITLE, AUDIO, AUDIO], {"audio": "duplicate"}),
        ([TITLE, part("picture", b"\x89PNG", "a.png"), AUDIO], {"picture": "not_utf8"}),
        ([TITLE, part("role", "admin"), part("id", "1"), AUDIO], {"role": "unknown", "id": "unknown"}),
        ([TITLE, AUDIO, part("role", "admin")], {"role": "unknown"}),
        ([TITLE, part("description", "x" * (MAX_FIELD_BYTES + 1)), AUDIO], {"description": "too_long"}),
        ([TITLE, part("picture", "x" * (MAX_FIELD_BYTES + 1)), AUDIO], {"picture": "unknown"}),
        ([TITLE, part("genre", b"\xff"), AUDIO], {"genre": "not_utf8"}),
        ([TITLE, AUDIO, part("downloadable", "yes")], {"downloadable": "mistyped"}),
        ([TITLE, AUDIO, part("visibility", "secret")], {"visibility": "mistyped"}),
        (
            [TITLE, AUDIO, part("publish_at", "soon"), part("policy", "x")],
            {"publish_at": "mistyped", "policy": "mistyped"},
        ),
        ([TITLE, AUDIO, part("publish_at", "2027-01-01T00:00:00")], {"publish_at": "mistyped"}),
    ],
)
async def test_what_cannot_be_read_is_listed(ann: Person, parts: list[bytes], errors: dict[str, str]) -> None:
    answer = await send(ann, form(*parts))
    assert answer.status_code == 400, answer.text
    assert {one["field"]: one["code"] for one in answer.json()["errors"]} == errors
    assert nothing_is_left(ann.site)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([part("title", ""), AUDIO], "title"),
        ([TITLE, part("audio", b"", "a.wav")], "audio"),
        ([TITLE, AUDIO, part("license", "mine")], "license"),
        ([TITLE, AUDIO, part("publish_at", "2027-01-01T00:00:00Z")], "publish_at"),
        ([TITLE, AUDIO, *[part("tags", "a")] * 31], "tags"),
    ],
)
async def test_what_breaks_a_rule_is_listed(ann: Person, parts: list[bytes], field: str) -> None:
    answer = await send(ann, form(*parts))
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert nothing_is_left(ann.site)


@pytest.mark.parametrize(
    "body", [form(TITLE, AUDIO)[:-8], form(TITLE, AUDIO)[:200], b"--x", b"", b"--y\r\n" * 10, TITLE + b"--x?garbage"]
)
async def test_a_broken_form_leaves_nothing(ann: Person, body: bytes) -> None:
    answer = await send(ann, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_multipart")
    assert nothing_is_left(ann.site)


async def test_anything_but_a_form_is_refused(ann: Person) -> None:
    answer = await ann.http.post(f"{API}/tracks", content=b"title=x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_multipart")


async def test_too_many_parts_are_refused(ann: Person) -> None:
    answer = await send(ann, form(AUDIO, TITLE, *[part("tags", "a")] * 200))
    assert answer.status_code == 413
    assert nothing_is_left(ann.site)


async def test_a_length_over_the_limit_is_refused_unread(ann: Person) -> None:
    async def receive() -> Any:
        raise AssertionError("nothing should be read")

    assert await status_of(ann, receive, content_length=str(MAX_BODY_BYTES + 1)) == 413


class Measuring(MemoryStore):
    """Counts what passes, and keeps nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        async for chunk in chunks:
            self.sizes.append(len(chunk))
        return Stored(key, sum(self.sizes), "0" * 64)


class Failing(MemoryStore):
    """Has no room after the first chunk."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        async for _ in chunks:
            break
        raise Unavailable("storage_full", "The storage is full.", retry_after=60)


class Away(Failing):
    """Neither takes nor removes anything."""

    async def remove(self, key: str) -> None:
        raise Unavailable("storage_away", "The storage is away.")


class Stuck(MemoryStore):
    """Waits for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        self.reached.set()
        await asyncio.Event().wait()
        raise AssertionError


async def site_with(store: ObjectStore) -> Person:
    return await Site(memory_app({ObjectStore: store}, base_url=HERE)).join("annika")


async def zeros(size: int) -> AsyncIterator[bytes]:
    yield TITLE
    yield part("audio", b"", "a.wav")[:-2]
    block = bytes(1 << 20)
    for _ in range(size >> 20):
        yield block
    yield bytes(size & ((1 << 20) - 1))
    yield b"\r\n--x--\r\n"


async def test_the_store_gets_large_pieces() -> None:
    store = Measuring()
    person = await site_with(store)
    body = form(TITLE, part("audio", bytes(1_000_000), "a"))

    async def drops() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1_000):
            yield body[start : start + 1_000]

    assert (await send(person, drops())).status_code == 202
    assert sum(store.sizes) == 1_000_000
    assert min(store.sizes[:-1]) >= CHUNK_BYTES


@pytest.mark.serial
async def test_one_byte_too_many_is_noticed_on_the_way() -> None:
    person = await site_with(Measuring())
    assert (await send(person, zeros(MAX_UPLOAD_BYTES))).status_code == 202
    answer = await send(person, zeros(MAX_UPLOAD_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert len(person.site.world.database.tables.uploads) == 1


async def test_a_full_store_leaves_nothing() -> None:
    person = await site_with(Failing())
    answer = await send(person, zeros(3 << 20))
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "storage_full", "60")
    assert not person.site.world.database.tables.uploads


async def test_what_cannot_be_removed_is_logged_and_the_first_error_told() -> None:
    person = await site_with(Away())
    with capture_logs() as logs:
        answer = await send(person, form(TITLE, AUDIO))
    assert answer.json()["code"] == "storage_full"
    assert "an abandoned upload was left behind" in [line["event"] for line in logs]


async def test_text_after_the_end_does_not_go_on_for_ever() -> None:
    person = await site_with(Measuring())

    async def epilogue() -> AsyncIterator[bytes]:
        yield form(TITLE, AUDIO)
        block = bytes(1 << 20)
        for _ in range((MAX_BODY_BYTES >> 20) + 1):
            yield block

    assert (await send(person, epilogue())).status_code == 413


async def test_a_client_who_hangs_up_leaves_nothing(ann: Person) -> None:
    messages = [
        {"type": "http.request", "body": TITLE + part("audio", b"half a so", "a.wav"), "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    assert await status_of(ann, receive) == 400
    assert nothing_is_left(ann.site)


async def test_a_cancelled_request_leaves_nothing() -> None:
    store = Stuck()
    person = await site_with(store)
    task = asyncio.create_task(send(person, form(TITLE, AUDIO)))
    await store.reached.wait()
    assert person.site.world.database.tables.uploads
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not person.site.world.database.tables.uploads


async def test_a_slow_upload_holds_up_nobody(ann: Person) -> None:
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield TITLE + AUDIO[:200]
        await go_on.wait()
        yield AUDIO[200:] + b"--x--\r\n"

    slow = asyncio.create_task(send(ann, slowly()))
    await asyncio.sleep(0.01)
    assert (await ann.http.get(f"{API}/me")).status_code == 200
    assert not slow.done()
    go_on.set()
    assert (await slow).status_code == 202


async def status_of(person: Person, receive: Callable[[], Awaitable[Any]], **more: str) -> int:
    """Talk ASGI to the upload route, for what an HTTP client cannot do."""
    headers = {**HEADERS, "Authorization": person.http.headers["Authorization"], "Host": "localhost", **more}
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{API}/tracks",
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    answered: list[Any] = []

    async def keep(message: Any) -> None:
        answered.append(message)

    await cast(Any, person.site.app)(scope, receive, keep)
    return int(answered[0]["status"])
