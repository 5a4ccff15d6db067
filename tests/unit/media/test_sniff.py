"""Files are told apart by their bytes."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audio import wav_bytes

from soundgraph.adapters.pyav.sniff import Sniffed, identify, sniff

# MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes.
FRAME = b"\xff\xfb\x90\x64" + b"\0" * 413


def id3(content: bytes, *, footer: bool = False) -> bytes:
    size = len(content)
    digits = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    return b"ID3\x04\0" + (b"\x10" if footer else b"\0") + digits + content + (b"3DI" + b"\0" * 7 if footer else b"")


def wav(fmt: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A WAV file of any kind of sample."""
    body = b"".join(name + struct.pack("<I", len(one)) + one for name, one in ((b"fmt ", fmt), *chunks))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(kind: int, bytes_per_second: int, rest: bytes = b"") -> bytes:
    return struct.pack("<HHIIHH", kind, 1, 8_000, bytes_per_second, 1, 4) + rest


def extensible(kind: int) -> bytes:
    return fmt(0xFFFE, 8_000, struct.pack("<HHIH", 22, 8, 0, kind) + bytes(14))


ADPCM, DATA = fmt(2, 123, struct.pack("<HH", 2, 1_012)), (b"data", bytes(4_000))


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (wav(ADPCM, (b"fact", struct.pack("<I", 7_000)), DATA), 0.875),
        (wav(ADPCM, DATA), None),
        (wav(ADPCM, (b"fact", b"\0" * 4), DATA), None),
        (wav(ADPCM, (b"fact", b"\xff" * 4), DATA), None),
        (wav(ADPCM, (b"fact", b""), DATA), None),
        (wav(fmt(3, 16_000), DATA), 0.25),
        (wav(fmt(1, 16_000), (b"fact", b"\1\0\0\0"), DATA), 0.25),
        (wav(extensible(1), DATA), 0.5),
        (wav(extensible(2), DATA), None),
        (wav(fmt(0xFFFE, 8_000), DATA), None),
        (wav(b"short", DATA), None),
    ],
    ids=[
        *("fact", "no fact", "empty fact", "endless", "half a fact", "floating", "linear"),
        *("extensible", "extensible adpcm", "half extensible", "short"),
    ],
)
def test_what_a_wav_header_says(tmp_path: Path, content: bytes, seconds: float | None) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert sniff(path) == Sniffed("wav", 0, states_duration=False, seconds=seconds)


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"FORM\0\0\0\0AIFFCOMM", "aiff"),
        (b"FORM\0\0\0\0AIFCFVER", "aiff"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b"OggS\0\2", "ogg"),
        (b"\0\0\0\x20ftypM4A ", "mov"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", "matroska"),
        (b"\xff\xf1\x50\x80\x2e\x7f\xfc", "aac"),
        (FRAME, "mp3"),
        (b"\xff\xf3\x84\xc4" + b"\0" * 400, "mp3"),
        (b"cut off \xff\xff in a frame" + FRAME * 2, "mp3"),
        (b"\0" * 1000 + FRAME * 2, "mp3"),
    ],
)
def test_known_beginnings(head: bytes, demuxer: str) -> None:
    assert identify(head) == demuxer


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"\xff\xfb",
        b"just some text",
        b"PK\x03\x04 a zip",
        b"#EXTM3U\n#EXTINF:1,\nfile:///canary\n",
        b"ffconcat version 1.0\nfile 'other.mp3'\n",
        b"RIFF\0\0\0\0AVI LIST",
        b"FORM\0\0\0\0ILBMBMHD",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n",
        b"cut off " + FRAME,
        b"\xff" * 300,
    ],
)
def test_unknown_beginnings(head: bytes) -> None:
    assert identify(head) is None


@given(st.binary(max_size=4096))
def test_no_beginning_breaks_it(head: bytes) -> None:
    assert identify(head) in {None, "wav", "aiff", "flac", "ogg", "mov", "matroska", "aac", "mp3"}


@pytest.mark.parametrize(
    ("content", "sniffed"),
    [
        (wav_bytes(0.01), Sniffed("wav", 0, states_duration=False, seconds=0.01)),
        (id3(b"x") + wav_bytes(0.01, 8_000, 1)[:60], Sniffed("wav", 11, states_duration=False, seconds=0.01)),
        (wav_bytes(0), Sniffed("wav", 0, states_duration=False)),
        (wav_bytes(1)[:40] + b"\xff" * 4 + bytes(99), Sniffed("wav", 0, states_duration=False)),
        (wav_bytes(1)[:30], Sniffed("wav", 0, states_duration=False)),
        (id3(b"x" * 70_000) + FRAME, Sniffed("mp3", 70_010, states_duration=False)),
        (id3(b"x") + id3(b"y" * 300, footer=True) + b"fLaC", Sniffed("flac", 331, states_duration=True)),
        (FRAME[:36] + b"Xing" + FRAME, Sniffed("mp3", 0, states_duration=True)),
        (b"OggS\0\2", Sniffed("ogg", 0, states_duration=False)),
        (id3(b"x" * 100), None),
        (id3(b"x" * 100)[:50], None),
        (b"", None),
    ],
    ids=[
        "wav",
        "id3 half wav",
        "empty wav",
        "endless wav",
        "wav header",
        "id3 mp3",
        "two id3 flac",
        "xing",
        "ogg",
        "only id3",
        "half id3",
        "empty",
    ],
)
def test_tags_in_front_are_jumped_over(tmp_path: Path, content: bytes, sniffed: Sniffed | None) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert sniff(path) == sniffed
