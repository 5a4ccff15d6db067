"""Uploads straight to the store, where the store is a directory and this API answers for it."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, HERE, PASSWORD, Person, Site, client_of

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.memory.wave import WaveProcessor
from soundgraph.application.ports import ObjectListing, ObjectStore, Presigner
from soundgraph.application.tracks import MediaProcessor
from soundgraph.entrypoints.http.app import Services, build_app

SONG = wav_bytes(1.0)
HOUR = timedelta(hours=1)


@dataclass
class Shop(Site):
    """A site whose objects are files."""

    root: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.store = FilesystemStore(self.root, b"secret", HERE, self.clock)
        stored: dict[type, object] = dict.fromkeys((ObjectStore, ObjectListing, Presigner), self.store)
        stored[MediaProcessor] = WaveProcessor(self.store)
        self.world = memory_app(stored, base_url=HERE)
        self.app = build_app(Services(self.world.use, HERE, b"k" * 32, media=self.store))

    def files(self) -> list[str]:
        """What is stored, unfinished files too."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(root=tmp_path / "objects")


async def post(shop: Shop, url: str, fields: dict[str, str], data: bytes, *, name: str = "file") -> int:
    async with client_of(shop.app) as visitor:
        answer = await visitor.post(url, data=fields, files={name: ("take.wav", data)})
    return answer.status_code


async def begin(person: Person) -> dict[str, Any]:
    answer = await person.http.post(f"{API}/uploads/direct", json={"filename": "take.wav"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_form_takes_a_file_that_becomes_one_track(shop: Shop) -> None:
    ada = await shop.join("ada")
    form = await begin(ada)
    asked = {"upload_id": form["upload_id"], "title": "A Song"}
    assert (await ada.http.post(f"{API}/tracks", json=asked)).json()["code"] == "upload_incomplete"
    assert await post(shop, form["url"], form["fields"], SONG) == 204
    answers = [await ada.http.post(f"{API}/tracks", json=asked) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    (sealed,) = shop.files()
    assert (shop.root / sealed).read_bytes() == SONG
    bob = await shop.join("bob")
    assert (await bob.http.post(f"{API}/tracks", json=asked)).status_code == 404


async def test_under_one_key_there_is_one_upload(shop: Shop) -> None:
    ada = await shop.join("ada")

    async def ask(key: str, name: str = "a.wav") -> httpx.Response:
        return await ada.http.post(f"{API}/uploads/direct", json={"filename": name}, headers={"Idempotency-Key": key})

    first, again, other = await ask("one"), await ask("one"), await ask("other")
    assert [one.status_code for one in (first, again, other)] == [201, 201, 201]
    assert first.json()["upload_id"] == again.json()["upload_id"] != other.json()["upload_id"]
    assert again.json()["fields"]["key"] == first.json()["fields"]["key"]
    reused = await ask("one", "b.wav")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


async def test_what_is_put_in_its_place_afterwards_does_not_count(shop: Shop) -> None:
    ada = await shop.join("ada")
    form = await begin(ada)
    await post(shop, form["url"], form["fields"], SONG)
    made = await ada.http.post(f"{API}/tracks", json={"upload_id": form["upload_id"], "title": "A Song"})
    assert await post(shop, form["url"], form["fields"], b"something else") == 204
    await shop.world.settle()
    track = (await ada.http.get(f"{API}/tracks/{made.json()['id']}")).json()
    assert track["state"] == "ready"
    (original,) = [key for key in shop.files() if key.startswith("originals/")]
    assert original.endswith(hashlib.sha256(SONG).hexdigest())
    assert (shop.root / original).read_bytes() == SONG


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"key": "originals/mine"}, 403),
        ({"policy": "e30="}, 403),
        ({"policy": "ü"}, 403),
        ({"signature": ""}, 403),
        ({"signature": "ü"}, 403),
    ],
)
async def test_a_changed_form_is_refused(shop: Shop, change: dict[str, str], status: int) -> None:
    form = shop.store.signed_form("in/a", max_bytes=5, lifetime=HOUR)
    assert await post(shop, form.url, {**form.fields, **change}, b"12345") == status
    assert shop.files() == []


