"""People upload with the client that everybody uses, over lines that break."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.audio import wav_bytes
from tests.e2e.product import Person, Served, eventually
from tests.integration.tus.conftest import Client

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("tus")]
SECONDS = 8.25


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 19 MB: two pieces, and a part of one. Little of it is to be heard, so that it is soon processed."""
    path = tmp_path_factory.mktemp("song") / "take.wav"
    path.write_bytes(wav_bytes(SECONDS, 96_000, 6, bits=32))
    return path


@pytest.fixture
def ada(product: Served) -> Person:
    return product.join("ada")


def job(product: Served, who: Person, song: Path, **more: Any) -> dict[str, Any]:
    return {"endpoint": f"{product.api}/uploads", "token": who.session["access_token"], "file": str(song), **more}


def check_track(product: Served, who: Person, url: str, song: Path) -> str:
    """The upload becomes one track, whose audio is the file. Its id."""
    asked = {"upload_id": url.rpartition("/")[2], "title": "Four Chords"}
    answers = [who.http.post("/tracks", json=asked, timeout=60) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202], answers[0].text
    assert answers[0].json()["id"] == answers[1].json()["id"]
    track_id = str(answers[0].json()["id"])
    digest = product.sql.value("SELECT sha256 FROM revisions WHERE track_id = $1", track_id)
    assert digest == hashlib.sha256(song.read_bytes()).hexdigest()
    return track_id


def check_plays(who: Person, track_id: str) -> None:
    """The track is processed, and its address serves it from wherever it is stored."""
    track = who.processed(track_id, 120)
    assert track["state"] == "ready", track["failure"]
    assert abs(track["duration_ms"] - SECONDS * 1000) < 5

    def stream() -> str | None:
        url: str | None = who.get(f"/tracks/{track_id}/streams")["http_mp3_128_url"]
        return url

    url = eventually(stream, 120, hoping="for the MP3")
    with httpx.Client() as visitor:
        part = visitor.get(url, headers={"Range": "bytes=10-19"})
        assert (part.status_code, len(part.content)) == (206, 10)


def test_a_whole_file(client: Client, product: Served, ada: Person, song: Path) -> None:
    done = client(**job(product, ada, song))
    assert done.get("error") is None, done
    assert done["requests"] == [["POST", 201], ["PATCH", 204]]
    check_plays(ada, check_track(product, ada, done["url"], song))


def test_chunks_with_post_for_patch(client: Client, product: Served, ada: Person, song: Path) -> None:
    done = client(**job(product, ada, song, chunk_size=3_000_000, override=True))
    assert done.get("error") is None, done
    assert {tuple(one) for one in done["requests"]} == {("POST", 201), ("POST", 204)}
    assert len(done["requests"]) > 6
    check_track(product, ada, done["url"], song)


def test_a_cut_line_and_a_restart_in_between(client: Client, product: Served, ada: Person, song: Path) -> None:
    tries = (client(**job(product, ada, song, cut_after=9_500_000)) for _ in range(9))
    # Where everything has gone before the line could be cut, once more.
    cut = next(one for one in tries if one.get("sent", song.stat().st_size) < song.stat().st_size)

    def reached() -> int:
        return int(ada.http.head(cut["url"], headers={"Tus-Resumable": "1.0.0"}).headers["upload-offset"])

    # What is on its way is stored a moment after the line was cut.
    assert eventually(reached, 10, hoping="that what arrived counts") < song.stat().st_size
    api = product.child("api")
    if api is not None:
        api.kill()
        product_ready(product)
    rest = client(**job(product, ada, song, url=cut["url"]))
    assert rest.get("error") is None, rest
    assert rest["url"] == cut["url"]
    assert 0 < rest["offsets"][0] < song.stat().st_size
    check_track(product, ada, rest["url"], song)


def product_ready(product: Served) -> None:
    """The supervisor has started what was killed."""

    def ready() -> bool:
        try:
            return httpx.get(f"{product.url}/health/ready").status_code == 200
        except httpx.HTTPError:
            return False

    eventually(ready, 60, hoping="that the API is back")


def test_parallel_parts(client: Client, product: Served, ada: Person, song: Path) -> None:
    done = client(**job(product, ada, song, parallel=4))
    assert done.get("error") is None, done
    assert [one for one in done["requests"] if one[0] == "POST"] == [["POST", 201]] * 5
    check_track(product, ada, done["url"], song)


def test_a_checksum_that_does_not_hold(client: Client, product: Served, ada: Person, song: Path) -> None:
    wrong = b64encode(hashlib.sha1(b"something else").digest()).decode()
    refused = client(**job(product, ada, song, checksum=f"sha1 {wrong}"))
    assert refused["status"] == 460
    looked = ada.http.head(refused["url"], headers={"Tus-Resumable": "1.0.0"})
    assert looked.headers["upload-offset"] == "0"
    right = b64encode(hashlib.sha1(song.read_bytes()).digest()).decode()
    done = client(**job(product, ada, song, checksum=f"sha1 {right}", url=refused["url"]))
    assert done.get("error") is None, done
    assert done["url"] == refused["url"]
    check_track(product, ada, done["url"], song)


def test_an_expired_upload_begins_anew(client: Client, product: Served, ada: Person, song: Path) -> None:
    cut = client(**job(product, ada, song, cut_after=9_500_000))
    upload_id = cut["url"].rpartition("/")[2]
    product.sql.rows("UPDATE uploads SET expires_at = now() WHERE id = $1", upload_id)
    assert ada.http.head(cut["url"], headers={"Tus-Resumable": "1.0.0"}).status_code == 410
    done = client(**job(product, ada, song, url=cut["url"]))
    assert done.get("error") is None, done
    assert done["requests"][0] == ["HEAD", 410]
    assert done["url"] != cut["url"]
    check_track(product, ada, done["url"], song)


def test_another_person_sees_nothing_of_it(client: Client, product: Served, ada: Person, song: Path) -> None:
    cut = client(**job(product, ada, song, cut_after=1_000_000))
    ben = product.join("ben")
    assert ben.http.head(cut["url"], headers={"Tus-Resumable": "1.0.0"}).status_code == 404
    client(**job(product, ada, song, url=cut["url"], terminate=True))
    assert ada.http.head(cut["url"], headers={"Tus-Resumable": "1.0.0"}).status_code == 404


def test_a_form_straight_to_the_store(product: Served, ada: Person, song: Path) -> None:
    form = ada.http.post("/uploads/direct", json={"filename": "take.wav"}).json()
    with song.open("rb") as file, httpx.Client(timeout=60) as visitor:
        sent = visitor.post(form["url"], data=form["fields"], files={"file": ("take.wav", file)})
        assert sent.status_code == 204, sent.text
        changed = {**form["fields"], "key": "originals/mine"}
        assert visitor.post(form["url"], data=changed, files={"file": ("x", b"x")}).status_code == 403
    check_plays(ada, check_track(product, ada, f"/{form['upload_id']}", song))
