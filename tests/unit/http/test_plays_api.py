"""Plays for those who made and those who heard, over HTTP."""

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from tests.unit.http.conftest import API, HERE, NOBODY, Person, client_of

from soundgraph.entrypoints.http.app import Services, build_app


async def play(client: httpx.AsyncClient, track: str, position_ms: int = 600) -> None:
    answer = await client.post(f"{API}/tracks/{track}/plays", json={"position_ms": position_ms})
    assert answer.status_code == 204, answer.text


async def test_creators_see_their_plays_by_day(ann: Person, bob: Person, http: httpx.AsyncClient) -> None:
    track = (await ann.upload())["id"]
    for client in (http, http, bob.http, ann.http):
        await play(client, track)
    await play(bob.http, track, 1)
    today = ann.site.world.clock.now().date().isoformat()
    address = f"{API}/me/tracks/{track}/plays"
    whole = (await ann.http.get(address)).json()
    only = (await ann.http.get(address, params={"by": "day", "from": today, "to": today})).json()
    day = {"day": today, "counted": 2, "raw": 5, "uncounted": {"counted_before": 1, "own": 1, "too_short": 1}}
    assert (only["items"], len(whole["items"]), whole["items"][-1]) == ([day], 30, day)
    assert {name: only[name] for name in ("counted", "raw", "uncounted")} == {
        name: day[name] for name in ("counted", "raw", "uncounted")
    }
    assert (await bob.http.get(address)).status_code == 404
    assert (await ann.http.get(address.replace(track, NOBODY))).status_code == 404


async def test_visitors_behind_a_proxy_are_told_apart(ann: Person) -> None:
    track = (await ann.upload())["id"]
    proxies = [ip_network("127.0.0.1/32")]
    proxied = client_of(build_app(Services(ann.site.world.use, HERE, b"k", trusted_proxies=proxies)))
    for address in ("203.0.113.7", "203.0.113.8", "203.0.113.7", "2001:db8::1", "2001:db8::2"):
        proxied.headers["X-Forwarded-For"] = address
        await play(proxied, track)
    plays = (await ann.http.get(f"{API}/me/tracks/{track}/plays")).json()
    assert (plays["counted"], plays["uncounted"]) == (3, {"counted_before": 2})


async def test_an_address_counts_for_a_household_whatever_its_browsers_are_called(ann: Person) -> None:
    track = (await ann.upload())["id"]
    for device in range(8):
        await play(ann.site.client(**{"User-Agent": f"Browser {device}"}), track)
    plays = (await ann.http.get(f"{API}/me/tracks/{track}/plays")).json()
    assert (plays["counted"], plays["raw"], plays["uncounted"]) == (5, 8, {"too_many_from_here": 3})


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"from": "2026-02-01", "to": "2026-01-01"}, 422),
        ({"from": "0001-01-01", "to": "9999-12-31"}, 422),
        ({"from": "9999-12-31"}, 422),
        ({"to": "0001-01-01"}, 200),
        ({"from": "yesterday"}, 400),
        ({"to": "2026-02-30"}, 400),
        ({"by": "hour"}, 400),
    ],
)
async def test_a_range_that_is_none(ann: Person, params: dict[str, str], status: int) -> None:
    track = (await ann.upload())["id"]
    answer = await ann.http.get(f"{API}/me/tracks/{track}/plays", params=params)
    assert answer.status_code == status, answer.text


async def test_a_history_is_ones_own_and_can_be_cleared(ann: Person, bob: Person, http: httpx.AsyncClient) -> None:
    tracks = [(await ann.upload(f"Song {number}"))["id"] for number in range(3)]
    for track in [*tracks, tracks[0]]:
        ann.site.world.clock.advance(timedelta(seconds=1))
        await play(bob.http, track)
    found: list[dict[str, Any]] = []
    address: str | None = f"{API}/me/history?limit=2"
    while address:
        page = (await bob.http.get(address)).json()
        assert page["items"]
        found, address = [*found, *page["items"]], page["next"]
    assert [one["track"]["id"] for one in found] == [tracks[0], tracks[2], tracks[1]]
    assert set(found[0]) == {"played_at", "position_ms", "track"}
    assert (await ann.http.get(f"{API}/me/history")).json()["items"] == []
    assert [(await bob.http.delete(f"{API}/me/history")).status_code for _ in range(2)] == [204, 204]
    assert (await bob.http.get(f"{API}/me/history")).json() == {"items": [], "next": None}
    assert (await http.get(f"{API}/me/history")).status_code == 401
