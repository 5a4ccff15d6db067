"""Every route against everybody, above all those who may not know of a thing or may not change it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from tests.unit.http.conftest import API, Person, Site
from tests.unit.http.matrix import AUDIENCES, MATRIX, VIEWERS, Operation, Row
from tests.unit.http.test_account import become
from tests.unit.http.test_auth import declared
from tests.unit.http.test_direct import Shop
from tests.unit.http.things import MISSING, Things, viewers

from soundgraph.domain.visibility import AccountStanding
from soundgraph.entrypoints.http.policies import Policy

OWNED = {"track_id", "playlist_id", "upload_id", "session_id", "permalink"}
# What everyone who sees a thing may do with it, whoever it belongs to.
FOR_ALL_WHO_SEE = {("POST", f"{API}/tracks/{{track_id}}/plays")} | {
    (method, f"{API}/me/likes/tracks/{{track_id}}") for method in ("PUT", "DELETE")
}
METHODS = ("OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LAST = (f"{API}/me/blocks/{{user_id}}", f"{API}/auth/logout-all", f"{API}/auth/logout")


def operations(app: Litestar) -> dict[Operation, object]:
    """The policy of every method and path of the app, documented or not."""
    return {(method, re.sub(r":\w+\}", "}", path)): policy for (method, path), policy in declared(app).items()}


# What is read is not made before, what is put is deleted after it; blocks are lifted and sessions end last.
EVERY = sorted(MATRIX, key=lambda one: (LAST.index(one[1]) if one[1] in LAST else -1, one[1], METHODS.index(one[0])))
ROUTES = [one for one in EVERY if OWNED & set(re.findall(r"\{(\w+)\}", one[1]))]
NAMING = [one for one in EVERY if "{" in one[1]]
POLICIES = operations(Site().app)
MEMBERS_ONLY = {one for one, policy in POLICIES.items() if policy is Policy.MEMBER}


def named(operation: Operation) -> str:
    """A name for a test."""
    return " ".join(operation)


def said(answer: httpx.Response) -> tuple[int, Any]:
    """An answer without what differs from one request to the next, and without the address that was asked for."""
    if not answer.content or "json" not in answer.headers["content-type"]:
        return answer.status_code, answer.text
    return answer.status_code, {
        name: one for name, one in answer.json().items() if name not in ("request_id", "instance")
    }


async def ways(things: Things, client: httpx.AsyncClient, operation: Operation) -> list[httpx.Response]:
    """The answers to all ways in which an operation can be asked for."""
    method, path = operation
    answers = [await things.request(client, method, path)]
    if method == "GET":
        answers.append(await things.request(client, "HEAD", path))
    if "{id_or_handle}" in path:
        answers.append(await things.request(client, method, path, id_or_handle=things.owner.id))
    return answers


def test_every_operation_is_in_the_matrix(site: Site) -> None:
    assert set(operations(site.app)) == set(MATRIX)
    assert {type(route) for route in site.app.routes} == {HTTPRoute}, "the matrix knows of nothing else"


@pytest.mark.parametrize("row", MATRIX.values(), ids=map(named, MATRIX))
def test_every_viewer_is_in_the_matrix(row: Row) -> None:
    assert [set(row.of(audience)) for audience in AUDIENCES] == [set(VIEWERS)] * 2


@pytest.mark.parametrize("audience", AUDIENCES)
async def test_everybody_gets_what_the_matrix_says(site: Site, ann: Person, audience: str) -> None:
    things, clients = await Things.of(ann, audience), await viewers(ann)
    assert {*clients, "owner", "suspended"} == set(VIEWERS)
    before = await things.seen()
    for name, client in clients.items():
        for operation in EVERY:
            expected = MATRIX[operation].of(audience)[name]
            for answer in await ways(things, client, operation):
                assert answer.status_code == expected, (name, operation, answer.request.method, answer.text)
            if expected == 404:
                missing = await things.request(client, *operation, **MISSING)
                assert said(missing) == said(await things.request(client, *operation)), (name, operation)
        assert await things.seen() == before, name


@pytest.mark.parametrize("audience", AUDIENCES)
async def test_what_one_may_not_see_is_not_found_by_any_route(site: Site, ann: Person, audience: str) -> None:
    things, clients = await Things.of(ann, audience), await viewers(ann)
    before = await things.seen()
    strangers = ["blocked", "blocking", *(["anonymous", "other"] if audience == "private" else [])]
    for name in strangers:
        for method, path in ROUTES:
            answer = await things.request(clients[name], method, path)
            missing = await things.request(clients[name], method, path, **MISSING)
            assert said(answer) == said(missing), (name, method, path)
            expected = {401} if name == "anonymous" and (method, path) in MEMBERS_ONLY else {404}
            # Taking back a like that cannot be there says nothing of the track.
            if (method, path) == ("DELETE", f"{API}/me/likes/tracks/{{track_id}}") and name != "anonymous":
                expected = {204, 404}
            assert answer.status_code in expected, (name, method, path, answer.text)
    assert await things.seen() == before


@pytest.mark.parametrize("audience", AUDIENCES)
async def test_seeing_a_thing_is_no_right_to_change_it(site: Site, ann: Person, audience: str) -> None:
    things, clients = await Things.of(ann, audience), await viewers(ann)
    before = await things.seen()
    seeing = ["moderator", "admin", *(["anonymous", "other"] if audience == "public" else [])]
    for name in seeing:
        for method, path in ROUTES:
            if method == "GET" or (method, path) in FOR_ALL_WHO_SEE:
                continue
            answer = await things.request(clients[name], method, path)
            expected = {401} if name == "anonymous" else {403, 404}
            assert answer.status_code in expected, (name, method, path, answer.text)
    assert await things.seen() == before


async def test_moderators_and_admins_read_what_is_private(site: Site, ann: Person) -> None:
    things, clients = await Things.of(ann, "private"), await viewers(ann)
    for name in ("moderator", "admin"):
        for path in ("/tracks/{track_id}", "/tracks/{track_id}/streams", "/playlists/{playlist_id}"):
            assert (await things.request(clients[name], "GET", API + path)).status_code == 200, (name, path)


@pytest.mark.parametrize("operation", NAMING, ids=named)
async def test_the_owner_is_let_in_by_every_route(site: Site, ann: Person, operation: Operation) -> None:
    """So that what the others are refused is refused for who they are, and not for what they sent."""
    things = await Things.of(ann, "private")
    answer = await things.request(ann.http, *operation)
    assert answer.status_code == MATRIX[operation].private["owner"], answer.text
    assert operation not in ROUTES or answer.status_code < 400 or answer.status_code == 409, answer.text


async def test_the_owner_gets_what_the_matrix_says(site: Site, ann: Person) -> None:
    things = await Things.of(ann, "private")
    for operation in EVERY:
        if operation not in NAMING:
            answer = await things.request(ann.http, *operation)
            assert answer.status_code == MATRIX[operation].private["owner"], (operation, answer.text)


async def test_a_suspended_owner_is_told_so_by_every_route(site: Site, ann: Person) -> None:
    things, visitor = await Things.of(ann, "public"), site.client()
    await become(ann, standing=AccountStanding.SUSPENDED)
    for operation in EVERY:
        answer = await things.request(ann.http, *operation)
        assert answer.status_code == MATRIX[operation].public["suspended"], (operation, answer.text)
        if POLICIES[operation] in (Policy.MEMBER, Policy.PUBLIC):
            assert answer.status_code == 403, operation
            # On pages, in words.
            told = answer.json()["code"] if "json" in answer.headers["content-type"] else answer.text
            assert "suspended" in told, operation
        if operation in ROUTES and operation not in MEMBERS_ONLY:
            # Nor does anybody else find what is theirs, until they are back.
            assert (await things.request(visitor, *operation)).status_code == 404, operation


async def test_media_open_to_whoever_has_a_signed_address(tmp_path: Path) -> None:
    """Where the store is ours. A signature is all that counts: neither being the owner nor an admin helps without."""
    shop, hour = Shop(root=tmp_path), timedelta(hours=1)
    ann = await shop.join("annika")
    clients = await viewers(ann) | {"owner": ann.http}
    suspended = await shop.join("suspended")
    await become(suspended, standing=AccountStanding.SUSPENDED)
    clients["suspended"] = suspended.http
    assert set(clients) == set(VIEWERS)
    form = shop.store.signed_form("in/form", max_bytes=5, lifetime=hour)
    put = shop.store.signed_put("in/put", size_bytes=5, lifetime=hour).url
    url = shop.store.signed_url("in/put", lifetime=hour, content_type="audio/wav")
    for name, client in clients.items():
        statuses = [
            [
                (await client.put(one, content=b"12345")).status_code,
                (await client.get(read)).status_code,
                (await client.head(read)).status_code,
                (await client.post(form.url, data=fields, files={"file": b"12345"})).status_code,
            ]
            for one, read, fields in (
                (put, url, dict(form.fields)),
                ("/media/in/put", "/media/in/put", {"key": "in/form"}),
            )
        ]
        assert statuses == [[204, 200, 200, 204], [403] * 4], name
