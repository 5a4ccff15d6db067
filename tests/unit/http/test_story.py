"""The whole spine as clients live it: a browser with cookies, a program with tokens."""

import array
import json
import re
import struct
from uuid import UUID

from tests.audio import wav_bytes
from tests.unit.http.conftest import API, HERE, PASSWORD, Person, Site

from soundgraph.application.tracks import GAVE_UP
from soundgraph.domain.ids import TrackId
from soundgraph.entrypoints.http.waveforms import resampled

FORM = {"Origin": HERE}


async def test_from_registering_to_a_feed(site: Site) -> None:
    token = await site.register("annika")
    async with site.client(**FORM) as browser:
        verified = await browser.post(f"{API}/auth/verify-email", json={"token": token})
        assert verified.status_code == 200
        assert set(verified.json()) == {"user", "expires_in"}
        assert verified.json()["user"]["email"] == "annika@example.org"

        files = {"audio": ("a song.wav", wav_bytes(1, 8_000, 1), "audio/wav")}
        uploaded = await browser.post(f"{API}/tracks", data={"title": "Hello World", "tags": ["a", "b"]}, files=files)
        assert uploaded.status_code == 202, uploaded.text
        track = uploaded.json()
        assert uploaded.headers["Location"] == f"{API}/tracks/{track['id']}"
        assert (track["state"], track["tags"], track["permalink"]) == ("processing", ["a", "b"], "hello-world")
        await site.world.settle()
        ready = (await browser.get(uploaded.headers["Location"])).json()
        assert (ready["state"], ready["duration_ms"]) == ("ready", 1_000)

    bob = await site.join("robert")
    assert (await bob.http.put(f"{API}/me/likes/tracks/{track['id']}")).status_code == 204
    assert (await bob.http.put(f"{API}/me/followings/{track['user']['id']}")).status_code == 204
    await site.world.settle()
    feed = (await bob.http.get(f"{API}/me/feed")).json()
    assert [(one["type"], one["reason"], one["item"]["id"]) for one in feed["items"]] == [
        ("track", "posted", track["id"])
    ]
    assert feed["items"][0]["item"]["viewer"] == {"liked": True, "reposted": False}
    assert feed["next"] is None

    likers = (await bob.http.get(f"{API}/tracks/{track['id']}/likers")).json()
    assert [one["handle"] for one in likers["items"]] == ["robert"]
    likes = (await bob.http.get(f"{API}/users/robert/likes")).json()
    assert [one["id"] for one in likes["items"]] == [track["id"]]
    assert (await bob.http.delete(f"{API}/me/likes/tracks/{track['id']}")).status_code == 204
    assert (await bob.http.delete(f"{API}/me/likes/tracks/{track['id']}")).status_code == 204


async def test_playing_a_track(site: Site, ann: Person) -> None:
    track = await ann.upload()
    async with site.client() as visitor:
        base = f"{API}/tracks/{track['id']}"
        streams = (await visitor.get(f"{base}/streams")).json()
        assert streams["hls_aac_160_url"] == f"{HERE}{base}/hls.m3u8"
        assert streams["http_mp3_128_url"]
        assert streams["http_opus_64_url"]
        assert streams["preview_mp3_url"]
        assert streams["gapless"]["mp3_128k"] == {"encoder_delay": 0, "padding": 0, "samples": 8_000}

        manifest = await visitor.get(f"{base}/hls.m3u8")
        assert manifest.headers["content-type"].startswith("application/vnd.apple.mpegurl")
        assert manifest.text.startswith("#EXTM3U")

        stream = await visitor.get(f"{base}/stream")
        assert stream.status_code == 302
        assert stream.headers["Location"] == streams["http_mp3_128_url"]


