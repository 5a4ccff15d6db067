"""Ogg files whose pages lie (RFC 3533), and days of silence in few bytes."""

import struct
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tests.audio import encoded

HEAD = struct.Struct("<4sBBqIIIB")
CRC_AT, GRANULE_AT = 22, 6
FIRST, LAST = 2, 4


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32) << np.uint32(24)
    for _ in range(8):
        table = (table << np.uint32(1)) ^ np.where(table >> np.uint32(31), np.uint32(0x04C11DB7), np.uint32(0))
    return table.astype(np.uint32)


def checked(pages: list[bytes]) -> bytes:
    """Pages of one length each with the right checksum: all at once, or hours of them would take minutes."""
    table = _table()
    array = np.frombuffer(b"".join(pages), np.uint8).reshape(len(pages), -1).copy()
    array[:, CRC_AT : CRC_AT + 4] = 0
    crc = np.zeros(len(pages), np.uint32)
    for column in array.T:
        crc = (crc << np.uint32(8)) ^ table[(crc >> np.uint32(24)) ^ column]
    array[:, CRC_AT : CRC_AT + 4] = crc[:, None] >> np.array([0, 8, 16, 24], np.uint32) & 0xFF
    return array.tobytes()


def page(packets: list[bytes], granule: int, number: int, kind: int = 0, serial: int = 1) -> bytes:
    """A page of whole packets of fewer than 255 bytes, its checksum open."""
    lacing = bytes(len(packet) for packet in packets)
    head = HEAD.pack(b"OggS", 0, kind, granule, serial, number, 0, len(packets))
    return head + lacing + b"".join(packets)


def pages_of(data: bytes) -> Iterator[bytes]:
    """The pages of a file."""
    place = 0
    while data[place : place + 4] == b"OggS":
        lacing = data[place + 27 : place + 27 + data[place + 26]]
        end = place + 27 + len(lacing) + sum(lacing)
        yield data[place:end]
        place = end


@cache
def good(codec: str = "libopus") -> bytes:
    """Two seconds."""
    return encoded("ogg", codec, 2.0, rate=48_000)


def with_granules(granule: Callable[[int, int], int], codec: str = "libopus") -> bytes:
    """The good file with other granule positions on all pages but the headers, from a page's number and position."""
    result = b""
    for number, one in enumerate(pages_of(good(codec))):
        data = bytearray(one)
        (position,) = struct.unpack_from("<q", data, GRANULE_AT)
        if position > 0:
            struct.pack_into("<q", data, GRANULE_AT, granule(number, position))
        result += checked([bytes(data)])
    return result


def opus_silence(hours: float) -> bytes:
    """So many hours of silence in packets of 120 ms: three bytes each, and one to say so."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    # RFC 6716, section 3.2.5: six frames of 20 ms, all of one length: none.
    packet = b"\xff\x06\0"
    packets_per_page, samples = 255, 5_760
    total = round(hours * 3600 * 48_000 / samples / packets_per_page)
    start = checked([page([head], 0, 0, FIRST)]) + checked([page([tags], 0, 1)])
    body = [page([packet] * packets_per_page, (n + 1) * packets_per_page * samples, n + 2) for n in range(total)]
    return start + checked(body)


def many_streams(number: int) -> bytes:
    """So many Opus streams side by side, all of them only begun."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 48_000, 0, 0)
    return checked([page([head], 0, 0, FIRST, serial) for serial in range(number)]) + good()


def opus_of_channels(channels: int, family: int) -> bytes:
    """The good file, which says something else of its channels."""
    first, *others = pages_of(good())
    data = bytearray(first)
    place = data.index(b"OpusHead")
    data[place + 9], data[place + 18] = channels, family
    return checked([bytes(data)]) + b"".join(others)


def comment_of(vendor: int, number: int) -> bytes:
    """The good file with a comment header that lies about the length of its vendor and the number of its comments."""
    pages = list(pages_of(good()))
    tags = b"OpusTags" + struct.pack("<I", vendor) + b"abcd" + struct.pack("<I", number) + b"\xff" * 32
    return (
        pages[0] + checked([page([tags], 0, 1, serial=struct.unpack_from("<I", pages[0], 14)[0])]) + b"".join(pages[2:])
    )


FILES: dict[str, Callable[[], bytes]] = {
    "opus of 24 hours": lambda: opus_silence(24),
    "opus of 48 hours": lambda: opus_silence(48),
    "ogg that says 2^63 samples": lambda: with_granules(lambda number, position: 2**63 - 1),
    "ogg of negative positions": lambda: with_granules(lambda number, position: -position - 2),
    "ogg that runs backwards": lambda: with_granules(lambda number, position: 1_000_000 - position),
    "vorbis that says 2^63 samples": lambda: with_granules(lambda number, position: 2**63 - 1, "vorbis"),
    "vorbis that runs backwards": lambda: with_granules(lambda number, position: 1_000_000 - position, "vorbis"),
    "flac in ogg that says 2^63 samples": lambda: with_granules(lambda number, position: 2**63 - 1, "flac"),
    "ogg of 5,000 streams": lambda: many_streams(5_000),
    "ogg of headers only": lambda: b"".join(list(pages_of(good()))[:2]),
    "ogg of first pages only": lambda: next(pages_of(good())) * 5_000,
    "chained ogg at another rate": lambda: encoded("ogg", "vorbis", 1.0) + encoded("ogg", "vorbis", 1.0, rate=8_000),
    "chained ogg of other channels": lambda: good() + encoded("ogg", "libopus", 1.0, rate=48_000, layout="mono"),
    "chained ogg of another codec": lambda: good() + encoded("ogg", "vorbis", 1.0),
    "500 links of chained ogg": lambda: encoded("ogg", "libopus", 0.02, rate=48_000) * 500,
    "opus of 255 channels": lambda: opus_of_channels(255, 255),
    "opus of no channels": lambda: opus_of_channels(0, 0),
    "opus comment of 4 GB": lambda: comment_of(0xFFFFFFFF, 1),
    "opus of 4 billion comments": lambda: comment_of(4, 0xFFFFFFFF),
    "ogg of wrong checksums": lambda: b"".join(one[:CRC_AT] + b"evil" + one[CRC_AT + 4 :] for one in pages_of(good())),
    "ogg without its second page": lambda: b"".join(one for number, one in enumerate(pages_of(good())) if number != 1),
}
