"""ETags, If-None-Match, If-Match and HEAD."""

import asyncio
import re
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from litestar import Request
from tests.unit.http.conftest import API, Person, Site, paths

from soundgraph.domain.errors import Stale
from soundgraph.entrypoints.http.errors import answer_refusal

ENTITY = re.compile(r'"v[1-9]\d*-[0-9a-f]{32}"')


async def test_what_is_edited_names_its_version(site: Site, http: httpx.AsyncClient, ann: Person) -> None:
    track = await ann.upload()
    for answer in (
        await http.get(f"{API}/tracks/{track['id']}"),
        await ann.http.patch(f"{API}/tracks/{track['id']}", json={"title": "B"}),
        await http.get(f"{API}/users/annika"),
        await ann.http.patch(f"{API}/me/profile", json={"bio": "B"}),
    ):
        assert ENTITY.fullmatch(answer.headers["ETag"])
        assert answer.headers["ETag"].startswith(f'"v{answer.json()["version"]}-')


async def test_whoever_has_it_already_is_told_so(http: httpx.AsyncClient, ann: Person) -> None:
    track = await ann.upload()
    for path in (f"{API}/tracks/{track['id']}", f"{API}/users/annika", f"{API}/users/annika/tracks", "/openapi.json"):
        first = await http.get(path)
        etag = first.headers["ETag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await http.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            for name in ("ETag", "Cache-Control", "Vary"):
                assert again.headers.get(name) == first.headers.get(name)
            assert "content-type" not in again.headers
        for unknown in ('"other"', "", etag.strip('"')):
            again = await http.get(path, headers={"If-None-Match": unknown})
            assert (again.status_code, again.content) == (200, first.content)


async def test_an_etag_is_of_what_this_viewer_sees(http: httpx.AsyncClient, ann: Person, bob: Person) -> None:
    track = await ann.upload()
    address = f"{API}/tracks/{track['id']}"
    await bob.http.put(f"{API}/me/likes/tracks/{track['id']}")
    seen = (await http.get(address)).headers["ETag"]
    answer = await bob.http.get(address, headers={"If-None-Match": seen})
    assert (answer.status_code, answer.json()["viewer"]["liked"]) == (200, True)
    assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Authorization, Cookie", "private, no-cache")


async def test_what_one_may_not_see_is_absent_and_never_unchanged(
    http: httpx.AsyncClient, ann: Person, bob: Person
) -> None:
    track = await ann.upload()
    address = f"{API}/tracks/{track['id']}"
    seen = (await http.get(address)).headers["ETag"]
    hidden = await ann.http.patch(address, json={"visibility": "private"})
    assert hidden.status_code == 200
    for client in (http, bob.http):
        for etag in (seen, hidden.headers["ETag"], "*"):
            answer = await client.get(address, headers={"If-None-Match": etag})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert "etag" not in answer.headers


async def test_what_must_not_be_stored_has_no_etag(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health/live", headers={"If-None-Match": "*"})
    assert answer.status_code == 200
    assert "etag" not in answer.headers


async def test_a_change_to_another_version_is_refused(ann: Person, bob: Person) -> None:
    track = await ann.upload()
    address = f"{API}/tracks/{track['id']}"
    for method, path, body in (
        ("PATCH", address, {"title": "Changed"}),
        ("PATCH", f"{API}/me/profile", {"bio": "Changed"}),
        ("DELETE", address, None),
    ):
        read = address if path == address else f"{API}/users/annika"
        old = (await ann.http.get(read)).headers["ETag"]
        for stale in ('"v999-0"', 'W/"v999-0"', '"other"', '""'):
            answer = await ann.http.request(method, path, json=body, headers={"If-Match": stale})
            assert (answer.status_code, answer.json()["code"]) == (412, "version_mismatch")
            assert "present" not in answer.json()
        assert (await ann.http.get(read)).headers["ETag"] == old
        for bad in ("v1", '"v1', "", ",", '"v1-a", "v2-b"', "é".encode().decode("latin-1"), "*, *"):
            answer = await ann.http.request(method, path, json=body, headers=[(b"If-Match", bad.encode("latin-1"))])
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_if_match"), bad
        if method == "PATCH":
            assert (await ann.http.patch(path, json=body, headers={"If-Match": "*"})).status_code == 200
        # The hash is that of another viewer, and it does not count.
        seen = (await bob.http.get(read)).headers["ETag"]
        answer = await ann.http.request(method, path, json=body, headers={"If-Match": seen})
        assert answer.is_success, answer.text


async def test_a_stranger_learns_nothing_of_versions(ann: Person, bob: Person) -> None:
    address = f"{API}/tracks/{(await ann.upload())['id']}"
    for etag in ('"v1-0"', '"v999-0"', "*"):
        assert (await bob.http.delete(address, headers={"If-Match": etag})).status_code == 404


async def test_of_twenty_changes_to_one_version_one_is_made(ann: Person) -> None:
    address = f"{API}/tracks/{(await ann.upload())['id']}"
    etag = (await ann.http.get(address)).headers["ETag"]
    change = [ann.http.patch(address, json={"title": f"T{n}"}, headers={"If-Match": etag}) for n in range(20)]
    assert sorted(one.status_code for one in await asyncio.gather(*change)) == [200] + [412] * 19


def test_the_present_order_is_told() -> None:
    request: Request[Any, Any, Any] = Request(cast(Any, {"type": "http"}))
    answer = answer_refusal(request, Stale((UUID(int=7),)))
    assert answer.status_code == 412
    assert answer.content.present == (UUID(int=7),)


@pytest.mark.parametrize("who", ["visitor", "member"])
async def test_head_answers_like_get_without_a_body(site: Site, ann: Person, who: str) -> None:
    track = await ann.upload()
    client = ann.http if who == "member" else site.client()
    for path in [one for method, one in paths(site.app) if method == "GET"] + [
        "/",
        "/docs",
        "/nothing",
        f"{API}/tracks/{track['id']}",
        f"{API}/tracks/{track['id']}/waveform",
    ]:
        get, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        varying = {"x-request-id", "etag"}
        assert {*head.headers.items()} ^ {*get.headers.items()} <= {
            (name, value) for one in (get, head) for name, value in one.headers.items() if name in varying
        }
    answer = await client.head(f"{API}/auth/login")
    assert (answer.status_code, answer.content) == (405, b"")
