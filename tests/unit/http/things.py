"""What the matrix of who may do what asks about: a person, what is theirs, and everybody else."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, NOBODY, PASSWORD, Person, Site
from tests.unit.http.test_account import become
from tests.unit.http.test_cancelled_uploads import PNG

from soundgraph.domain.federation import ExternalIdentity
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import Role

Json = dict[str, Any]
TUS = {"Tus-Resumable": "1.0.0"}
STREAM = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
UPLOAD, TRACK, PLAYLIST = (
    f"{API}/uploads/{{upload_id}}",
    f"{API}/tracks/{{track_id}}",
    f"{API}/playlists/{{playlist_id}}",
)
# What a path is filled with to ask for what does not exist.
MISSING = {
    **dict.fromkeys(("track_id", "playlist_id", "upload_id", "session_id", "user_id", "id_or_handle"), NOBODY),
    "handle": "nobody-here",
}


@dataclass
class Things:
    """What one person owns, all of it public or all of it private."""

    site: Site
    owner: Person
    names: dict[str, str]

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
        handle = owner.session["user"]["handle"]
        names |= {"user_id": owner.id, "id_or_handle": handle, "handle": handle, "permalink": track["permalink"]}
        names |= {"upload_id": await _an_upload(owner), "session_id": await _another_session(owner)}
        names |= {"provider": "plain", "digest": "0", "name": "front.css", "path": "x", "key": "originals/x"}
        await _identify(owner)
        return cls(owner.site, owner, names)

    async def request(self, client: httpx.AsyncClient, method: str, path: str, **others: str) -> httpx.Response:
        """Call a route with what its owner could send, of what is there; `others` name something else."""
        known = {**self.names, **others}
        if "link_id" in path:
            known["link_id"] = self.names["tracks" if path.startswith(TRACK) else "playlists"]
        address = re.sub(r"\{(\w+)\}", lambda name: known[name[1]], path)
        return await client.request(method, address, **self.sent(method, path))

    def sent(self, method: str, path: str) -> dict[str, Any]:
        """The headers and the body of a request."""
        if path == UPLOAD:
            return _to_upload(method)
        versioned = path.startswith((TRACK, PLAYLIST)) and method in ("PUT", "PATCH", "DELETE")
        return {"headers": {"If-Match": "*"} if versioned else {}, **self._body(method, path)}

    def _body(self, method: str, path: str) -> dict[str, Any]:
        if (method, path) == ("PUT", f"{TRACK}/audio"):
            return {"files": {"audio": ("song.wav", wav_bytes(1, 8_000, 1), "audio/wav")}}
        if (method, path) == ("PUT", f"{TRACK}/artwork"):
            return {"files": {"image": ("a.png", PNG)}}
        item, track = self.names["item_id"], self.names["track_id"]
        bodies: dict[tuple[str, str], Json] = {
            ("PATCH", TRACK): {"title": "Another"},
            ("PATCH", PLAYLIST): {"title": "Another"},
            ("POST", f"{TRACK}/plays"): {"position_ms": 0},
            ("POST", f"{TRACK}/secret-links"): {"label": "x"},
            ("POST", f"{PLAYLIST}/secret-links"): {"label": "x"},
            ("POST", f"{PLAYLIST}/tracks"): {"track_id": track},
            ("PUT", f"{PLAYLIST}/tracks"): {"track_ids": []},
            ("POST", f"{PLAYLIST}/reorder"): {"item_id": item, "after": None},
            ("PUT", f"{API}/admin/users/{{user_id}}/role"): {"role": "member"},
        }
        return {"json": bodies[method, path]} if (method, path) in bodies else {}

    async def seen(self) -> list[Json]:
        """Everything, as the owner sees it."""
        track, playlist = (f"/{one}s/{self.names[f'{one}_id']}" for one in ("track", "playlist"))
        of_track = (track, f"{track}/revisions", f"{track}/secret-links")
        of_playlist = (playlist, f"{playlist}/tracks", f"{playlist}/secret-links")
        of_person = ("/me", "/auth/sessions", f"/users/{self.owner.id}/followings", "/me/blocks")
        answers = [await self.owner.http.get(f"{API}{one}") for one in (*of_track, *of_playlist, *of_person)]
        assert [one.status_code for one in answers] == [200] * len(answers), [one.url for one in answers]
        upload = await self.owner.http.head(f"{API}/uploads/{self.names['upload_id']}", headers=TUS)
        return [*(one.json() for one in answers), {"offset": upload.headers["upload-offset"]}]


def _to_upload(method: str) -> dict[str, Any]:
    """One more byte for an upload, or what else its owner may send."""
    if method == "PATCH":
        return {"headers": STREAM, "content": b"x"}
    if method == "POST":
        return {"headers": {**STREAM, "X-HTTP-Method-Override": "PATCH"}, "content": b"x"}
    return {"headers": TUS}


async def _an_upload(owner: Person) -> str:
    answer = await owner.http.post(f"{API}/uploads", headers={**TUS, "Upload-Length": "5"})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"]).rpartition("/")[2]


async def _another_session(owner: Person) -> str:
    """The id of a session on another device."""
    asked = {"login": owner.session["user"]["handle"], "password": PASSWORD, "transport": "bearer"}
    assert (await owner.site.client().post(f"{API}/auth/login", json=asked)).status_code == 200
    listed = (await owner.http.get(f"{API}/auth/sessions")).json()["items"]
    (other,) = [one["id"] for one in listed if not one["current"]]
    return str(other)


async def _identify(owner: Person) -> None:
    """Link their account with a provider."""
    world, account_id = owner.site.world, AccountId(UUID(owner.id))
    async with world.work() as work:
        identity = ExternalIdentity(
            issuer="https://plain.example",
            subject=owner.id,
            provider="plain",
            account_id=account_id,
            email="annika@example.org",
            linked_at=world.clock.now(),
        )
        await work.external_identities.add(identity)
        await work.commit()


async def viewers(owner: Person) -> dict[str, httpx.AsyncClient]:
    """Everybody but the owner."""
    site = owner.site
    people = {name: await site.join(name) for name in ("other", "blocked", "blocking", "moderator_1", "admin_1")}
    assert (await owner.http.put(f"{API}/me/blocks/{people['blocked'].id}")).status_code == 204
    assert (await people["blocking"].http.put(f"{API}/me/blocks/{owner.id}")).status_code == 204
    for person in people.values():
        # So that no refusal is one of their plan.
        await person.subscribe("creator")
    await become(people["moderator_1"], role=Role.MODERATOR)
    await become(people["admin_1"], role=Role.ADMIN)
    clients = {name.removesuffix("_1"): person.http for name, person in people.items()}
    return {"anonymous": site.client(), **clients}
