"""What is not music, or pretends to be: refused or failed with a reason that a person understands, and nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.audio import encoded, wav_bytes
from tests.canaries import Canaries, canaries
from tests.e2e.product import Json, Person, Served, eventually, files_below
from tests.hostile.disguises import zipped
from tests.hostile.mpeg4 import half

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "text.mp3": (lambda: b"You expected music, but this is only text.\n" * 50, "not_audio"),
    "half.mp3": (lambda: half(encoded("mp3", "libmp3lame", 4.0)), "truncated"),
    "zip.wav": (lambda: zipped(wav_bytes(1)), "not_audio"),
}


@pytest.fixture(scope="module")
def mallory(product: Served) -> Person:
    return product.join("mallory")


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Canaries]:
    """A file and a port that nobody may come near."""
    (tmp_path / "canary.mp3").write_bytes(encoded("mp3", "libmp3lame", 2.0))
    with canaries(tmp_path) as watched:
        yield watched


def check_failed(product: Served, person: Person, track_id: str) -> Json:
    """It failed with words for a person, nobody else sees it, nothing is left of it, and the next upload works."""
    track = person.processed(track_id)
    assert track["state"] == "failed"
    failure: Json = track["failure"]
    assert failure["stage"] in {"probing", "analysing", "transcoding", "storing"}
    assert failure["retryable"] is False
    message = failure["message"]
    assert message[0].isupper()
    assert message.endswith(".")
    assert len(message.split()) > 3
    assert not any(word in message for word in ("Error", "Traceback", "Errno", "av.", "/"))
    check_nothing_left(product, track_id)
    assert person.processed(person.upload(wav_bytes(1), "After that"))["state"] == "ready"
    return failure


def check_nothing_left(product: Served, track_id: str = "no track") -> None:
    """No process, no file."""
    worker = product.child("worker")
    assert worker is not None
    eventually(lambda: not worker.children(recursive=True), hoping="that no process is left")
    eventually(lambda: product.in_scratch() == product.in_quarantine() == [], hoping="that no file is left")
    assert not [path for path in files_below(product.store) if track_id in str(path)]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_whole_audio_file_fails(product: Served, mallory: Person, name: str) -> None:
    data, code = HOSTILE[name]
    failure = check_failed(product, mallory, mallory.upload(data(), name, name=name))
    assert failure["code"] == code


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..\\..\\windows\\system32.wav",
        "/etc/passwd",
        "naïve – 音楽 🎵.wav",
        "\u202egnp.wav",
        "-rf *;$(reboot).wav",
        "a" * 1_000 + ".wav",
        "take.wav.exe",
        "con",
        ".",
    ],
)
def test_a_file_may_be_called_anything(product: Served, mallory: Person, name: str) -> None:
    before = {path.parent.name for path in files_below(product.home)}
    track_id = mallory.publish(wav_bytes(1), "An odd name", name=name)
    written = [path for path in files_below(product.store) if track_id in str(path)]
    assert written
    # Keys are made of ids alone: nothing that a client says becomes part of a path.
    assert not any(word in str(path) for path in written for word in ("passwd", "windows", "reboot", "aaaa", "exe"))
    assert "etc" not in {path.parent.name for path in files_below(product.home)} - before


def test_a_name_with_a_nul_is_refused(product: Served, mallory: Person) -> None:
    boundary = "a-boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nNul\r\n--{boundary}\r\n'
    head += 'Content-Disposition: form-data; name="audio"; filename="a\0b.wav"\r\n\r\n'
    body = head.encode() + wav_bytes(0.1) + f"\r\n--{boundary}--\r\n".encode()
    answer = mallory.http.post(
        "/tracks", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    assert 400 <= answer.status_code < 500, answer.text
    check_nothing_left(product)


def test_an_empty_file_is_refused(product: Served, mallory: Person) -> None:
    answer = mallory.send(b"", "Nothing", name="empty.mp3")
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["field"], error["message"]) == ("audio", "This file is empty.")
    check_nothing_left(product)


@pytest.mark.parametrize(
    ("kind", "name"), [("hls", "list.m3u8"), ("hls", "list.mp3"), ("concat", "list.mp3"), ("plain", "list.wav")]
)
def test_a_playlist_reads_and_fetches_nothing(
    product: Served, mallory: Person, trap: Canaries, kind: str, name: str
) -> None:
    addresses = [f"file://{trap.directory / 'canary.mp3'}", trap.url]
    playlist = {
        "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n" + "".join(f"#EXTINF:2,\n{one}\n" for one in addresses),
        "concat": "ffconcat version 1.0\n" + "".join(f"file '{one}'\n" for one in addresses),
        "plain": "\n".join(addresses),
    }[kind]
    failure = check_failed(product, mallory, mallory.upload(playlist.encode(), f"A {kind} list", name=name))
    assert failure["code"] == "not_audio"
    assert trap.touched() == []
