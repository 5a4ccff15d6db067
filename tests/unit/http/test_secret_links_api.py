"""Secret links over HTTP: made once, opened anywhere below a track or playlist, never logged."""

import logging
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from litestar.routes import HTTPRoute
from structlog.testing import capture_logs
from tests.contracts.test_covers import picture
from tests.unit.http.conftest import API, HERE, NOBODY, Person, Site

from soundgraph.entrypoints.http.policies import Policy
from soundgraph.entrypoints.logs import redact


async def link_to(ann: Person, kind: str, thing: str, **fields: Any) -> dict[str, Any]:
    answer = await ann.http.post(f"{API}/{kind}/{thing}/secret-links", json=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_a_link_is_shown_once_and_then_without_its_token(ann: Person) -> None:
    track = await ann.upload(visibility="private")
    answer = await ann.http.post(f"{API}/tracks/{track['id']}/secret-links", json={"label": "For Bo"})
    made = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert re.fullmatch(r"s-[\w-]{22}", made["token"])
    assert made["url"] == f"{track['permalink_url']}?secret_token={made['token']}"
    assert (made["label"], made["expires_at"], made["plays"]) == ("For Bo", None, 0)
    listed = await ann.http.get(f"{API}/tracks/{track['id']}/secret-links")
    assert listed.json()["next"] is None
    assert listed.json()["items"] == [{name: one for name, one in made.items() if name not in ("token", "url")}]
    assert made["token"] not in listed.text


async def test_a_token_opens_every_read_below_and_nothing_without_it(
    site: Site, ann: Person, bob: Person, http: httpx.AsyncClient
) -> None:
    track = await ann.upload(visibility="private")
    below = f"{API}/tracks/{track['id']}"
    await ann.http.put(f"{below}/artwork", files={"image": ("a.png", picture(), "image/png")})
    made = await link_to(ann, "tracks", track["id"])
    reads = {
        route.path
        for route in site.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(f"{API}/tracks/{{track_id:uuid}}")
        for method, (handler, _) in route.route_handler_map.items()
        if method == "GET" and handler.opt.get("policy") is Policy.PUBLIC
    }
    assert len(reads) >= 7
    for path in reads:
        address = path.replace("{track_id:uuid}", track["id"])
        for client in (http, bob.http):
            opened = await client.get(address, params={"secret_token": made["token"]})
            closed = [
                await client.get(address),
                await client.get(address, params={"secret_token": made["token"] + "x"}),
            ]
            assert opened.status_code in (200, 302, 403), address
            assert [one.status_code for one in closed] == [404, 404], address
    played = await http.post(f"{below}/plays?secret_token={made['token']}", json={"position_ms": 600})
    assert played.status_code == 204
    assert (await http.post(f"{below}/plays", json={"position_ms": 600})).status_code == 404
    assert (await ann.http.get(f"{below}/secret-links")).json()["items"][0]["plays"] == 1
    # The owner alone changes anything, whatever they were sent.
    for method, path in (("PATCH", ""), ("DELETE", ""), ("GET", "/secret-links")):
        answer = await bob.http.request(method, f"{below}{path}?secret_token={made['token']}", json={})
        assert answer.status_code == 404, (method, path)


async def test_every_address_handed_out_opens_for_a_plain_player(ann: Person, http: httpx.AsyncClient) -> None:
    track = await ann.upload(visibility="private")
    await ann.http.put(f"{API}/tracks/{track['id']}/artwork", files={"image": ("a.png", picture(), "image/png")})
    made = await link_to(ann, "tracks", track["id"])
    params = {"secret_token": made["token"]}
    view = (await http.get(f"{API}/tracks/{track['id']}", params=params)).json()
    streams = (await http.get(f"{API}/tracks/{track['id']}/streams", params=params)).json()
    for url in (view["waveform_url"], view["artwork_url"], view["permalink_url"], streams["hls_aac_160_url"]):
        assert parse_qs(urlsplit(url).query)["secret_token"] == [made["token"]]
        assert (await http.get(url)).status_code == 200, url
    page = (await http.get(view["permalink_url"])).text
    assert f'data-query="secret_token={made["token"]}"' in page
    assert f"/stream?secret_token={made['token']}" in page
    assert (await http.get(view["permalink_url"].partition("?")[0])).status_code == 404


async def test_a_playlist_link_is_kept_from_page_to_page(ann: Person, http: httpx.AsyncClient) -> None:
    tracks = [(await ann.upload(f"Song {number}", visibility="private"))["id"] for number in range(3)]
    body = {"title": "Demos", "visibility": "private", "track_ids": tracks}
    playlist = (await ann.http.post(f"{API}/playlists", json=body)).json()["id"]
    made = await link_to(ann, "playlists", playlist)
    assert made["url"] == f"{HERE}/annika/sets/demos?secret_token={made['token']}"
    found, address = [], f"{API}/playlists/{playlist}/tracks?limit=2&secret_token={made['token']}"
    while address:
        page = (await http.get(address)).json()
        found += [one["track"] for one in page["items"]]
        address = page["next"]
    assert [one["id"] for one in found] == tracks
    assert (await http.get(found[0]["waveform_url"])).status_code == 200
    assert (await http.get(f"{API}/playlists/{playlist}")).status_code == 404
    revoke = f"{API}/playlists/{playlist}/secret-links/{made['id']}"
    assert [(await ann.http.delete(revoke)).status_code for _ in range(2)] == [204, 404]
    assert (await http.get(found[0]["waveform_url"])).status_code == 404


async def test_the_same_request_again_shows_the_same_link(ann: Person) -> None:
    track = await ann.upload(visibility="private")
    address, headers = f"{API}/tracks/{track['id']}/secret-links", {"Idempotency-Key": "once"}
    first, again = [await ann.http.post(address, json={"label": "a"}, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    other = await ann.http.post(address, json={"label": "b"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await ann.http.delete(f"{address}/{first.json()['id']}")).status_code == 204
    assert (await ann.http.post(address, json={"label": "a"}, headers=headers)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"expires_at": "tomorrow"}, 400, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, 400, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, 422, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, 422, "expires_at"),
        ({"label": "x" * 101}, 422, "label"),
        ({"label": None}, 400, "label"),
        ({"token": "s-mine"}, 400, "token"),
    ],
)
async def test_what_is_wrong_is_named(ann: Person, body: dict[str, Any], status: int, field: str) -> None:
    track = await ann.upload(visibility="private")
    answer = await ann.http.post(f"{API}/tracks/{track['id']}/secret-links", json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (status, [field])


async def test_links_to_what_is_not_ones_own_do_not_exist(ann: Person, bob: Person) -> None:
    track = await ann.upload()
    made = await link_to(ann, "tracks", track["id"])
    for thing in (track["id"], NOBODY):
        for kind in ("tracks", "playlists"):
            address = f"{API}/{kind}/{thing}/secret-links"
            answers = [
                await bob.http.post(address, json={}),
                await bob.http.get(address),
                await bob.http.delete(f"{address}/{made['id']}"),
            ]
            assert [one.status_code for one in answers] == [404, 404, 404]


async def test_a_token_reaches_no_log(ann: Person, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    track = await ann.upload(visibility="private")
    made = await link_to(ann, "tracks", track["id"])
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        await http.get(f"{API}/tracks/{track['id']}?secret_token={made['token']}")
        await http.get(made["url"])
    assert made["token"] not in str(logs)
    for record in caplog.records:
        said = redact(None, "info", {"event": record.getMessage()})
        assert made["token"] not in str(said)
