"""MP4 files whose boxes lie (ISO/IEC 14496-12)."""

import io
import struct
from collections.abc import Callable
from functools import cache

import av
import numpy as np
from tests.audio import encoded

FTYP = b"\0\0\0\x14ftypM4A \0\0\0\0M4A "


@cache
def good() -> bytes:
    """Two seconds of AAC, the index last."""
    return encoded("ipod", "aac", 2.0)


def box(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A box that says it has `size` bytes."""
    return struct.pack(">I", len(body) + 8 if size is None else size) + name + body


def at(name: bytes, data: bytes | bytearray) -> int:
    """Where the body of the first box of this name begins."""
    return data.index(name) + 4


def patched(name: bytes, offset: int, new: bytes) -> bytes:
    """The good file with some bytes of a box's body replaced."""
    data = bytearray(good())
    start = at(name, good()) + offset
    data[start : start + len(new)] = new
    return bytes(data)


def sized(name: bytes, size: int) -> bytes:
    """The good file with a box that says it has `size` bytes."""
    return patched(name, -8, struct.pack(">I", size))


def nested(name: bytes, depth: int) -> bytes:
    """Boxes in boxes in boxes."""
    data = b""
    for _ in range(depth):
        data = box(name, data)
    return FTYP + data


def replaced(old: bytes, new: Callable[[bytes], bytes]) -> bytes:
    """The good file with a child of its `moov` replaced by another, and the sizes of its parents made right."""
    return _replaced(good(), old, new)


def _replaced(data: bytes, old: bytes, new: Callable[[bytes], bytes]) -> bytes:
    result, place = b"", 0
    while place + 8 <= len(data):
        size = struct.unpack_from(">I", data, place)[0]
        name, body = data[place + 4 : place + 8], data[place + 8 : place + size]
        if name == old:
            result += new(body)
        elif name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"):
            result += box(name, _replaced(body, old, new))
        else:
            result += data[place : place + size]
        place += size
    return result


def referring(url: str) -> bytes:
    """Its samples lie somewhere else, it says."""
    entry = box(b"url ", bytes(4) + url.encode() + b"\0")
    return replaced(b"dref", lambda _: box(b"dref", struct.pack(">II", 0, 1) + entry))


def referring_by_alias(path: str) -> bytes:
    """Its samples lie in another file, by an alias as QuickTime writes them."""
    name = path.encode()
    alias = bytes(10) + b"\x04disk" + bytes(123) + struct.pack(">hh", 0, 0) + bytes(20)
    alias += struct.pack(">hh", 2, len(name)) + name + b"\0" * (len(name) % 2)
    alias += struct.pack(">hh", 18, len(name)) + name + b"\0" * (len(name) % 2) + struct.pack(">hh", -1, 0)
    entry = box(b"alis", bytes(4) + alias)
    return replaced(b"dref", lambda _: box(b"dref", struct.pack(">II", 0, 1) + entry))


def edited(duration: int, media_time: int, rate: int = 0x10000, times: int = 1) -> bytes:
    """With an edit list of so many equal entries."""
    entries = struct.pack(">iiI", duration, media_time, rate) * times
    edits = box(b"edts", box(b"elst", struct.pack(">II", 0, times) + entries))
    return replaced(b"mdia", lambda body: edits + box(b"mdia", body))


def many_tracks(number: int) -> bytes:
    """The same track very often."""
    track = good()[good().index(b"trak") - 4 :]
    track = track[: struct.unpack_from(">I", track)[0]]
    return replaced(b"trak", lambda body: box(b"trak", body) + track * number)


def video(*, sound: bool) -> bytes:
    """Two seconds of black, in silence or with a tone."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("aac", rate=44_100, layout="stereo") if sound else None
        for _ in range(50):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(pictures.encode(None))
        if audio is not None:
            wave = np.broadcast_to(0.5 * np.sin(2 * np.pi * 440 * np.arange(88_200) / 44_100), (2, 88_200))
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave, np.float32), format="fltp", layout="stereo")
            frame.sample_rate = 44_100
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return file.getvalue()


def index_first(data: bytes) -> bytes:
    """The same file with its index before the samples, as for streaming."""
    cut = data.index(b"moov") - 4
    head, moov = data[:cut], bytearray(data[cut:])
    table = at(b"stco", moov)
    (number,) = struct.unpack_from(">I", moov, table + 4)
    for place in range(table + 8, table + 8 + 4 * number, 4):
        struct.pack_into(">I", moov, place, struct.unpack_from(">I", moov, place)[0] + len(moov))
    first = head.index(b"mdat") - 4
    return head[:first] + moov + head[first:]


def half(data: bytes) -> bytes:
    """The first half."""
    return data[: len(data) // 2]


FILES: dict[str, Callable[[], bytes]] = {
    "only ftyp": lambda: FTYP,
    "moov in moov, 40 KB of it": lambda: nested(b"moov", 5_000),
    "trak in trak": lambda: FTYP + box(b"moov", nested(b"trak", 5_000)[len(FTYP) :]),
    "metadata in metadata": lambda: FTYP + box(b"moov", nested(b"udta", 5_000)[len(FTYP) :]),
    "a box that contains itself": lambda: FTYP + box(b"moov", b"", 0) + good(),
    "a box of no bytes": lambda: FTYP + box(b"moov", b"", 1) + bytes(8) + good(),
    "a box of 2^63 bytes": lambda: FTYP + box(b"moov", b"", 1) + struct.pack(">Q", 2**63 - 1) + good(),
    "a box larger than its parent": lambda: sized(b"stbl", 0x7FFFFFFF),
    "a sample table of 4 billion durations": lambda: patched(b"stts", 4, b"\xff" * 4),
    "a sample that lasts 4 billion ticks": lambda: patched(b"stts", 12, b"\xff" * 4),
    "a sample table of 4 billion sizes": lambda: patched(b"stsz", 8, b"\xff" * 4),
    "samples of 2 GB each": lambda: patched(b"stsz", 4, b"\x7f\xff\xff\xff"),
    "a sample table of 4 billion chunks": lambda: patched(b"stco", 4, b"\xff" * 4),
    "chunks beyond the end": lambda: patched(b"stco", 8, b"\xff\xff\xff\xff"),
    "4 billion samples a chunk": lambda: patched(b"stsc", 12, b"\xff" * 4),
    "no ticks a second": lambda: patched(b"mdhd", 12, bytes(4)),
    "4 billion ticks a second": lambda: patched(b"mdhd", 12, b"\xff" * 4),
    "a media duration of 2^32 ticks": lambda: patched(b"mdhd", 16, b"\xff\xff\xff\xfe"),
    "an mp4a of no channels at no rate": lambda: patched(b"mp4a", 16, bytes(12)),
    "an AudioSpecificConfig of ones": lambda: good().replace(
        b"\x05\x80\x80\x80\x05", b"\x05\x80\x80\x80\x05\xff\xff\xff"
    )[: len(good())],
    "an edit that skips everything": lambda: edited(2_000, 0x7FFFFFFF),
    "an edit at no speed": lambda: edited(2_000, 0, 0),
    "an edit of negative length": lambda: edited(-2_000, -5),
    "20,000 edits": lambda: edited(1, 0, times=20_000),
    "index first": lambda: index_first(good()),
    "1,000 tracks": lambda: many_tracks(1_000),
    "protected": lambda: encoded("ipod", "aac", 1.0).replace(b"mp4a", b"drms"),
    "encrypted": lambda: encoded("ipod", "aac", 1.0).replace(b"mp4a", b"enca"),
    "video only": lambda: video(sound=False),
    "half an m4a": lambda: half(encoded("ipod", "aac", 4.0)),
    "half an m4a, index first": lambda: half(index_first(encoded("ipod", "aac", 4.0))),
}
