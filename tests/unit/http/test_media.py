"""Signed media, whole and in part."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
from tests.unit.http.conftest import HERE, client_of

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.domain.errors import NotFound
from soundgraph.entrypoints.http.app import Services, build_app
from soundgraph.entrypoints.http.media import BLOCK_BYTES, SignedResponse, Span
from soundgraph.entrypoints.http.services import SignedTarget

DATA = bytes(range(256)) * 4
KEY = "renditions/1/a b.mp3"


class Shop:
    """A store with one object, and a client of the API that serves it."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock()
        self.store = FilesystemStore(root, b"secret", HERE, self.clock)
        self.world: World = memory_app(base_url=HERE)
        self.http = client_of(build_app(Services(self.world.use, HERE, b"k", media=self.store)))

    async def put(self, data: bytes) -> None:
        async def once() -> AsyncIterator[bytes]:
            yield data

        await self.store.put(KEY, once())

    def url(self, filename: str | None = None) -> str:
        lifetime = timedelta(minutes=5)
        return self.store.signed_url(KEY, lifetime=lifetime, content_type="audio/mpeg", filename=filename)

    async def get(self, **headers: str) -> httpx.Response:
        return await self.http.get(self.url(), headers={name.replace("_", "-"): one for name, one in headers.items()})


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "objects")
    await shop.put(DATA)
    return shop


async def test_the_whole_file(shop: Shop) -> None:
    answer = await shop.get()
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-length"] == "1024"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["cache-control"].startswith("private")
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=9999-"])
async def test_a_head_has_no_body_and_is_of_the_whole(shop: Shop, asked: str) -> None:
    answer = await shop.http.head(shop.url(), headers={"Range": asked})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "1024")
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 1023),
        ("bytes=1000-", 1000, 1023),
        ("bytes=10-19", 10, 19),
        ("Bytes=0-4", 0, 4),
        ("BYTES=-1", 1023, 1023),
        ("bytes=1000-99999", 1000, 1023),
        ("bytes=-10", 1014, 1023),
        ("bytes=-99999", 0, 1023),
        ("bytes=1023-1023", 1023, 1023),
    ],
)
async def test_a_part(shop: Shop, asked: str, first: int, last: int) -> None:
    answer = await shop.get(range=asked)
    assert (answer.status_code, answer.content) == (206, DATA[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/1024"
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=99999-100000", "bytes=-0"])
async def test_a_part_that_is_not_there(shop: Shop, asked: str) -> None:
    answer = await shop.get(range=asked)
    assert (answer.status_code, answer.json()["code"]) == (416, "bad_range")
    assert answer.headers["content-range"] == "bytes */1024"


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "items=0-1",
        "bytes=0-1,5-6",
        "bytes=" + "9" * 400 + "-",
    ],
)
async def test_what_is_no_single_range_is_answered_whole(shop: Shop, asked: str) -> None:
    assert ((await shop.get(range=asked)).status_code) == 200


async def test_a_file_that_the_client_has_already(shop: Shop) -> None:
    etag = (await shop.get()).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = await shop.get(if_none_match=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert (await shop.get(if_none_match='"other"')).status_code == 200


async def test_only_the_file_that_is_meant(shop: Shop) -> None:
    etag = (await shop.get()).headers["etag"]
    for meant in ("*", etag, f'"other", {etag}'):
        assert (await shop.get(if_match=meant)).status_code == 200
    for other in ('"other"', f"W/{etag}", ""):
        answer = await shop.get(if_match=other, if_none_match=etag, range="bytes=9999-")
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")


async def test_a_part_only_of_the_file_it_belongs_to(shop: Shop) -> None:
    etag = (await shop.get()).headers["etag"]
    assert (await shop.get(range="bytes=0-1", if_range=etag)).status_code == 206
    assert (await shop.get(range="bytes=0-1", if_range='"other"')).status_code == 200
    assert (await shop.get(range="bytes=9999-", if_range='"other"')).status_code == 200


async def test_an_empty_file(shop: Shop) -> None:
    await shop.put(b"")
    assert ((await shop.get()).content, (await shop.get(range="bytes=0-")).status_code) == (b"", 416)


async def test_a_file_of_many_blocks(shop: Shop) -> None:
    data = bytes(3 * BLOCK_BYTES + 1)
    await shop.put(data)
    assert (await shop.get()).content == data
    assert len((await shop.get(range=f"bytes=1-{2 * BLOCK_BYTES}")).content) == 2 * BLOCK_BYTES


async def test_a_download_has_its_name(shop: Shop) -> None:
    answer = await shop.http.get(shop.url('Grüße; "x".mp3'))
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Gru_e; _x_.mp3\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%3B%20%22x%22.mp3"
    )


async def test_only_what_is_signed_and_only_for_a_time(shop: Shop) -> None:
    url = shop.url()
    forged = [
        url.replace("audio", "text"),
        url + "x",
        url.replace("a%20b", "a%20c"),
        url.replace("expires=1", "expires=2"),
        urlsplit(url).path,
        "/media/../../etc/passwd",
        "/media/%2e%2e/secret",
    ]
    for one in forged:
        answer = await shop.http.get(one)
        assert answer.status_code in (403, 404), one
    shop.clock.advance(timedelta(minutes=6))
    assert ((await shop.http.get(url)).status_code) == 410


async def test_what_was_removed_is_gone(shop: Shop) -> None:
    url = shop.url()
    await shop.store.remove(KEY)
    assert (await shop.http.get(url)).status_code == 404


@dataclass
class Vanishing:
    """A store whose file goes away just after its URL was checked."""

    path: Path
    content_type: str = "audio/mpeg"
    filename: str | None = None
    etag: str = '"x"'

    async def open_signed(self, key: str, query: Mapping[str, str]) -> "Vanishing":
        return self

    def open_put(self, key: str, query: Mapping[str, str]) -> SignedTarget:
        raise NotFound

    def open_form(self, fields: Mapping[str, str]) -> SignedTarget:
        raise NotFound


async def test_a_file_that_vanishes_meanwhile_is_not_found(tmp_path: Path) -> None:
    gone = Vanishing(tmp_path / "gone")
    client = client_of(build_app(Services(memory_app().use, HERE, b"k", media=gone)))
    assert (await client.get("/media/a")).status_code == 404
    response = SignedResponse(gone, HTTPStatus.OK, Span(0, 1, 1))
    with pytest.raises(NotFound):
        await response(cast(Any, {"method": "GET"}), cast(Any, None), cast(Any, None))


async def test_without_a_store_of_our_own_there_is_no_media() -> None:
    client = client_of(build_app(Services(memory_app().use, HERE, b"k")))
    assert (await client.get("/media/a")).status_code == 404
