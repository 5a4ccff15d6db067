"""FLAC and Matroska files that lie."""

import struct
from collections.abc import Callable
from functools import cache

from tests.audio import encoded
from tests.hostile.mpeg import png

FRAME_SAMPLES = 65_535


@cache
def good() -> bytes:
    """Three seconds of FLAC."""
    return encoded("flac", "flac", 3.0)


def flac_that_says(*, seconds: float = 3.0, rate: int = 44_100, smallest: int | None = None) -> bytes:
    """The good file with another STREAMINFO (RFC 9639, section 8.2)."""
    data = bytearray(good())
    (fields,) = struct.unpack_from(">Q", data, 18)
    struct.pack_into(">Q", data, 18, rate << 44 | fields & 0xFF << 36 | round(seconds * 44_100))
    if smallest is not None:
        struct.pack_into(">HH", data, 8, smallest, smallest)
    return bytes(data)


def flac_block(kind: int, body: bytes, size: int | None = None) -> bytes:
    """The good file with one more metadata block, which says it has `size` bytes, after STREAMINFO."""
    said = len(body) if size is None else size
    return good()[:42] + bytes([kind]) + said.to_bytes(3, "big") + body + good()[42:]


def picture(width: int, height: int, said: int | None = None) -> bytes:
    """A PICTURE block."""
    data = png(width, height)
    length = len(data) if said is None else said
    mime = b"image/png"
    body = struct.pack(">II", 3, len(mime)) + mime + struct.pack(">IIIII", 0, width, height, 24, 0)
    return flac_block(6, body + struct.pack(">I", length) + data)


def _crc(data: bytes, polynomial: int, bits: int) -> bytes:
    crc, top = 0, 1 << bits - 1
    for byte in data:
        crc ^= byte << bits - 8
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & top else 0)) & (1 << bits) - 1
    return crc.to_bytes(bits // 8, "big")


def flac_silence(hours: float, said_seconds: float) -> bytes:
    """Mono at 44.1 kHz: hours of silence, eleven bytes a frame, below a header that tells something else."""
    samples = round(said_seconds * 44_100)
    info = struct.pack(">HH", FRAME_SAMPLES, FRAME_SAMPLES) + bytes(6)
    info += struct.pack(">Q", 44_100 << 44 | 15 << 36 | samples) + bytes(16)
    parts = [b"fLaC\x80\0\0\x22" + info]
    for number in range(round(hours * 3600 * 44_100 / FRAME_SAMPLES)):
        # A fixed block size in 16 bits, 44.1 kHz, mono, 16 bits; one constant subframe (RFC 9639, section 9).
        head = b"\xff\xf8\x79\x08" + _coded(number) + struct.pack(">H", FRAME_SAMPLES - 1)
        head += _crc(head, 0x07, 8)
        body = head + b"\0\0\0"
        parts.append(body + _crc(body, 0x8005, 16))
    return b"".join(parts)


def _coded(number: int) -> bytes:
    """A frame number, coded like a character of UTF-8; surrogates too."""
    return chr(number).encode("utf-8", "surrogatepass")


def element(name: str, body: bytes, size: bytes | None = None) -> bytes:
    """An EBML element, whose size is said to be this (RFC 8794, section 4)."""
    return bytes.fromhex(name) + (struct.pack(">Q", 1 << 56 | len(body)) if size is None else size) + body


def nested_elements(name: str, depth: int) -> bytes:
    """A Matroska file of elements in elements."""
    body = b""
    for _ in range(depth):
        body = element(name, body)
    return MKV_HEAD + element("18538067", body)


@cache
def mka() -> bytes:
    """Two seconds of FLAC in Matroska."""
    return encoded("matroska", "flac", 2.0)


def mka_with(name: str, body: bytes) -> bytes:
    """The good Matroska file with the body of the first element of that name replaced by one of equal length."""
    place = mka().index(bytes.fromhex(name)) + len(name) // 2 + 1
    return mka()[:place] + body + mka()[place + len(body) :]


MKV_HEAD = element("1a45dfa3", element("4282", b"matroska"))
UNKNOWN_SIZE, LARGEST_SIZE = b"\x01" + b"\xff" * 7, b"\x01" + b"\xff" * 6 + b"\xfe"

FILES: dict[str, Callable[[], bytes]] = {
    "flac of 24 hours that says one second": lambda: flac_silence(24, 1),
    "flac of 7 hours that says nothing": lambda: flac_silence(7, 0),
    "flac that says an hour": lambda: flac_that_says(seconds=3600),
    "flac that says 2^36 samples": lambda: flac_that_says(seconds=1_558_000),
    "flac at 0 Hz": lambda: flac_that_says(rate=0),
    "flac at 1 MHz": lambda: flac_that_says(rate=1_048_575),
    "flac of blocks of no samples": lambda: flac_that_says(smallest=0),
    "flac of 4 billion comments": lambda: flac_block(4, struct.pack("<I", 0) + b"\xff" * 100),
    "flac comment of 4 GB": lambda: flac_block(4, struct.pack("<II", 0, 1) + b"\xff" * 100),
    "flac with a block that says 16 MB": lambda: flac_block(4, b"", 0xFFFFFF),
    "flac with a picture of 65,000 by 65,000": lambda: picture(65_000, 65_000),
    "flac with a picture that says 4 GB": lambda: picture(8, 8, 0xFFFFFFFF),
    "flac with 16 MB of seek points": lambda: flac_block(3, b"\xff" * (18 * 900_000)),
    "flac with a hole": lambda: good()[: len(good()) // 3] + bytes(len(good()) // 3) + good()[2 * len(good()) // 3 :],
    "half a flac": lambda: good()[: len(good()) // 2],
    "mkv of elements in elements": lambda: nested_elements("1549a966", 3_000),
    "mkv of tags in tags": lambda: nested_elements("67c8", 3_000),
    "mkv of unknown size in unknown size": lambda: MKV_HEAD + element("18538067", b"", UNKNOWN_SIZE) * 5_000,
    "mkv with an element of 2^56 bytes": lambda: (
        MKV_HEAD + element("18538067", element("1654ae6b", mka()[64:], LARGEST_SIZE))
    ),
    "mkv with codec data of 2^56 bytes": lambda: mka().replace(b"\x63\xa2", b"\x63\xa2" + LARGEST_SIZE, 1),
    "mkv of garbage after the start": lambda: mka()[:400] + b"\xff" * 100_000,
    "mkv with time stamps of zero scale": lambda: mka_with("2ad7b1", b"\0\0\0"),
    "ac3": lambda: encoded("matroska", "ac3", 1.0),
}
