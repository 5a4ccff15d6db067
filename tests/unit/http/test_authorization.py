"""Every route that addresses a thing, against everybody who may not know of it or may not change it."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, NOBODY, Person, Site
from tests.unit.http.test_account import become
from tests.unit.http.test_cancelled_uploads import PNG

from soundgraph.domain.visibility import AccountStanding, Role

Json = dict[str, Any]
# What everyone who sees a thing may do with it, whoever it belongs to.
FOR_ALL_WHO_SEE = {("POST", "/tracks/{track_id}/plays")} | {
    (method, "/me/likes/tracks/{track_id}") for method in ("PUT", "DELETE")
}


def routes() -> list[tuple[str, str]]:
    """Every method and path, without the prefix, that names a track or a playlist."""
    document = Site().app.openapi_schema.to_schema()["paths"]
    named = [path for path in document if "{track_id}" in path or "{playlist_id}" in path]
    return [(method.upper(), path.removeprefix(API)) for path in named for method in document[path]]


ROUTES = routes()
MEMBERS_ONLY = {
    (method.upper(), path.removeprefix(API))
    for path, methods in Site().app.openapi_schema.to_schema()["paths"].items()
    for method, operation in methods.items()
    if {} not in operation["security"]
}


@dataclass
class Things:
    """What one person owns, all of it public or all of it private."""

    site: Site
    owner: Person
    names: dict[str, str]
    audience: str

    @classmethod
    async def of(cls, owner: Person, audience: str) -> "Things":
        await owner.subscribe("creator")
        track = await owner.upload(visibility=audience)
        cover = await owner.http.put(f"{API}/tracks/{track['id']}/artwork", files={"image": ("a.png", PNG)})
        assert cover.status_code == 200, cover.text
        asked = {"title": "A List", "visibility": audience}
        playlist = (await owner.http.post(f"{API}/playlists", json=asked)).json()["id"]
        item = await owner.http.post(f"{API}/playlists/{playlist}/tracks", json={"track_id": track["id"]})
        assert item.status_code == 201, item.text
        names = {"track_id": track["id"], "playlist_id": playlist, "item_id": item.json()["id"], "revision": "1"}
        for kind, one in (("tracks", track["id"]), ("playlists", playlist)):
            link = await owner.http.post(f"{API}/{kind}/{one}/secret-links", json={})
            names[kind] = link.json()["id"]
        return cls(owner.site, owner, names, audience)

    async def request(self, client: httpx.AsyncClient, method: str, path: str, *, missing: bool = False) -> Any:
        """Call a route with a body that its owner could send, of what is there or of what is `missing`."""
        known = self.names | {"link_id": self.names[path.split("/")[1]]} if "link_id" in path else self.names
        if missing:
            known = known | {"track_id": NOBODY, "playlist_id": NOBODY}
        address = re.sub(r"\{(\w+)\}", lambda name: known[name[1]], path)
        headers = {"If-Match": "*"} if method in ("PUT", "PATCH", "DELETE") else {}
        return await client.request(method, f"{API}{address}", headers=headers, **self._body(method, path))

    def _body(self, method: str, path: str) -> dict[str, Any]:
        if method == "PUT" and path.endswith("/audio"):
            return {"files": {"audio": ("song.wav", wav_bytes(1, 8_000, 1), "audio/wav")}}
        if method == "PUT" and path.endswith("/artwork"):
            return {"files": {"image": ("a.png", PNG)}}
        item, track = self.names["item_id"], self.names["track_id"]
        bodies: dict[tuple[str, str], Json] = {
            ("PATCH", "/tracks/{track_id}"): {"title": "Another"},
            ("PATCH", "/playlists/{playlist_id}"): {"title": "Another"},
            ("POST", "/tracks/{track_id}/plays"): {"position_ms": 0},
            ("POST", "/tracks/{track_id}/secret-links"): {"label": "x"},
            ("POST", "/playlists/{playlist_id}/secret-links"): {"label": "x"},
            ("POST", "/playlists/{playlist_id}/tracks"): {"track_id": track},
            ("PUT", "/playlists/{playlist_id}/tracks"): {"track_ids": []},
            ("POST", "/playlists/{playlist_id}/reorder"): {"item_id": item, "after": None},
        }
        return {"json": bodies[method, path]} if (method, path) in bodies else {}

    async def seen(self) -> list[Json]:
        """Everything, as the owner sees it."""
        track, playlist = (f"{API}/{one}s/{self.names[f'{one}_id']}" for one in ("track", "playlist"))
        inside = (track, f"{track}/revisions", f"{track}/secret-links", playlist, f"{playlist}/tracks")
        answers = [await self.owner.http.get(address) for address in (*inside, f"{playlist}/secret-links")]
        assert [one.status_code for one in answers] == [200] * len(answers)
        return [one.json() for one in answers]


def said(answer: httpx.Response) -> tuple[int, Json]:
    """An answer without what differs from one request to the next, and without the address that was asked for."""
    body = answer.json() if answer.content else {}
    return answer.status_code, {name: one for name, one in body.items() if name not in ("request_id", "instance")}


async def viewers(site: Site, owner: Person) -> dict[str, httpx.AsyncClient]:
    """Everybody but the owner."""
    people = {name: await site.join(name) for name in ("other", "blocked", "blocking", "moderator_1", "admin_1")}
    assert (await owner.http.put(f"{API}/me/blocks/{people['blocked'].id}")).status_code == 204
    assert (await people["blocking"].http.put(f"{API}/me/blocks/{owner.id}")).status_code == 204
    for person in people.values():
        # So that no refusal is one of their plan.
        await person.subscribe("creator")
    await become(people["moderator_1"], role=Role.MODERATOR)
    await become(people["admin_1"], role=Role.ADMIN)
    return {"anonymous": site.client(), **{name: person.http for name, person in people.items()}}


@pytest.mark.parametrize("audience", ["private", "public"])
async def test_what_one_may_not_see_is_not_found_by_any_route(site: Site, ann: Person, audience: str) -> None:
    things, clients = await Things.of(ann, audience), await viewers(site, ann)
    before = await things.seen()
    strangers = ["blocked", "blocking", *(["anonymous", "other"] if audience == "private" else [])]
    for name in strangers:
        for method, path in ROUTES:
            answer = await things.request(clients[name], method, path)
            missing = await things.request(clients[name], method, path, missing=True)
            assert said(answer) == said(missing), (name, method, path)
            expected = {401} if name == "anonymous" and (method, path) in MEMBERS_ONLY else {404}
            # Taking back a like that cannot be there says nothing of the track.
            if (method, path) == ("DELETE", "/me/likes/tracks/{track_id}") and name != "anonymous":
                expected = {204, 404}
            assert answer.status_code in expected, (name, method, path, answer.text)
    assert await things.seen() == before


@pytest.mark.parametrize("audience", ["private", "public"])
async def test_seeing_a_thing_is_no_right_to_change_it(site: Site, ann: Person, audience: str) -> None:
    things, clients = await Things.of(ann, audience), await viewers(site, ann)
    before = await things.seen()
    seeing = ["moderator_1", "admin_1", *(["anonymous", "other"] if audience == "public" else [])]
    for name in seeing:
        for method, path in ROUTES:
            if method == "GET" or (method, path) in FOR_ALL_WHO_SEE:
                continue
            answer = await things.request(clients[name], method, path)
            expected = {401} if name == "anonymous" else {403, 404}
            assert answer.status_code in expected, (name, method, path, answer.text)
    assert await things.seen() == before


async def test_moderators_and_admins_read_what_is_private(site: Site, ann: Person) -> None:
    things, clients = await Things.of(ann, "private"), await viewers(site, ann)
    for name in ("moderator_1", "admin_1"):
        for path in ("/tracks/{track_id}", "/tracks/{track_id}/streams", "/playlists/{playlist_id}"):
            assert (await things.request(clients[name], "GET", path)).status_code == 200, (name, path)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_the_owner_is_let_in_by_every_route(site: Site, ann: Person, method: str, path: str) -> None:
    """So that what the others are refused is refused for who they are, and not for what they sent."""
    things = await Things.of(ann, "private")
    answer = await things.request(ann.http, method, path)
    assert answer.status_code < 400 or answer.status_code == 409, answer.text


async def test_a_suspended_owner_is_told_so_by_every_route(site: Site, ann: Person) -> None:
    things, visitor = await Things.of(ann, "public"), site.client()
    await become(ann, standing=AccountStanding.SUSPENDED)
    for method, path in ROUTES:
        answer = await things.request(ann.http, method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended"), (method, path)
        if (method, path) not in MEMBERS_ONLY:
            # Nor does anybody else find what is theirs, until they are back.
            assert (await things.request(visitor, method, path)).status_code == 404, (method, path)
