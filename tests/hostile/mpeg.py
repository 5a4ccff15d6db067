"""MP3 and ADTS streams, and the tags before and after them."""

import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from tests.audio import encoded


@cache
def good() -> bytes:
    """Two seconds of MP3 without a tag."""
    return encoded("mp3", "libmp3lame", 2.0, options={"id3v2_version": "0"})


@cache
def adts() -> bytes:
    """Two seconds of AAC."""
    return encoded("adts", "aac", 2.0)


def id3(body: bytes, *, size: int | None = None, flags: int = 0, version: int = 3) -> bytes:
    """A tag that says it has `size` bytes (id3.org, ID3v2.3, section 3.1)."""
    said = len(body) if size is None else size
    return b"ID3" + bytes([version, 0, flags]) + bytes(said >> shift & 127 for shift in (21, 14, 7, 0)) + body


def frame(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A frame of a tag."""
    return name + struct.pack(">IH", len(body) if size is None else size, 0) + body


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A picture that says it is so large."""

    def part(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", data or zlib.compress(bytes(1000))) + part(b"IEND", b"")


def apic(picture: bytes, kind: bytes = b"image/png") -> bytes:
    """A tag with a cover."""
    return id3(frame(b"APIC", b"\0" + kind + b"\0\x03\0" + picture))


def texts(number: int) -> bytes:
    """A tag with so many frames of text."""
    return id3(b"".join(frame(b"TXXX", b"\x03k%05d\0vvvv" % one) for one in range(number)))


def xing(frames: int, size: int) -> bytes:
    """The good file, whose first frame tells these totals."""
    data = bytearray(good())
    place = next(data.index(mark) for mark in (b"Info", b"Xing") if mark in data)
    struct.pack_into(">II", data, place + 8, frames, size)
    return bytes(data)


def sync_words() -> bytes:
    """Garbage full of what looks like the beginning of frames."""
    noise = np.random.default_rng(3).integers(0, 256, 400_000, np.uint8)
    noise[::37], noise[1::37] = 0xFF, 0xFB
    return noise.tobytes()


def ape(items: int, size: int) -> bytes:
    """An APEv2 footer that says this."""
    return b"APETAGEX" + struct.pack("<IIII", 2_000, size, items, 0) + bytes(8)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'

FILES: dict[str, Callable[[], bytes]] = {
    "100,000 frames of text": lambda: texts(100_000) + good(),
    "a tag of 16 MB": lambda: id3(frame(b"PRIV", bytes(16 << 20))) + good(),
    "a tag that says 256 MB": lambda: id3(b"", size=(1 << 28) - 1) + good(),
    "a thousand tags": lambda: id3(frame(b"TIT2", b"\0title")) * 1_000 + good(),
    "a tag whose frame says 4 GB": lambda: id3(frame(b"TIT2", b"\0title", 0xFFFFFFFF)) + good(),
    "a tag of unsynchronised bytes": lambda: id3(b"\xff\0" * 50_000, flags=0x80) + good(),
    "a compressed frame that swells": lambda: (
        id3(b"TXXX" + struct.pack(">IH", 1 << 16, 0x80) + struct.pack(">I", 1 << 31) + zlib.compress(bytes(1 << 26), 9))
        + good()
    ),
    "a cover of 65,000 by 65,000": lambda: apic(png(65_000, 65_000)) + good(),
    "a cover of 2^31 by 2^31": lambda: apic(png(0x7FFFFFFF, 0x7FFFFFFF)) + good(),
    "a cover that swells": lambda: apic(png(20_000, 20_000, zlib.compress(bytes(1 << 27), 9))) + good(),
    "a cover that is an svg": lambda: apic(SVG, b"image/svg+xml") + good(),
    "a cover by reference": lambda: apic(b"file:///etc/passwd", b"-->") + good(),
    "a cover and no sound": lambda: apic(png(8, 8)),
    "an ape tag of 4 billion items": lambda: good() + ape(0xFFFFFFFF, 0xFFFFFFF0),
    "mp3 of 4 billion frames": lambda: xing(0xFFFFFFFF, 0xFFFFFFFF),
    "mp3 of no frames": lambda: xing(0, 0),
    "mp3 of free bitrate": lambda: b"\xff\xfb\x00\x64" + bytes(400_000),
    "sync words in garbage": sync_words,
    "a megabyte of ones": lambda: b"\xff" * (1 << 20),
    "random after a frame header": lambda: b"\xff\xfb\x90\x64" + np.random.default_rng(7).bytes(300_000),
    "adts of frames of no bytes": lambda: b"\xff\xf1\x50\x80\x00\x1f\xfc" * 50_000,
    "adts of garbage": lambda: b"".join(
        b"\xff\xf1\x50\x80\x20\x1f\xfc" + np.random.default_rng(seed).bytes(249) for seed in range(1_000)
    ),
    "adts of garbage after the start": lambda: adts()[:2_000] + np.random.default_rng(1).bytes(100_000),
    "adts at rate 13": lambda: bytes([0xFF, 0xF1, 0x74, 0x80]) + adts()[4:],
    "half an mp3": lambda: (data := encoded("mp3", "libmp3lame", 4.0))[: len(data) // 2],
}