async def test_a_waveform_whole_and_resampled(site: Site, ann: Person) -> None:
    track = await ann.upload()
    async with site.client() as visitor:
        address = f"{API}/tracks/{track['id']}/waveform"
        whole = (await visitor.get(address)).json()
        assert (whole["version"], whole["bits"], whole["length"]) == (2, 8, 32)
        for points in (100, 1_000):
            some = (await visitor.get(address, params={"points": points})).json()
            assert (some["length"], len(some["data"])) == (points, 2 * points)
            assert min(some["data"]) == min(whole["data"])
            assert max(some["data"]) == max(whole["data"])
        for query in ({}, {"points": "100"}):
            json_form = (await visitor.get(address, params=query)).json()
            for suffix, headers in ((".dat", {}), ("", {"Accept": "application/octet-stream"})):
                answer = await visitor.get(address + suffix, params=query, headers=headers)
                assert answer.headers["Content-Type"] == "application/octet-stream"
                version, flags, rate, scale, length, channels = struct.unpack("<iIiiIi", answer.content[:24])
                assert (version, flags, channels) == (2, 1, 1)
                assert (rate, scale) == (json_form["sample_rate"], json_form["samples_per_pixel"])
                assert length == json_form["length"]
                assert list(array.array("b", answer.content[24:])) == json_form["data"]
        for bad in ("99", "10001", "many", "", "9" * 40):
            assert (await visitor.get(address, params={"points": bad})).status_code == 400, bad


async def test_what_is_not_ready_is_a_conflict(site: Site, ann: Person) -> None:
    files = {"audio": ("song.wav", wav_bytes(1, 8_000, 1))}
    track = (await ann.http.post(f"{API}/tracks", data={"title": "Soon"}, files=files)).json()
    for what in ("waveform", "hls.m3u8", "stream"):
        answer = await ann.http.get(f"{API}/tracks/{track['id']}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")


async def test_a_browser_stays_logged_in_and_logs_out(site: Site, ann: Person) -> None:
    async with site.client(**FORM) as browser:
        login = await browser.post(f"{API}/auth/login", json={"login": "Annika", "password": PASSWORD})
        assert login.status_code == 200
        assert set(login.json()) == {"user", "expires_in"}
        for cookie in login.headers.get_list("set-cookie"):
            assert re.search(r"HttpOnly", cookie)
            assert re.search(r"SameSite=lax", cookie, re.IGNORECASE)
            assert "Path=/" in cookie
            assert "Domain" not in cookie
        assert (await browser.get(f"{API}/me")).json()["handle"] == "annika"

        before = dict(browser.cookies)
        assert (await browser.post(f"{API}/auth/refresh")).status_code == 200
        assert browser.cookies["sg_refresh"] != before["sg_refresh"]
        assert (await browser.post(f"{API}/auth/logout")).status_code == 204
        # That somebody of this account was here opens nothing, and spares them a mail the next time.
        assert set(browser.cookies) == {"sg_device"}
        assert (await browser.get(f"{API}/me")).status_code == 401
        after = await browser.post(f"{API}/auth/refresh", json={"refresh_token": before["sg_refresh"]})
        assert (after.status_code, after.json()["code"]) == (401, "session_ended")


async def test_a_program_stays_logged_in_and_logs_out(site: Site, ann: Person) -> None:
    asked = {"login": "annika@example.org", "password": PASSWORD, "transport": "bearer"}
    async with site.client() as program:
        login = await program.post(f"{API}/auth/login", json=asked)
        assert "set-cookie" not in login.headers
        pair = login.json()
        assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
        fresh = (await program.post(f"{API}/auth/refresh", json={"refresh_token": pair["refresh_token"]})).json()
        assert fresh["token_type"] == "Bearer"
        program.headers["Authorization"] = f"Bearer {fresh['access_token']}"
        assert (await program.get(f"{API}/me")).json()["email"] == "annika@example.org"
        assert (await program.post(f"{API}/auth/logout")).status_code == 204
        assert (await program.get(f"{API}/me")).json()["code"] == "session_ended"


