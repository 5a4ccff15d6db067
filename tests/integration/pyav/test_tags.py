"""What files say about themselves, each in the manner of its format."""

import io
import struct

import mutagen.id3
import pytest
from tests.audio import encoded, wav_bytes
from tests.integration.pyav.bench import Bench

from soundgraph.adapters.pyav.tags import MAX_TAG_BYTES, fields_of_ffmpeg

SAID = {
    "title": "Nacht\u202efahrt",
    "artist": "Ä" * 1_000,
    "album": "Alles",
    "genre": "Ambient",
    "date": "2019-04-01",
    "comment": "one two",
}
FOUND = {
    "title": "Nachtfahrt",
    "artist": "Ä" * 512,
    "album": "Alles",
    "genre": "Ambient",
    "year": "2019",
    "comment": "one two",
}


def id3(fields: dict[str, str]) -> bytes:
    file, tags = io.BytesIO(), mutagen.id3.ID3()
    for name, frame in {"title": "TIT2", "artist": "TPE1", "album": "TALB", "genre": "TCON", "date": "TDRC"}.items():
        tags.add(getattr(mutagen.id3, frame)(encoding=3, text=fields[name]))
    tags.add(mutagen.id3.TXXX(encoding=3, desc="Comment", text=fields["comment"]))
    tags.save(file)
    return file.getvalue()


def wav_with(*said: tuple[bytes, bytes]) -> bytes:
    """A WAV file with a chunk of RIFF INFO behind the sound."""
    wav, info = wav_bytes(1), b"INFO"
    for name, value in said:
        info += name + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    rest = wav[8:] + b"LIST" + struct.pack("<I", len(info)) + info
    return b"RIFF" + struct.pack("<I", len(rest)) + rest


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("matroska", "flac"),
        ("webm", "libopus"),
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("ogg", "libopus"),
        ("ipod", "aac"),
    ],
)
async def test_tags_that_ffmpeg_wrote(bench: Bench, container: str, codec: str) -> None:
    outcome = await bench.run(encoded(container, codec, 1.0, rate=48_000, metadata=SAID))
    assert outcome.analysis is not None
    assert outcome.analysis.tags == FOUND


@pytest.mark.parametrize(
    ("container", "codec"), [("adts", "aac"), ("flac", "flac"), ("mp3", "libmp3lame"), ("ogg", "libopus")]
)
async def test_tags_in_front_of_any_format(bench: Bench, container: str, codec: str) -> None:
    outcome = await bench.run(id3(SAID) + encoded(container, codec, 1.0, rate=48_000))
    assert outcome.analysis is not None
    assert outcome.analysis.tags == FOUND


async def test_tags_of_windows_are_no_obstacle(bench: Bench) -> None:
    outcome = await bench.run(wav_with((b"INAM", b"N\xe4chte \x96 live\0"), (b"ISRC", b"CD\0"), (b"IART", b"\0")))
    assert outcome.failure is None
    assert outcome.analysis is not None
    assert outcome.analysis.tags == {"title": "Nächte – live"}


async def test_what_is_made_for_tags_outdoes_what_is_not(bench: Bench) -> None:
    outcome = await bench.run(id3(SAID | {"title": "Tag"}) + wav_with((b"INAM", b"Info\0"), (b"IART", b"Artist\0")))
    assert outcome.analysis is not None
    assert outcome.analysis.tags == FOUND | {"title": "Tag"}


def test_no_more_than_what_is_allowed_is_taken() -> None:
    many = {f"x{number}": "x" for number in range(64)}
    assert fields_of_ffmpeg("matroska", many | {"title": "too late"}) == {}
    assert fields_of_ffmpeg("matroska", {"TITLE": "a\x00\x07\u202e\u2066b" + "c" * 2_000}) == {
        "title": "ab" + "c" * (MAX_TAG_BYTES - 6)
    }
