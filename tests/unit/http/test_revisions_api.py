"""Other audio for a track, and earlier audio again, over HTTP."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, NOBODY, Person, Site

from soundgraph.application.plans import ChangePlan
from soundgraph.domain.ids import TrackId, UploadId

Track = dict[str, Any]


@pytest.fixture
async def track(site: Site, ann: Person) -> Track:
    """A track of one second, of somebody whose plan brings other audio."""
    await site.world.use(ChangePlan)(login="annika", plan="creator")
    return await ann.upload()


async def put(person: Person, track: Track, seconds: int = 3, if_match: str = "*") -> httpx.Response:
    files = {"audio": ("song.wav", wav_bytes(seconds, 8_000, 1), "audio/wav")}
    return await person.http.put(f"{API}/tracks/{track['id']}/audio", files=files, headers={"If-Match": if_match})


def quarantined(site: Site) -> set[UploadId]:
    """Uploads that have become nothing."""
    return {one.id for one in site.world.database.tables.uploads.values() if one.sha256 is None}


async def test_other_audio_and_back(site: Site, ann: Person, track: Track) -> None:
    answer = await put(ann, track)
    assert (answer.status_code, answer.json()["duration_ms"], answer.json()["state"]) == (202, 1_000, "ready")
    await site.world.settle()
    read = await ann.http.get(f"{API}/tracks/{track['id']}")
    assert read.json()["duration_ms"] == 3_000
    listed = (await ann.http.get(f"{API}/tracks/{track['id']}/revisions")).json()
    assert listed["next"] is None
    assert [(one["number"], one["duration_ms"], one["live"]) for one in listed["items"]] == [
        (2, 3_000, True),
        (1, 1_000, False),
    ]
    assert set(listed["items"][0]) == {"id", "number", "state", "created_at", "duration_ms", "live", "failure"}
    address = f"{API}/tracks/{track['id']}/revisions"
    back = await ann.http.post(f"{address}/1/restore")
    assert (back.status_code, back.json()["duration_ms"]) == (200, 1_000)
    forth = await ann.http.post(f"{address}/{listed['items'][0]['id']}/restore")
    assert (forth.status_code, forth.json()["duration_ms"]) == (200, 3_000)
    for wrong in ("3", NOBODY, "first", "²", "1" * 30, "-1"):
        assert (await ann.http.post(f"{address}/{wrong}/restore")).status_code == 404


async def test_the_plan_and_the_owner_are_asked_before_a_byte_is_kept(site: Site, ann: Person, track: Track) -> None:
    bob = await site.join("robert")
    stranger = await put(bob, track)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
    await site.world.use(ChangePlan)(login="annika", plan="listener")
    refused = await put(ann, track)
    assert (refused.status_code, refused.json()["code"]) == (403, "plan_limit")
    restored = await ann.http.post(f"{API}/tracks/{track['id']}/revisions/1/restore")
    assert (restored.status_code, restored.json()["code"]) == (403, "plan_limit")
    assert (await ann.http.get(f"{API}/tracks/{track['id']}/revisions")).status_code == 200
    assert (await bob.http.get(f"{API}/tracks/{track['id']}/revisions")).status_code == 404
    assert quarantined(site) == set()


async def test_only_the_version_that_was_read(site: Site, ann: Person, track: Track) -> None:
    stale = await put(ann, track, if_match='"v99-x"')
    assert stale.status_code == 412
    tag = (await ann.http.get(f"{API}/tracks/{track['id']}")).headers["ETag"]
    assert (await put(ann, track, if_match=tag)).status_code == 202
    assert (await put(ann, track, 4)).json()["code"] == "audio_in_processing"
    restored = await ann.http.post(f"{API}/tracks/{track['id']}/revisions/1/restore")
    assert (restored.status_code, restored.json()["code"]) == (409, "audio_in_processing")
    assert quarantined(site) == set()


async def test_sending_the_same_again_is_sending_it_once(site: Site, ann: Person, track: Track) -> None:
    for _ in range(2):
        assert (await put(ann, track)).status_code == 202
        await site.world.settle()
    (stored,) = site.world.database.tables.tracks.values()
    assert [one.number for one in stored.revisions] == [1, 2]
    assert quarantined(site) == set()


FILE = ("song.wav", wav_bytes(2, 8_000, 1), "audio/wav")


@pytest.mark.parametrize(
    ("files", "status", "field"),
    [
        ([("image", FILE)], 400, "image"),
        ([("audio", FILE), ("audio", FILE)], 400, "audio"),
        ([("audio", FILE), ("title", (None, "Other"))], 400, "title"),
        ([("audio", ("song.wav", b"", "audio/wav"))], 422, "audio"),
    ],
)
async def test_what_is_no_audio_leaves_nothing(
    site: Site, ann: Person, track: Track, files: Any, status: int, field: str
) -> None:
    answer = await ann.http.put(f"{API}/tracks/{track['id']}/audio", files=files)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert quarantined(site) == set()
    assert len(site.world.database.tables.tracks[TrackId(UUID(track["id"]))].revisions) == 1


async def test_bodies_that_are_no_form(ann: Person, track: Track) -> None:
    address = f"{API}/tracks/{track['id']}/audio"
    assert (await ann.http.put(address, content="x", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await ann.http.put(address)).status_code == 415
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for body, code in ((b"--x--\r\n", "malformed"), (b"--x\r\nCont", "malformed_multipart"), (b"", "malformed")):
        answer = await ann.http.put(address, content=body, headers=form)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"].startswith(code), answer.text


async def arrived(person: Person, seconds: int) -> str:
    """An upload in one piece."""
    audio = wav_bytes(seconds, 8_000, 1)
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    begun = await person.http.post(f"{API}/uploads", headers={**tus, "Upload-Length": str(len(audio))}, content=audio)
    assert begun.status_code == 201, begun.text
    return str(begun.headers["location"]).rpartition("/")[2]


async def test_audio_that_has_arrived_already(site: Site, ann: Person, track: Track) -> None:
    address, upload_id = f"{API}/tracks/{track['id']}/audio", await arrived(ann, 2)
    # Sent twice it is one revision, also while that is in processing.
    for _ in range(2):
        answer = await ann.http.put(address, json={"upload_id": upload_id})
        assert answer.status_code == 202, answer.text
    await site.world.settle()
    assert (await ann.http.get(f"{API}/tracks/{track['id']}")).json()["duration_ms"] == 2_000
    # The bytes that it has already: nothing is made of them, and no copy stays.
    again = await arrived(ann, 2)
    assert (await ann.http.put(address, json={"upload_id": again})).status_code == 202
    assert not [key for key in site.world.store._objects if key.startswith(f"quarantine/{again}")]
    assert len((await ann.http.get(f"{API}/tracks/{track['id']}/revisions")).json()["items"]) == 2
    # What became another track becomes no audio.
    other = await ann.http.post(f"{API}/tracks", json={"upload_id": await arrived(ann, 4), "title": "Other"})
    (revision,) = site.world.database.tables.tracks[TrackId(UUID(other.json()["id"]))].revisions
    taken = await ann.http.put(address, json={"upload_id": str(revision.upload_id)})
    assert (taken.status_code, taken.json()["code"]) == (409, "upload_completed")


async def test_only_ones_own_finished_upload(site: Site, ann: Person, track: Track) -> None:
    address, bob = f"{API}/tracks/{track['id']}/audio", await site.join("robert")
    assert (await ann.http.put(address, json={"upload_id": await arrived(bob, 2)})).status_code == 404
    assert (await ann.http.put(address, json={"upload_id": NOBODY})).status_code == 404
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    begun = await ann.http.post(f"{API}/uploads", headers=tus)
    half = {"upload_id": begun.headers["location"].rpartition("/")[2]}
    answer = await ann.http.put(address, json=half)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_incomplete")
    wrong: list[object] = [{}, {"upload_id": "x"}, {"upload_id": NOBODY, "title": "x"}, []]
    for body in wrong:
        assert (await ann.http.put(address, json=body)).status_code == 400
    huge = {"upload_id": NOBODY, "title": "x" * 2_000_000}
    assert (await ann.http.put(address, json=huge)).status_code == 413
