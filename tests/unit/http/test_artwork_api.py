"""Covers over HTTP: only of the version that was read, and nothing of a form that has other parts."""

from typing import Any

import httpx
import pytest
from tests.contracts.test_covers import picture
from tests.unit.http.conftest import API, Person, Site

Track = dict[str, Any]
IMAGE = ("cover.png", picture(), "image/png")


@pytest.fixture
async def track(ann: Person) -> Track:
    return await ann.upload()


def stored(site: Site) -> list[str]:
    """What is kept of pictures."""
    return [key for key in site.world.store._objects if key.startswith(("artwork/", "quarantine/"))]


async def put(person: Person, track: Track, if_match: str = "*") -> httpx.Response:
    path = f"{API}/tracks/{track['id']}/artwork"
    return await person.http.put(path, files={"image": IMAGE}, headers={"If-Match": if_match})


async def test_a_cover_names_the_version_that_it_made(ann: Person, track: Track) -> None:
    address = f"{API}/tracks/{track['id']}"
    read = (await ann.http.get(address)).headers["ETag"]
    changed = await put(ann, track, read)
    assert (changed.status_code, changed.json()["version"]) == (200, track["version"] + 1)
    assert changed.headers["ETag"].startswith(f'"v{track["version"] + 1}-')
    assert changed.headers["ETag"] == (await ann.http.get(address)).headers["ETag"]


async def test_a_cover_for_another_version_is_refused(site: Site, ann: Person, bob: Person, track: Track) -> None:
    address = f"{API}/tracks/{track['id']}"
    read = (await ann.http.get(address)).headers["ETag"]
    first = await put(ann, track, read)
    kept = stored(site)
    for refused in (
        await put(ann, track, read),
        await ann.http.delete(f"{address}/artwork", headers={"If-Match": read}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (412, "version_mismatch")
    assert (await put(ann, track, "v1")).json()["code"] == "bad_if_match"
    assert (await put(bob, track, read)).status_code == 404
    assert (stored(site), (await ann.http.get(address)).json()["artwork_url"]) == (kept, first.json()["artwork_url"])
    removed = await ann.http.delete(f"{address}/artwork", headers={"If-Match": first.headers["ETag"]})
    assert removed.status_code == 204


async def test_processing_another_version_again_is_refused(ann: Person, track: Track) -> None:
    retry = f"{API}/tracks/{track['id']}/retry"
    read = (await ann.http.get(f"{API}/tracks/{track['id']}")).headers["ETag"]
    stale = await ann.http.post(retry, headers={"If-Match": '"v999-0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
    assert (await ann.http.post(retry, headers={"If-Match": read})).json()["code"] == "not_retryable"


@pytest.mark.parametrize(
    ("files", "field", "code"),
    [
        ([("image", IMAGE), ("zzz", (None, "1"))], "zzz", "unknown"),
        ([("image", IMAGE), ("image", IMAGE)], "image", "duplicate"),
        ([("zzz", (None, "1")), ("image", IMAGE)], "zzz", "unknown"),
    ],
)
async def test_of_a_form_with_other_parts_nothing_is_kept(
    site: Site, ann: Person, track: Track, files: Any, field: str, code: str
) -> None:
    before = stored(site)
    answer = await ann.http.put(f"{API}/tracks/{track['id']}/artwork", files=files)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, field, code)
    assert stored(site) == before
    assert (await ann.http.get(f"{API}/tracks/{track['id']}")).json()["artwork_url"] is None


async def test_of_a_form_that_breaks_off_nothing_is_kept(site: Site, ann: Person, track: Track) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    for body in (head + picture() + b"\r\n--x\r\n", b"--x--\r\n"):
        answer = await ann.http.put(
            f"{API}/tracks/{track['id']}/artwork",
            content=body,
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert answer.status_code == 400, answer.text
    assert [key for key in stored(site) if key.startswith("artwork/")] == []
