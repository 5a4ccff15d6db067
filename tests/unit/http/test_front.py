"""The pages as HTML, their files, covers and plays over HTTP."""

import re

import httpx
import pytest
from tests.contracts.test_covers import picture
from tests.unit.http.conftest import API, NOBODY, Person, Site

HOSTILE = "<img src=x onerror=alert(1)>"


async def test_an_empty_front_page_says_how_to_fill_it(http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    assert page.status_code == 200
    assert "It is quiet here." in page.text
    assert "make demo" in page.text


async def test_the_front_page_shows_what_is_new_and_what_is_played(http: httpx.AsyncClient, ann: Person) -> None:
    track = await ann.upload(HOSTILE)
    await ann.upload("Secret", visibility="private")
    page = (await http.get("/")).text
    assert "Most played" not in page
    assert (await http.post(f"{API}/tracks/{track['id']}/plays", json={"position_ms": 1_000})).status_code == 204
    page = (await http.get("/")).text
    assert "Most played" in page
    assert "1 play<" in page
    assert "Secret" not in page
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert " style=" not in page
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=(?!alert)", page)


async def test_a_track_has_a_page_and_what_one_may_not_see_has_none(http: httpx.AsyncClient, ann: Person) -> None:
    await ann.upload("My Song", description="Line one")
    await ann.upload("Secret", visibility="private")
    page = await http.get("/annika/my-song")
    assert page.status_code == 200
    assert "<title>My Song by" in page.text
    for path in ("/annika/secret", "/annika/nothing", "/nobody/my-song"):
        missing = await http.get(path)
        assert missing.status_code == 404
        assert "There is nothing here." in missing.text
    assert (await ann.http.get("/annika/secret")).status_code == 200


async def test_files_are_kept_under_the_address_that_names_them_all(http: httpx.AsyncClient) -> None:
    page = (await http.get("/")).text
    address = re.findall(r'src="(/assets/[^"]+/front\.js)"', page)[0]
    answer = await http.get(address)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert (await http.get(address, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
    assert "no-cache" in (await http.get("/assets/0123/front.js")).headers["cache-control"]
    assert (await http.get(address.replace("front.js", "nothing.js"))).status_code == 404


@pytest.mark.parametrize("position", [-1, 2_001])
async def test_a_play_outside_the_track_is_refused(http: httpx.AsyncClient, ann: Person, position: int) -> None:
    track = await ann.upload()
    answer = await http.post(f"{API}/tracks/{track['id']}/plays", json={"position_ms": position})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "position_ms")


@pytest.mark.parametrize("position", [1_001, 2_000])
async def test_a_play_slightly_beyond_the_end_is_of_the_whole(ann: Person, bob: Person, position: int) -> None:
    track = await ann.upload()
    answer = await bob.http.post(f"{API}/tracks/{track['id']}/plays", json={"position_ms": position})
    assert answer.status_code == 204
    (heard,) = (await bob.http.get(f"{API}/me/history")).json()["items"]
    assert heard["position_ms"] == 1_000
    assert (await ann.http.get(f"{API}/tracks/{track['id']}")).json()["counts"]["plays"] == 1


async def test_visitors_are_told_apart_by_their_devices(site: Site, ann: Person) -> None:
    track = await ann.upload()
    for device in ("one", "one", "two"):
        client = site.client(**{"User-Agent": device})
        assert (
            await client.post(f"{API}/tracks/{track['id']}/plays", json={"position_ms": 600, "context": "test"})
        ).status_code == 204
    assert (await ann.http.get(f"{API}/tracks/{track['id']}")).json()["counts"]["plays"] == 2


async def test_a_cover_over_http(http: httpx.AsyncClient, ann: Person, bob: Person) -> None:
    track = await ann.upload()
    path = f"{API}/tracks/{track['id']}/artwork"
    files = {"image": ("cover.png", picture(), "image/png")}
    assert (await bob.http.put(path, files=files)).status_code == 404
    changed = await ann.http.put(path, files=files)
    assert changed.status_code == 200, changed.text
    cover = await http.get(changed.json()["artwork_url"])
    assert (cover.status_code, cover.headers["content-type"], cover.content) == (200, "image/jpeg", picture())
    assert "private" in cover.headers["cache-control"]
    assert (await http.get(f"{path}?size=7")).status_code == 404
    assert "<img src=" in (await http.get("/")).text
    assert (await ann.http.delete(path)).status_code == 204
    assert (await http.get(path)).status_code == 404
    assert (await http.get(f"{API}/tracks/{NOBODY}/artwork")).status_code == 404


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"image": ("a.txt", b"text" * 20, "text/plain")}, 422),
        ({"photo": ("a.png", picture(), "image/png")}, 400),
        ({"image": ("a.png", picture() + b"0" * 10_100_000, "image/png")}, 413),
    ],
)
async def test_what_is_no_cover_is_refused(ann: Person, files: dict[str, tuple[str, bytes, str]], status: int) -> None:
    track = await ann.upload()
    answer = await ann.http.put(f"{API}/tracks/{track['id']}/artwork", files=files)
    assert answer.status_code == status, answer.text


async def test_a_track_may_come_with_its_cover(ann: Person) -> None:
    track = await ann.upload()
    assert track["artwork_url"] is None
    audio = {"audio": ("a.wav", b"RIFF", "audio/wav")}
    for cover, status in ((picture(), 202), (b"no picture" * 9, 422)):
        files = {**audio, "artwork": ("a.png", cover, "image/png")}
        answer = await ann.http.post(f"{API}/tracks", data={"title": "With a cover"}, files=files)
        assert answer.status_code == status, answer.text
        assert status == 422 or answer.json()["artwork_url"]


async def test_a_track_gets_another_permalink_and_keeps_the_one_before(http: httpx.AsyncClient, ann: Person) -> None:
    track, other = await ann.upload("A Song", visibility="private"), await ann.upload("Another")
    address = f"{API}/tracks/{track['id']}"
    changed = await ann.http.patch(address, json={"permalink": "my-song", "title": "My Song"})
    assert (changed.status_code, changed.json()["permalink"], changed.json()["title"]) == (200, "my-song", "My Song")
    assert changed.json()["permalink_url"].endswith("/annika/my-song")
    moved = await ann.http.get("/annika/a-song")
    assert (moved.status_code, moved.headers["location"]) == (301, "/annika/my-song")
    assert (await ann.http.get("/annika/my-song")).status_code == 200
    # Where it leads tells nobody who may not see it that it is there.
    assert (await http.get("/annika/a-song")).status_code == 404
    link = (await ann.http.post(f"{address}/secret-links", json={})).json()
    opened = await http.get(f"/annika/a-song?secret_token={link['token']}")
    assert (opened.status_code, opened.headers["location"]) == (
        301,
        f"/annika/my-song?secret_token={link['token']}",
    )
    for permalink, status, code in (
        ("a-song", 409, "permalink_taken"),
        ("my-song", 409, "permalink_taken"),
        ("My Song", 422, "invalid"),
        (None, 400, "malformed"),
    ):
        answer = await ann.http.patch(f"{API}/tracks/{other['id']}", json={"permalink": permalink})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await ann.upload("A Song"))["permalink"] != "a-song"
