"""Copies to keep, over HTTP, with the store that serves them."""

from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, HERE, NOBODY, Person, Site, client_of

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.memory.wave import WaveProcessor
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import MediaProcessor
from soundgraph.entrypoints.http.app import Services, build_app

WAV = wav_bytes(1, 8_000, 1)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose objects are files that it serves itself."""
    clock = memory_app().clock
    store = FilesystemStore(tmp_path / "objects", b"secret", HERE, clock)
    site = Site(memory_app({ObjectStore: store, MediaProcessor: WaveProcessor(store)}, base_url=HERE))
    site.app = build_app(Services(site.world.use, HERE, b"k" * 32, media=store))
    return site


async def offered(ann: Person, **fields: str) -> str:
    track = await ann.upload(**fields)
    return f"{API}/tracks/{track['id']}/download"


async def test_the_owner_gets_what_they_sent_under_its_title(ann: Person) -> None:
    address = await offered(ann, title='../Grüße: "é"\n\u202e', visibility="private")
    answer = await ann.http.get(address)
    body = answer.json()
    assert (answer.status_code, answer.headers["location"], body["filename"]) == (302, body["url"], "Grüße é.wav")
    assert answer.headers["cache-control"] == "no-store"
    file = await ann.http.get(body["url"], headers={"Authorization": ""})
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, WAV, "audio/wav")
    assert file.headers["content-disposition"] == (
        f"attachment; filename=\"Gru_e e.wav\"; filename*=UTF-8''{quote('Grüße é.wav')}"
    )
    part = await ann.http.get(body["url"], headers={"Range": "bytes=-4", "Authorization": ""})
    assert (part.status_code, part.content) == (206, WAV[-4:])
    head = await ann.http.head(address)
    assert (head.status_code, head.content, "location" in head.headers) == (302, b"", True)


async def test_others_need_the_creators_word_and_a_plan(ann: Person, bob: Person, http: httpx.AsyncClient) -> None:
    address = await offered(ann)

    async def refusals() -> list[str]:
        return [(await one.get(address)).json().get("code", "none") for one in (bob.http, http)]

    assert await refusals() == ["not_downloadable", "not_downloadable"]
    await ann.http.patch(address.removesuffix("/download"), json={"downloadable": True, "policy": "block"})
    assert await refusals() == ["blocked", "blocked"]
    await ann.http.patch(address.removesuffix("/download"), json={"policy": "snip"})
    assert await refusals() == ["preview_only", "preview_only"]
    await ann.http.patch(address.removesuffix("/download"), json={"policy": "allow"})
    assert await refusals() == ["plan_limit", "plan_limit"]
    await bob.subscribe("listener")
    assert await refusals() == ["none", "plan_limit"]
    assert (await http.get(f"{API}/tracks/{NOBODY}/download")).status_code == 404


async def test_it_ends_after_five_minutes(tmp_path: Path, ann: Person) -> None:
    view = (await ann.http.get(await offered(ann))).json()
    expires = int(httpx.URL(view["url"]).params["expires"])
    assert view["expires_at"].startswith("20")
    assert expires == int(ann.site.world.clock.now().timestamp()) + 300


async def test_what_is_not_ready_is_not_to_be_had(ann: Person) -> None:
    files = {"audio": ("song.wav", WAV, "audio/wav")}
    track = (await ann.http.post(f"{API}/tracks", data={"title": "Soon"}, files=files)).json()
    answer = await ann.http.get(f"{API}/tracks/{track['id']}/download")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")


async def test_a_stream_answers_head_and_its_file_ranges(ann: Person, http: httpx.AsyncClient) -> None:
    track = (await ann.upload())["id"]
    head = await http.head(f"{API}/tracks/{track}/stream")
    assert (head.status_code, head.content) == (302, b"")
    file = client_of(ann.site.app)
    for asked, status, length in (("bytes=0-9", 206, 10), ("bytes=-5", 206, 5), ("bytes=999999-", 416, None)):
        answer = await file.get(head.headers["location"], headers={"Range": asked})
        assert answer.status_code == status
        assert length is None or len(answer.content) == length
    etag = (await file.head(head.headers["location"])).headers["etag"]
    assert (await file.get(head.headers["location"], headers={"If-None-Match": etag})).status_code == 304