async def test_a_form_keeps_to_its_policy(shop: Shop) -> None:
    form = shop.store.signed_form("in/a", max_bytes=5, lifetime=HOUR)
    fields = dict(form.fields)
    assert await post(shop, form.url, fields, b"123456") == 413
    assert await post(shop, form.url, fields, b"") == 400
    assert await post(shop, form.url, fields, b"12345", name="other") == 400
    assert shop.files() == []
    assert await post(shop, form.url, fields, b"12345") == 204
    shop.clock.advance(HOUR)
    assert await post(shop, form.url, fields, b"54321") == 410
    assert (shop.root / "in/a").read_bytes() == b"12345"


async def test_the_file_comes_last(shop: Shop) -> None:
    form = shop.store.signed_form("in/a", max_bytes=5, lifetime=HOUR)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n12345\r\n'
    for name, value in form.fields.items():
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    async with client_of(shop.app) as visitor:
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await visitor.post(form.url, content=body + b"--b--\r\n", headers=headers)
    assert answer.status_code == 403
    assert shop.files() == []


async def test_a_signed_put_keeps_to_what_was_signed(shop: Shop) -> None:
    signed = shop.store.signed_put("in/a", size_bytes=5, lifetime=HOUR)
    async with client_of(shop.app) as visitor:
        assert (await visitor.put(signed.url, content=b"123456")).status_code == 413
        assert (await visitor.put(signed.url, content=b"1234")).status_code == 400
        assert (await visitor.put(signed.url.replace("size=5", "size=9"), content=b"123456789")).status_code == 403
        assert (await visitor.put(signed.url.replace("in/a", "in/b"), content=b"12345")).status_code == 403
        reading = shop.store.signed_url("in/a", lifetime=HOUR, content_type="a/b")
        assert (await visitor.put(reading, content=b"12345")).status_code == 403
        assert shop.files() == []
        assert (await visitor.put(signed.url, content=b"12345")).status_code == 204
        assert (await visitor.get(signed.url)).status_code == 403
        shop.clock.advance(HOUR)
        assert (await visitor.put(signed.url, content=b"12345")).status_code == 410


async def test_without_a_store_of_our_own_nothing_is_taken(site: Site) -> None:
    async with site.client() as visitor:
        assert (await visitor.post("/media/", files={"file": b"x"})).status_code == 404
        assert (await visitor.put("/media/a", content=b"x")).status_code == 404


async def sent(shop: Shop, client: httpx.AsyncClient, data: bytes, **headers: str) -> list[httpx.Response]:
    """The answers to a signed form and to a signed address."""
    form = shop.store.signed_form("in/form", max_bytes=5, lifetime=HOUR)
    put = shop.store.signed_put("in/put", size_bytes=5, lifetime=HOUR)
    return [
        await client.post(form.url, data=dict(form.fields), files={"file": data}, headers=headers),
        await client.put(put.url, content=data, headers=headers),
    ]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_other_sites_send_signed_uploads_but_without_cookies(shop: Shop, headers: dict[str, str]) -> None:
    """The signature lets a page of any site send its file. With our cookies it was not that page which was signed for,
    but a browser that was made to: no page needs them, for `*` shares nothing that comes with cookies.
    """
    async with client_of(shop.app) as page:
        for answer in await sent(shop, page, b"first", **headers):
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
            assert "access-control-allow-credentials" not in answer.headers
    assert shop.files() == ["in/form", "in/put"]
    await shop.join("ada")
    async with client_of(shop.app) as browser:
        login = await browser.post(f"{API}/auth/login", json={"login": "ada", "password": PASSWORD})
        assert login.status_code == 200, login.text
        for answer in await sent(shop, browser, b"other", **headers):
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert {(shop.root / one).read_bytes() for one in shop.files()} == {b"first"}
        for answer in await sent(shop, browser, b"third", Origin=HERE):
            assert answer.status_code == 204
    assert {(shop.root / one).read_bytes() for one in shop.files()} == {b"third"}
