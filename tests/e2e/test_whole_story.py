"""The spine end to end: someone joins and uploads, others hear it, like it and find it in their feed."""

import re

import httpx
import pytest
from tests.audio import encoded, wav_bytes
from tests.e2e.product import PASSWORD, Json, Person, Served, address_of, eventually, files_below, registration, text_of
from tests.e2e.sound import Heard, listen

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
SECONDS = 8.0
FILES = {
    "take.wav": lambda: wav_bytes(SECONDS),
    "take.mp3": lambda: encoded("mp3", "libmp3lame", SECONDS),
    "take.flac": lambda: encoded("flac", "flac", SECONDS),
    "take.ogg": lambda: encoded("ogg", "vorbis", SECONDS),
}
# What a browser says of a request that a page of the same site makes.
FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


def check_sounds(heard: Heard) -> None:
    """It is the tone that was uploaded, all of it. (Encoders add some silence and take some loudness off.)"""
    assert heard.seconds == pytest.approx(SECONDS, abs=0.15)
    assert heard.frequency == pytest.approx(440, abs=1)
    assert heard.loudness == pytest.approx(0.35, abs=0.05)


def refused(answer: httpx.Response, status: int) -> str:
    """The code of a problem, which has to have this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    return str(answer.json()["code"])


def whole_streams(visitor: httpx.Client, track_id: str) -> Json:
    """Where a track plays, once every rendition is there: it is ready with the first."""

    def look() -> Json | None:
        streams: Json = visitor.get(f"/api/v1/tracks/{track_id}/streams").json()
        return streams if streams["http_mp3_128_url"] and streams["hls_aac_160_url"] else None

    return eventually(look, hoping="for all renditions")


def bearer(session: Json) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


@pytest.fixture(scope="module")
def artist(product: Served) -> Person:
    return product.join("artist")


@pytest.fixture(scope="module")
def song(artist: Person) -> str:
    """A public track that plays."""
    return artist.publish(wav_bytes(SECONDS), "A song")


@pytest.fixture
def stream(visitor: httpx.Client, song: str) -> str:
    """Where the MP3 of the song is."""
    return str(whole_streams(visitor, song)["http_mp3_128_url"])


@pytest.fixture
def visitor(product: Served) -> httpx.Client:
    return product.visitor()


@pytest.mark.parametrize("name", FILES)
def test_what_is_uploaded_sounds_the_same_as_mp3_and_as_hls(artist: Person, visitor: httpx.Client, name: str) -> None:
    track_id = artist.publish(FILES[name](), f"From {name}", name=name)
    track = artist.get(f"/tracks/{track_id}")
    assert track["duration_ms"] == pytest.approx(SECONDS * 1000, abs=60)
    streams = whole_streams(visitor, track_id)
    check_sounds(listen(visitor.get(streams["http_mp3_128_url"]).content))

    manifest = visitor.get(streams["hls_aac_160_url"])
    assert manifest.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    (init,) = re.findall(r'#EXT-X-MAP:URI="([^"]+)"', manifest.text)
    segments = [line for line in manifest.text.splitlines() if not line.startswith("#")]
    lengths = [float(one) for one in re.findall(r"#EXTINF:([\d.]+),", manifest.text)]
    assert len(segments) == len(lengths) >= 2
    assert sum(lengths) == pytest.approx(SECONDS, abs=0.1)
    pieces = [visitor.get(address) for address in [init, *segments]]
    assert {(one.status_code, one.headers["content-type"]) for one in pieces} == {(200, "audio/mp4")}
    check_sounds(listen(b"".join(one.content for one in pieces)))


def test_the_waveform_is_drawn_from_the_audio(visitor: httpx.Client, song: str) -> None:
    waveform = visitor.get(f"/api/v1/tracks/{song}/waveform", params={"points": 200}).json()
    assert (waveform["version"], waveform["length"], len(waveform["data"])) == (2, 200, 400)
    assert max(waveform["data"]) == pytest.approx(64, abs=2)
    assert min(waveform["data"]) == pytest.approx(-64, abs=2)


def test_a_file_is_served_in_parts(visitor: httpx.Client, stream: str) -> None:
    whole = visitor.get(stream)
    size = len(whole.content)
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")

    def part(wanted: str) -> httpx.Response:
        return visitor.get(stream, headers={"Range": f"bytes={wanted}"})

    for wanted, first, last in (
        ("100-199", 100, 199),
        ("-100", size - 100, size - 1),
        (f"{size - 5}-", size - 5, size - 1),
        (f"0-{size * 2}", 0, size - 1),
    ):
        answer = part(wanted)
        assert (answer.status_code, answer.content) == (206, whole.content[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
    beyond = part(f"{size}-")
    assert refused(beyond, 416)
    assert beyond.headers["content-range"] == f"bytes */{size}"
    head = visitor.head(stream)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    again = visitor.get(stream, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_signed_address_cannot_be_changed(visitor: httpx.Client, stream: str) -> None:
    for forged in (
        stream[:-1] + ("A" if stream[-1] != "A" else "B"),
        re.sub(r"expires=\d+", "expires=99999999999", stream),
        stream.replace("audio%2Fmpeg", "text%2Fhtml"),
        stream.replace("mp3_128k.mp3", "waveform.json"),
        stream.partition("&signature=")[0],
    ):
        assert forged != stream
        assert refused(visitor.get(forged), 403) == "bad_signature"


@pytest.mark.usefixtures("stream")
def test_the_stream_redirects_to_where_it_plays(visitor: httpx.Client, song: str) -> None:
    answer = visitor.get(f"/api/v1/tracks/{song}/stream")
    assert answer.status_code == 302
    check_sounds(listen(visitor.get(answer.headers["location"]).content))


def test_the_link_in_the_mail_leads_to_a_button_that_logs_in(product: Served, visitor: httpx.Client) -> None:
    assert visitor.post("/api/v1/auth/register", json=registration("by_browser")).status_code == 202
    token = product.token_for(address_of("by_browser"))
    (mail,) = product.mails_to(address_of("by_browser"))
    (link,) = re.findall(r"https?://\S+", text_of(mail))
    assert link == f"{product.url}/verify-email?token={token}"

    shown = visitor.get(link)
    assert (shown.status_code, 'method="post"' in shown.text, token in shown.text) == (200, True, True)
    assert visitor.get("/api/v1/me").status_code == 401
    pressed = visitor.post("/verify-email", data={"token": token}, headers=FROM_OUR_PAGE)
    assert (pressed.status_code, "verified" in pressed.text) == (200, True)
    assert visitor.get("/api/v1/me").json()["handle"] == "by_browser"
    assert visitor.post("/verify-email", data={"token": token}, headers=FROM_OUR_PAGE).status_code >= 400


def test_a_browser_logs_in_and_out_with_cookies(ada: Person, visitor: httpx.Client) -> None:
    answer = visitor.post("/api/v1/auth/login", json={"login": ada.handle, "password": PASSWORD}, headers=FROM_OUR_PAGE)
    assert (answer.status_code, "access_token" in answer.json()) == (200, False)
    assert all("HttpOnly" in one and "SameSite=lax" in one for one in answer.headers.get_list("set-cookie"))
    assert visitor.get("/api/v1/me").json()["id"] == ada.id
    hostile = visitor.put(f"/api/v1/me/blocks/{ada.id}", headers={"Sec-Fetch-Site": "cross-site"})
    assert refused(hostile, 403) == "cross_origin"

    before = dict(visitor.cookies)
    assert visitor.post("/api/v1/auth/logout", headers=FROM_OUR_PAGE).status_code == 204
    assert set(visitor.cookies) == {"sg_device"}
    for name, value in before.items():
        visitor.cookies.set(name, value)
    assert visitor.get("/api/v1/me").status_code == 401


def test_a_wrong_password_and_an_unknown_address_look_the_same(ada: Person, visitor: httpx.Client) -> None:
    def attempt(login: str) -> Json:
        body = {"login": login, "password": "not the password", "transport": "bearer"}
        answer = visitor.post("/api/v1/auth/login", json=body)
        refused(answer, 401)
        return {name: value for name, value in answer.json().items() if name not in ("request_id", "trace_id")}

    assert attempt(ada.handle) == attempt("nobody_at_all")


def test_logging_out_ends_access_at_once(ada: Person, visitor: httpx.Client) -> None:
    body = {"login": address_of(ada.handle), "password": PASSWORD, "transport": "bearer"}
    session = visitor.post("/api/v1/auth/login", json=body).json()
    assert visitor.get("/api/v1/me", headers=bearer(session)).status_code == 200
    assert visitor.post("/api/v1/auth/logout", headers=bearer(session)).status_code == 204
    assert visitor.get("/api/v1/me", headers=bearer(session)).status_code == 401
    again = visitor.post("/api/v1/auth/refresh", json={"refresh_token": session["refresh_token"]})
    assert again.status_code == 401
    assert ada.get("/me")["id"] == ada.id


def test_a_refresh_token_rotates_and_using_an_old_one_ends_the_session(ada: Person, visitor: httpx.Client) -> None:
    def refresh(session: Json) -> httpx.Response:
        return visitor.post("/api/v1/auth/refresh", json={"refresh_token": session["refresh_token"]})

    first = ada.session
    second = refresh(first).json()
    # Two tabs that refresh at once get the same successor.
    assert refresh(first).json()["refresh_token"] == second["refresh_token"] != first["refresh_token"]
    third = refresh(second).json()
    assert visitor.get("/api/v1/me", headers=bearer(third)).status_code == 200
    refused(refresh(first), 401)
    refused(refresh(third), 401)
    assert visitor.get("/api/v1/me", headers=bearer(third)).status_code == 401


def test_a_follower_hears_likes_and_finds_it_in_the_feed(ada: Person, ben: Person) -> None:
    ben.put(f"/me/followings/{ada.id}")
    assert ada.get("/users/" + ada.handle)["counts"]["followers"] == 1
    track_id = ada.publish(wav_bytes(1), "Fresh")
    eventually(lambda: ben.feed() == ["Fresh"], hoping="that the track is in the feed")
    for _ in range(2):
        ben.put(f"/me/likes/tracks/{track_id}")
        track = ben.get(f"/tracks/{track_id}")
        assert (track["counts"]["likes"], track["viewer"]["liked"]) == (1, True)
    (liker,) = ada.get(f"/tracks/{track_id}/likers")["items"]
    assert liker["handle"] == ben.handle
    assert [one["id"] for one in ada.get(f"/users/{ben.handle}/likes")["items"]] == [track_id]
    for _ in range(2):
        ben.delete(f"/me/likes/tracks/{track_id}")
        assert ben.get(f"/tracks/{track_id}")["counts"]["likes"] == 0
    ben.delete(f"/me/followings/{ada.id}")
    eventually(lambda: ben.feed() == [], hoping="that the feed is empty again")


def test_a_private_track_exists_for_its_owner_only(ada: Person, ben: Person) -> None:
    ben.put(f"/me/followings/{ada.id}")
    secret = ada.publish(wav_bytes(1), "Secret", visibility="private")
    shown = ada.publish(wav_bytes(1), "Shown")
    assert ada.get(f"/tracks/{secret}")["state"] == "ready"
    for path in ("", "/streams", "/hls.m3u8", "/stream", "/waveform", "/likers"):
        ben.get(f"/tracks/{secret}{path}", status=404)
    ben.put(f"/me/likes/tracks/{secret}", status=404)
    eventually(lambda: ben.feed() == ["Shown"], hoping="that the public one is in the feed")
    assert [one["id"] for one in ben.get(f"/users/{ada.handle}/tracks")["items"]] == [shown]


def test_a_block_hides_everything_both_ways(ada: Person, ben: Person) -> None:
    ben.put(f"/me/followings/{ada.id}")
    track_id = ada.publish(wav_bytes(1), "Not for Ben")
    eventually(lambda: ben.feed() == ["Not for Ben"], hoping="that the track is in the feed")
    ben.put(f"/me/likes/tracks/{track_id}")

    ada.put(f"/me/blocks/{ben.id}")
    for path in ("", "/streams", "/hls.m3u8", "/waveform", "/likers"):
        ben.get(f"/tracks/{track_id}{path}", status=404)
    ben.put(f"/me/likes/tracks/{track_id}", status=404)
    ben.put(f"/me/followings/{ada.id}", status=404)
    for reader, other in ((ben, ada), (ada, ben)):
        for path in ("", "/tracks", "/likes", "/followers"):
            reader.get(f"/users/{other.handle}{path}", status=404)
    assert ben.feed() == []
    assert ada.get(f"/tracks/{track_id}/likers")["items"] == []
    assert [one["id"] for one in ada.get("/me/blocks")["items"]] == [ben.id]

    ada.delete(f"/me/blocks/{ben.id}")
    assert ben.get(f"/tracks/{track_id}")["id"] == track_id
    # The block ended the follow; lifting it does not bring that back.
    assert ada.get(f"/users/{ada.handle}/followers")["items"] == []


def test_a_deleted_track_is_gone_with_its_files(product: Served, ada: Person, visitor: httpx.Client) -> None:
    track_id = ada.publish(wav_bytes(1), "Gone")
    address = whole_streams(visitor, track_id)["http_mp3_128_url"]
    assert visitor.get(address).status_code == 200
    ada.delete(f"/tracks/{track_id}")
    ada.get(f"/tracks/{track_id}", status=404)
    eventually(lambda: visitor.get(address).status_code == 404, hoping="that the files are removed")
    # Whoever is still at work on it removes them in an order of their own.
    eventually(
        lambda: not [path for path in files_below(product.store) if track_id in str(path)], hoping="that none is left"
    )
