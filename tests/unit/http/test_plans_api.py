"""Plans, usage and preflight over HTTP."""

from typing import Any

import httpx
import pytest
from tests.unit.http.conftest import API, Person, Site

from soundgraph.application.plans import ChangePlan
from soundgraph.domain.tracks import MAX_DURATION_MS, MAX_UPLOAD_BYTES

FREE_MS = 180 * 60 * 1000


async def test_plans_are_told_to_everybody(http: httpx.AsyncClient) -> None:
    plans = (await http.get(f"{API}/plans")).json()["items"]
    assert [one["name"] for one in plans] == ["free", "creator", "listener"]
    assert plans[0]["entitlements"] == {"upload_seconds": 10_800, "features": []}
    assert plans[1]["entitlements"] == {"upload_seconds": None, "features": ["replace_audio", "scheduling"]}


async def test_what_ones_own_plan_brings_and_how_much_is_used(site: Site, ann: Person) -> None:
    assert (await ann.http.get(f"{API}/me/entitlements")).json() == {"upload_seconds": 10_800, "features": []}
    track = await ann.upload()
    used = {"upload_seconds_used": 1, "upload_seconds_reserved": 0, "upload_seconds_left": 10_799}
    assert (await ann.http.get(f"{API}/me/usage")).json() == used
    await site.world.use(ChangePlan)(login="annika", plan="creator")
    assert (await ann.http.get(f"{API}/me/entitlements")).json()["upload_seconds"] is None
    assert (await ann.http.get(f"{API}/me/usage")).json() == used | {"upload_seconds_left": None}
    await ann.http.delete(f"{API}/tracks/{track['id']}")
    assert (await ann.http.get(f"{API}/me/usage")).json()["upload_seconds_used"] == 0


async def preflight(person: Person, **asked: Any) -> list[tuple[str, int | None]]:
    answer = await person.http.post(f"{API}/uploads/preflight", json={"filename": "a.wav", "size_bytes": 9} | asked)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["accepted"] is (body["problems"] == [])
    assert all(one["message"] for one in body["problems"])
    return [(one["code"], one["limit"]) for one in body["problems"]]


@pytest.mark.parametrize(
    ("asked", "problems"),
    [
        ({}, []),
        ({"filename": "A Song.FLAC", "duration_ms": FREE_MS}, []),
        ({"filename": "no ending", "size_bytes": MAX_UPLOAD_BYTES}, []),
        *(
            ({"filename": f"a.{suffix}"}, [])
            for suffix in ["3g2", "3gp", "bwf", "f4a", "f4v", "m4r", "mp2", "mpa", "mpga", "ogv", "ogx", "qt", "rf64"]
        ),
        ({"filename": "a.amr"}, [("unsupported", None)]),
        ({"filename": "notes.txt"}, [("unsupported", None)]),
        ({"filename": "song.mp3.exe", "size_bytes": 0}, [("unsupported", None), ("empty", None)]),
        ({"size_bytes": MAX_UPLOAD_BYTES + 1}, [("too_large", MAX_UPLOAD_BYTES)]),
        ({"duration_ms": FREE_MS + 1}, [("quota_exceeded", FREE_MS)]),
        ({"duration_ms": 10**30}, [("too_long", MAX_DURATION_MS), ("quota_exceeded", FREE_MS)]),
    ],
)
async def test_preflight(ann: Person, asked: dict[str, Any], problems: list[tuple[str, int | None]]) -> None:
    assert await preflight(ann, **asked) == problems


async def test_preflight_knows_what_is_in_processing_and_kept(site: Site, ann: Person) -> None:
    for title in ("One", "Two"):
        files = {"audio": ("song.wav", b"RIFF", "audio/wav")}
        assert (await ann.http.post(f"{API}/tracks", data={"title": title}, files=files)).status_code == 202
    assert await preflight(ann) == [("too_many_processing", 2)]
    await site.world.settle()
    assert await preflight(ann) == []


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        ({}, 400, ["filename", "size_bytes"]),
        ({"filename": "a", "size_bytes": "9"}, 400, ["size_bytes"]),
        ({"filename": "a", "size_bytes": 1, "plan": "creator"}, 400, ["plan"]),
        ({"filename": "a", "size_bytes": -1, "duration_ms": -1}, 422, ["size_bytes", "duration_ms"]),
    ],
)
async def test_preflight_reads_strictly(ann: Person, body: dict[str, Any], status: int, fields: list[str]) -> None:
    answer = await ann.http.post(f"{API}/uploads/preflight", json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (status, fields)
