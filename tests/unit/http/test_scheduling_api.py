"""Scheduling and policies over HTTP."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.unit.http.conftest import API, Person


def ahead(person: Person, hours: float) -> str:
    return (person.site.world.clock.now() + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


async def pass_time(person: Person, hours: float) -> None:
    """Sessions end meanwhile, so log in again."""
    person.site.world.clock.advance(timedelta(hours=hours))
    await person.site.world.settle()
    await person.log_in()


async def test_a_form_may_schedule(ann: Person, http: httpx.AsyncClient) -> None:
    await ann.subscribe("creator")
    track = await ann.upload(visibility="scheduled", publish_at=ahead(ann, 1))
    assert (track["visibility"], track["publish_at"]) == ("scheduled", ahead(ann, 1))
    assert (await http.get(f"{API}/tracks/{track['id']}")).status_code == 404
    await pass_time(ann, 1)
    after = (await http.get(f"{API}/tracks/{track['id']}")).json()
    assert (after["visibility"], after["publish_at"]) == ("public", None)
    assert after["published_at"] == ahead(ann, 0)


async def test_a_change_may_schedule_reschedule_and_clear(ann: Person) -> None:
    await ann.subscribe("creator")
    track = await ann.upload(visibility="private")
    address = f"{API}/tracks/{track['id']}"

    async def change(**fields: Any) -> dict[str, Any]:
        answer = await ann.http.patch(address, json=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    planned = await change(visibility="scheduled", publish_at=ahead(ann, 2))
    assert (planned["visibility"], planned["publish_at"]) == ("scheduled", ahead(ann, 2))
    assert (await change(publish_at=ahead(ann, 3)))["publish_at"] == ahead(ann, 3)
    assert (await change(title="Other"))["publish_at"] == ahead(ann, 3)
    cleared = await change(publish_at=None)
    assert (cleared["visibility"], cleared["publish_at"]) == ("private", None)
    await change(visibility="scheduled", publish_at=ahead(ann, 1))
    now_public = await change(visibility="public")
    assert (now_public["visibility"], now_public["publish_at"]) == ("public", None)
    assert now_public["published_at"] == ahead(ann, 0)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"visibility": "scheduled"}, 422, "required"),
        ({"visibility": "scheduled", "publish_at": "2020-01-01T00:00:00Z"}, 422, "out_of_range"),
        ({"visibility": "scheduled", "publish_at": "9999-12-31T23:59:59-14:00"}, 422, "out_of_range"),
        ({"visibility": "scheduled", "publish_at": "0001-01-01T00:00:00+14:00"}, 422, "out_of_range"),
        ({"visibility": "private", "publish_at": "2027-01-01T00:00:00Z"}, 422, "not_scheduled"),
        ({"publish_at": "2027-01-01T00:00:00"}, 400, "mistyped"),
        ({"publish_at": 5}, 400, "mistyped"),
        ({"policy": "sell"}, 400, "mistyped"),
        ({"policy": None}, 400, "mistyped"),
    ],
)
async def test_what_is_no_schedule(ann: Person, body: dict[str, Any], status: int, code: str) -> None:
    await ann.subscribe("creator")
    track = await ann.upload()
    answer = await ann.http.patch(f"{API}/tracks/{track['id']}", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_without_the_plan_nothing_is_scheduled(ann: Person) -> None:
    track = await ann.upload()
    body = {"visibility": "scheduled", "publish_at": ahead(ann, 1)}
    answer = await ann.http.patch(f"{API}/tracks/{track['id']}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "plan_limit")
    files = {"audio": ("song.wav", b"RIFF", "audio/wav")}
    answer = await ann.http.post(f"{API}/tracks", data={"title": "x", **body}, files=files)
    assert (answer.status_code, answer.json()["code"]) == (403, "plan_limit")
    assert len((await ann.http.get(f"{API}/me/tracks")).json()["items"]) == 1


async def heard(person: httpx.AsyncClient, track: str) -> tuple[str, bool, list[str]]:
    """The access of a track as told, whether /streams names its renditions, and what playing it answers."""
    address = f"{API}/tracks/{track}"
    view, streams = (await person.get(address)).json(), (await person.get(f"{address}/streams")).json()
    assert view["access"] == streams["access"]
    found = []
    for path in ("stream", "hls.m3u8"):
        answer = await person.get(f"{address}/{path}")
        found.append(answer.json()["code"] if answer.status_code == 403 else str(answer.status_code))
    urls = bool(streams["hls_aac_160_url"]), bool(streams["http_mp3_128_url"])
    assert len(set(urls)) == 1
    return view["access"], urls[0], found


async def test_a_policy_says_what_others_may_hear(ann: Person, bob: Person, http: httpx.AsyncClient) -> None:
    track = (await ann.upload(policy="snip"))["id"]
    all_of_it = ("playable", True, ["302", "200"])
    part_of_it = ("preview", False, ["preview_only", "preview_only"])
    assert [await heard(one, track) for one in (ann.http, bob.http, http)] == [all_of_it, part_of_it, part_of_it]
    await bob.subscribe("listener")
    assert await heard(bob.http, track) == all_of_it
    blocked = (await ann.http.patch(f"{API}/tracks/{track}", json={"policy": "block"})).json()
    assert (blocked["policy"], blocked["access"]) == ("block", "playable")
    nothing = ("blocked", False, ["blocked", "blocked"])
    assert [await heard(one, track) for one in (ann.http, bob.http, http)] == [all_of_it, nothing, nothing]
