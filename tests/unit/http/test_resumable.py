"""Uploads over several requests: tus 1.0.0, and tracks made of what has arrived."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, NOBODY, Person, Site

from soundgraph.application.plans import ChangePlan
from soundgraph.application.tracks import ExpireUploads
from soundgraph.application.tracks.pieces import PIECE_BYTES
from soundgraph.domain.tracks import MAX_UPLOAD_BYTES, UPLOAD_LIFETIME

TUS = {"Tus-Resumable": "1.0.0"}
STREAM = {**TUS, "Content-Type": "application/offset+octet-stream"}
SONG = wav_bytes(seconds=1.0)


def encoded(text: str | bytes) -> str:
    return b64encode(text if isinstance(text, bytes) else text.encode()).decode()


async def begin(person: Person, length: int = len(SONG), **headers: str) -> str:
    """The address of a new upload."""
    answer = await person.http.post(f"{API}/uploads", headers={**TUS, "Upload-Length": str(length), **headers})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def send(person: Person, where: str, offset: int, data: Any, **headers: str) -> httpx.Response:
    return await person.http.patch(where, headers={**STREAM, "Upload-Offset": str(offset), **headers}, content=data)


async def offset(person: Person, where: str) -> int:
    answer = await person.http.head(where, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


async def make_track(person: Person, where: str, **fields: Any) -> httpx.Response:
    asked = {"upload_id": where.rpartition("/")[2], "title": "A Song", **fields}
    return await person.http.post(f"{API}/tracks", json=asked)


def left(site: Site) -> list[str]:
    """What is in quarantine."""
    return sorted(key for key in site.world.store._objects if key.startswith("quarantine/"))


async def test_options_tell_what_is_spoken(site: Site) -> None:
    answer = await site.client().request("OPTIONS", f"{API}/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(MAX_UPLOAD_BYTES)
    assert "concatenation" in answer.headers["tus-extension"]
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,md5"


async def test_an_upload_in_two_requests_becomes_a_track(site: Site) -> None:
    ada = await site.join("ada")
    said = f"filename {encoded('söng.wav')},filetype {encoded('audio/wav')}"
    where = await begin(ada, len(SONG), **{"Upload-Metadata": said})
    assert await offset(ada, where) == 0
    first = await send(ada, where, 0, SONG[:1_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert first.headers["upload-expires"].endswith("GMT")
    looked = await ada.http.head(where, headers=TUS)
    assert looked.headers["upload-length"] == str(len(SONG))
    assert looked.headers["upload-metadata"] == said
    assert (await make_track(ada, where)).json()["code"] == "upload_incomplete"
    assert (await send(ada, where, 1_000, SONG[1_000:])).status_code == 204
    made = await make_track(ada, where, tags=["a"], visibility="private", downloadable=True)
    assert made.status_code == 202, made.text
    assert (made.json()["tags"], made.json()["downloadable"], made.json()["visibility"]) == (["a"], True, "private")
    assert len(left(site)) == 1
    await site.world.settle()
    track = (await ada.http.get(f"{API}/tracks/{made.json()['id']}")).json()
    assert track["state"] == "ready"
    assert left(site) == []
    (original,) = [key for key in site.world.store._objects if key.startswith("originals/")]
    assert original.endswith(hashlib.sha256(SONG).hexdigest())
    assert site.world.store._objects[original] == SONG


async def test_making_a_track_twice_makes_one(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    await send(ada, where, 0, SONG)
    answers = await asyncio.gather(*(make_track(ada, where) for _ in range(4)))
    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["id"] for one in answers}) == 1
    assert len(left(site)) == 1
    again = await make_track(ada, where, title="Another title")
    assert again.json()["id"] == answers[0].json()["id"]
    assert len((await ada.http.get(f"{API}/me/tracks")).json()["items"]) == 1


async def test_a_key_and_an_upload_name_the_same_track(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    await send(ada, where, 0, SONG)
    asked = {"upload_id": where.rpartition("/")[2], "title": "A Song"}
    first = await ada.http.post(f"{API}/tracks", json=asked, headers={"Idempotency-Key": "one"})
    for key in ("one", "two", "two"):
        answer = await ada.http.post(f"{API}/tracks", json=asked, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["id"]) == (202, first.json()["id"])
    reused = await ada.http.post(f"{API}/tracks", json={**asked, "title": "B"}, headers={"Idempotency-Key": "one"})
    assert reused.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"title": "x"}', 400),
        (b'{"upload_id": "no", "title": "x"}', 400),
        (f'{{"upload_id": "{NOBODY}", "title": "x", "owner": 1}}'.encode(), 400),
        (f'{{"upload_id": "{NOBODY}", "title": "x"}}'.encode(), 404),
        (b'{"title": "' + b"x" * 1_000_001 + b'"}', 413),
    ],
)
async def test_bad_bodies_are_refused(site: Site, body: bytes, status: int) -> None:
    ada = await site.join("ada")
    answer = await ada.http.post(f"{API}/tracks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text


async def test_a_track_that_breaks_rules_leaves_the_upload_to_try_again(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    await send(ada, where, 0, SONG)
    before = left(site)
    refused = await make_track(ada, where, title="", license="none")
    assert refused.status_code == 422
    assert {one["field"] for one in refused.json()["errors"]} == {"title", "license"}
    assert left(site) == before
    assert (await make_track(ada, where)).status_code == 202


async def test_an_upload_belongs_to_whoever_began_it(site: Site) -> None:
    ada, bob = await site.join("ada"), await site.join("bob")
    where = await begin(ada)
    assert (await bob.http.head(where, headers=TUS)).status_code == 404
    assert (await send(bob, where, 0, SONG)).status_code == 404
    assert (await bob.http.delete(where, headers=TUS)).status_code == 404
    assert (await make_track(bob, where)).status_code == 404
    assert (await site.client().head(where, headers=TUS)).status_code == 401
    assert await offset(ada, where) == 0


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "unsupported_version"),
        ({}, 412, "unsupported_version"),
        (TUS, 400, "malformed_upload_length"),
        ({**TUS, "Upload-Length": "-1"}, 400, "malformed_upload_length"),
        ({**TUS, "Upload-Length": str(MAX_UPLOAD_BYTES + 1)}, 413, "too_large"),
        ({**TUS, "Upload-Length": "1", "Upload-Metadata": "filename =="}, 400, "malformed_upload_metadata"),
        ({**TUS, "Upload-Length": "1", "Upload-Metadata": "a YQ==,a YQ=="}, 400, "malformed_upload_metadata"),
        ({**TUS, "Upload-Length": "1", "Upload-Metadata": f"filename {encoded(chr(0))}"}, 400, "nul_character"),
        ({**TUS, "Upload-Concat": "whole"}, 400, "malformed_upload_concat"),
        ({**TUS, "Upload-Concat": "final; "}, 422, "not_joinable"),
        ({**TUS, "Upload-Concat": "final;/nowhere"}, 404, "not_found"),
    ],
)
async def test_what_cannot_be_begun(site: Site, headers: dict[str, str], status: int, code: str) -> None:
    ada = await site.join("ada")
    answer = await ada.http.post(f"{API}/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert status != 412 or answer.headers["tus-version"] == "1.0.0"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "2.0.0"}, 412, "unsupported_version"),
        ({"Content-Type": "application/octet-stream"}, 415, "not_an_offset_stream"),
        ({"Upload-Offset": "x"}, 400, "malformed_upload_offset"),
        ({"Upload-Offset": "1"}, 409, "wrong_offset"),
        ({"Upload-Checksum": "crc32 AAAA"}, 400, "malformed_upload_checksum"),
        ({"Upload-Checksum": "sha1 !"}, 400, "malformed_upload_checksum"),
    ],
)
async def test_what_cannot_be_sent(site: Site, headers: dict[str, str], status: int, code: str) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    answer = await send(ada, where, 0, SONG, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await offset(ada, where) == 0


async def test_more_than_was_announced_is_refused(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada, 10)
    assert (await send(ada, where, 0, b"x" * 11)).json()["code"] == "too_many_bytes"
    assert (await send(ada, where, await offset(ada, where), b"x" * 10)).status_code == 204
    assert (await send(ada, where, 10, b"x")).json()["code"] == "too_many_bytes"
    assert await offset(ada, where) == 10


async def test_a_checksum_that_does_not_hold_discards_the_bytes(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    await send(ada, where, 0, SONG[:10])
    wrong = await send(ada, where, 10, SONG[10:], **{"Upload-Checksum": f"sha1 {encoded(b'0' * 20)}"})
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_mismatch")
    assert await offset(ada, where) == 10
    assert len(left(site)) == 1
    for algorithm in ("sha1", "sha256", "md5"):
        begun = await offset(ada, where)
        part = SONG[begun : begun + 5_000]
        digest = encoded(hashlib.new(algorithm, part).digest())
        right = await send(ada, where, begun, part, **{"Upload-Checksum": f"{algorithm} {digest}"})
        assert (right.status_code, right.headers["upload-offset"]) == (204, str(begun + 5_000))
    await send(ada, where, await offset(ada, where), SONG[15_010:])
    assert (await make_track(ada, where)).status_code == 202


async def send_in_part(person: Person, where: str, chunks: list[bytes], **headers: str) -> None:
    """Hang up after these bytes of a longer body."""
    given = {**STREAM, "Upload-Offset": "0", **headers, "Authorization": person.http.headers["authorization"]}
    messages = [{"type": "http.request", "body": one, "more_body": True} for one in chunks]
    arriving = iter([*messages, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(arriving)

    async def ignore(message: Any) -> None:
        pass

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "PATCH",
        "scheme": "http",
        "path": where,
        "raw_path": where.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    await person.site.app(cast(Any, scope), receive, ignore)


async def test_what_arrived_before_the_line_was_cut_counts(site: Site) -> None:
    ada = await site.join("ada")
    whole = SONG * 200
    where = await begin(ada, len(whole))
    await send_in_part(ada, where, [whole[:9_000_000], whole[9_000_000 : PIECE_BYTES + 5_000_000]])
    reached = await offset(ada, where)
    assert reached == PIECE_BYTES + 5_000_000
    assert (await send(ada, where, reached, whole[reached:])).status_code == 204
    assert len(left(site)) == -(-len(whole) // PIECE_BYTES)
    made = await make_track(ada, where)
    (sealed,) = left(site)
    assert site.world.store._objects[sealed] == whole
    assert made.status_code == 202


async def test_with_a_checksum_nothing_counts_before_all_of_it_is_there(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    await send_in_part(ada, where, [SONG[:9_000]], **{"Upload-Checksum": f"sha1 {encoded(b'0' * 20)}"})
    assert await offset(ada, where) == 0
    assert left(site) == []


async def test_two_requests_at_once_do_not_spoil_anything(site: Site) -> None:
    ada = await site.join("ada")
    whole = SONG * 200
    where = await begin(ada, len(whole))
    answers = await asyncio.gather(*(send(ada, where, 0, whole[:size]) for size in (len(whole), 9_000_000, 5)))
    assert {one.status_code for one in answers} <= {204, 409}
    while (reached := await offset(ada, where)) < len(whole):
        await send(ada, where, reached, whole[reached:])
    assert (await make_track(ada, where)).status_code == 202
    (sealed,) = left(site)
    assert site.world.store._objects[sealed] == whole


async def test_parts_are_joined(site: Site) -> None:
    ada, bob = await site.join("ada"), await site.join("bob")
    parts = [await begin(ada, size, **{"Upload-Concat": "partial"}) for size in (1_000, len(SONG) - 1_000)]
    join = {**TUS, "Upload-Concat": f"final;{parts[0]} http://localhost{parts[1]}"}
    await send(ada, parts[0], 0, SONG[:1_000])
    early = await ada.http.post(f"{API}/uploads", headers=join)
    assert early.json()["code"] == "upload_incomplete"
    await send(ada, parts[1], 0, SONG[1_000:])
    assert (await bob.http.post(f"{API}/uploads", headers=join)).status_code == 404
    whole = await ada.http.post(f"{API}/uploads", headers=join)
    assert whole.status_code == 201
    where = whole.headers["location"]
    looked = await ada.http.head(where, headers=TUS)
    assert looked.headers["upload-offset"] == looked.headers["upload-length"] == str(len(SONG))
    assert looked.headers["upload-concat"] == f"final;{parts[0]} {parts[1]}"
    assert (await ada.http.head(parts[0], headers=TUS)).headers["upload-concat"] == "partial"
    for sent in (await send(ada, where, 0, SONG), await send(ada, where, len(SONG), b"")):
        assert (sent.status_code, sent.json()["code"]) == (403, "upload_joined")
    made = await make_track(ada, where)
    assert made.status_code == 202
    (sealed,) = left(site)
    assert site.world.store._objects[sealed] == SONG
    # The parts are used up; the upload is still the track that it became.
    assert (await ada.http.head(parts[0], headers=TUS)).status_code == 404
    assert (await make_track(ada, where)).json()["id"] == made.json()["id"]


async def test_a_part_becomes_no_track(site: Site) -> None:
    ada = await site.join("ada")
    part = await begin(ada, len(SONG), **{"Upload-Concat": "partial"})
    await send(ada, part, 0, SONG)
    kept = left(site)
    track = await ada.upload()
    await site.world.use(ChangePlan)(login="ada", plan="creator")
    named = {"upload_id": part.rpartition("/")[2]}
    for refused in (
        await make_track(ada, part),
        await ada.http.put(f"{API}/tracks/{track['id']}/audio", json=named),
    ):
        assert (refused.status_code, refused.json()["code"]) == (422, "partial_upload")
    assert left(site) == kept
    whole = await ada.http.post(f"{API}/uploads", headers={**TUS, "Upload-Concat": f"final;{part}"})
    assert (await make_track(ada, whole.headers["location"])).status_code == 202


async def test_creation_with_upload_and_methods_in_disguise(site: Site) -> None:
    ada = await site.join("ada")
    begun = await ada.http.post(f"{API}/uploads", headers={**STREAM, "Upload-Length": "9"}, content=b"four")
    assert (begun.status_code, begun.headers["upload-offset"]) == (201, "4")
    where = begun.headers["location"]
    disguised = {**STREAM, "Upload-Offset": "4", "X-HTTP-Method-Override": "PATCH"}
    assert (await ada.http.post(where, headers=disguised, content=b"fives")).status_code == 204
    assert await offset(ada, where) == 9
    looked = await ada.http.post(where, headers={**TUS, "X-HTTP-Method-Override": "HEAD"})
    assert (looked.status_code, looked.content) == (200, b"")
    headed = await ada.http.head(where, headers=TUS)
    for name in ("upload-offset", "upload-length", "upload-expires", "cache-control", "tus-resumable"):
        assert looked.headers[name] == headed.headers[name]
    assert (await ada.http.post(where, headers=TUS)).json()["code"] == "no_method_override"
    assert (await ada.http.post(where, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})).status_code == 204
    assert (await ada.http.head(where, headers=TUS)).status_code == 404


async def test_under_one_key_there_is_one_upload_and_its_bytes_come_once(site: Site) -> None:
    ada = await site.join("ada")
    headers = {**STREAM, "Upload-Length": str(len(SONG)), "Idempotency-Key": "k"}

    async def ask(**changed: str) -> httpx.Response:
        return await ada.http.post(f"{API}/uploads", content=SONG[:7], headers={**headers, **changed})

    first, again = await ask(), await ask()
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["Upload-Offset"] == again.headers["Upload-Offset"] == "7"
    reused = await ask(**{"Upload-Length": "8"})
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


async def test_ending_an_upload_leaves_nothing(site: Site) -> None:
    ada = await site.join("ada")
    where = await begin(ada)
    await send(ada, where, 0, SONG)
    assert (await ada.http.delete(where, headers=TUS)).status_code == 204
    assert (await ada.http.delete(where, headers=TUS)).status_code == 404
    assert left(site) == []
    used = await begin(ada)
    await send(ada, used, 0, SONG)
    await make_track(ada, used)
    assert (await ada.http.delete(used, headers=TUS)).json()["code"] == "upload_completed"
    assert (await send(ada, used, len(SONG), b"")).json()["code"] == "upload_completed"
    assert await offset(ada, used) == len(SONG)


async def test_what_has_expired_is_gone_and_removed(site: Site) -> None:
    ada = await site.join("ada")
    where, used = await begin(ada), await begin(ada)
    await send(ada, where, 0, SONG[:100])
    await send(ada, used, 0, SONG)
    await make_track(ada, used)
    await site.world.settle()
    late = f"quarantine/{used.rpartition('/')[2]}/incoming/0000000000-0000000009"
    await site.world.store.put(late, once(b"late, late"))
    site.world.clock.advance(UPLOAD_LIFETIME + timedelta(seconds=1))
    await ada.log_in()
    assert (await ada.http.head(where, headers=TUS)).status_code == 410
    assert (await send(ada, where, 100, SONG[100:])).status_code == 410
    assert (await make_track(ada, where)).status_code == 410
    assert len(left(site)) == 2
    await site.world.use(ExpireUploads)(None, None)  # type: ignore[arg-type]  # a chore needs only the time
    assert left(site) == []
    assert (await ada.http.head(where, headers=TUS)).status_code == 404
    assert (await make_track(ada, used)).status_code == 202


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data