async def test_people(site: Site, ann: Person, bob: Person) -> None:
    edited = await bob.http.patch(f"{API}/me/profile", json={"bio": "Plays bass.", "city": "Oslo"})
    assert (edited.json()["bio"], edited.json()["display_name"]) == ("Plays bass.", "robert")
    emptied = await bob.http.patch(f"{API}/me/profile", json={"city": None, "display_name": "Robert"})
    assert (emptied.json()["bio"], emptied.json()["city"]) == ("Plays bass.", "")
    assert (await bob.http.patch(f"{API}/me/profile", json={"display_name": None})).status_code == 400

    assert (await ann.http.put(f"{API}/me/followings/{bob.id}")).status_code == 204
    for named in (bob.id, "robert", "ROBERT"):
        profile = (await ann.http.get(f"{API}/users/{named}")).json()
        assert (profile["id"], profile["viewer"]["following"], profile["counts"]["followers"]) == (bob.id, True, 1)
        followers = (await ann.http.get(f"{API}/users/{named}/followers")).json()
        assert [one["id"] for one in followers["items"]] == [ann.id]
    assert (await ann.http.delete(f"{API}/me/followings/{bob.id}")).status_code == 204
    assert (await ann.http.get(f"{API}/users/robert")).json()["counts"]["followers"] == 0
    await ann.http.put(f"{API}/me/followings/{bob.id}")
    followings = (await ann.http.get(f"{API}/users/annika/followings")).json()
    assert [one["handle"] for one in followings["items"]] == ["robert"]

    assert (await ann.http.put(f"{API}/me/blocks/{bob.id}")).status_code == 204
    assert [one["id"] for one in (await ann.http.get(f"{API}/me/blocks")).json()["items"]] == [bob.id]
    assert (await bob.http.get(f"{API}/users/{ann.id}")).status_code == 404
    assert (await ann.http.delete(f"{API}/me/blocks/{bob.id}")).status_code == 204
    assert (await bob.http.get(f"{API}/users/{ann.id}")).status_code == 200
    assert (await ann.http.put(f"{API}/me/followings/{ann.id}")).json()["code"] == "self"


async def test_editing_and_deleting_a_track(site: Site, ann: Person, bob: Person) -> None:
    track = await ann.upload(description="Old", genre="Jazz", visibility="private")
    address = f"{API}/tracks/{track['id']}"
    assert (await bob.http.get(address)).status_code == 404
    change = {"title": "New", "description": None, "tags": ["x"], "visibility": "public", "downloadable": True}
    edited = (await ann.http.patch(address, json=change)).json()
    assert (edited["title"], edited["description"], edited["genre"], edited["tags"]) == ("New", "", "Jazz", ["x"])
    assert (edited["visibility"], edited["downloadable"], edited["version"] > track["version"]) == (
        "public",
        True,
        True,
    )
    assert (await bob.http.patch(address, json={"title": "Mine"})).status_code == 404

    for invalid in ({"publish_at": "2027-01-01T00:00:00Z"}, {"title": "", "license": "mine"}):
        refused = await ann.http.patch(address, json=invalid)
        assert refused.status_code == 422
        assert {one["field"] for one in refused.json()["errors"]} == set(invalid)

    assert [one["id"] for one in (await bob.http.get(f"{API}/users/{ann.id}/tracks")).json()["items"]] == [track["id"]]
    assert (await ann.http.delete(address)).status_code == 204
    assert (await ann.http.delete(address)).status_code == 404
    assert (await ann.http.get(f"{API}/me/tracks")).json() == {"items": [], "next": None}


async def test_a_failed_track_says_why_and_is_not_retried_for_nothing(ann: Person) -> None:
    answer = await ann.http.post(f"{API}/tracks", data={"title": "Noise"}, files={"audio": ("x.mp3", b"no audio")})
    await ann.site.world.settle()
    address = f"{API}/tracks/{answer.json()['id']}"
    failed = (await ann.http.get(address)).json()
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "unsupported")
    refused = await ann.http.post(f"{address}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_retryable")


async def test_a_retryable_failure_is_processed_again(site: Site, ann: Person) -> None:
    files = {"audio": ("song.wav", wav_bytes(1, 8_000, 1))}
    created = (await ann.http.post(f"{API}/tracks", data={"title": "Again"}, files=files)).json()
    async with site.world.work() as work:
        track = await work.tracks.get(TrackId(UUID(created["id"])))
        assert track
        track.fail(track.revisions[-1].id, GAVE_UP)
        await work.tracks.save(track)
        await work.commit()
    retried = await ann.http.post(f"{API}/tracks/{created['id']}/retry")
    assert (retried.status_code, retried.json()["state"]) == (202, "processing")
    await site.world.settle()
    assert (await ann.http.get(f"{API}/tracks/{created['id']}")).json()["state"] == "ready"


def test_an_empty_waveform_stays_empty() -> None:
    waveform = {"version": 2, "channels": 1, "sample_rate": 8_000, "samples_per_pixel": 256, "bits": 8}
    empty = json.dumps({**waveform, "length": 0, "data": []}).encode()
    assert resampled(empty, 100) == empty
