"""WAV and AIFF files whose headers lie."""

import struct
from collections.abc import Callable

from tests.audio import wav_bytes

SECOND = wav_bytes(1)[44:]
PCM, FLOAT, MS_ADPCM, IMA_ADPCM, EXTENSIBLE = 1, 3, 2, 0x11, 0xFFFE
PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk that says it has `size` bytes."""
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def fmt(
    tag: int = PCM,
    channels: int = 2,
    rate: int = 44_100,
    *,
    bytes_per_second: int = 176_400,
    block: int = 4,
    bits: int = 16,
    extra: bytes | None = None,
) -> bytes:
    """A `fmt ` chunk with these fields, whether they fit together or not."""
    extension = b"" if extra is None else struct.pack("<H", len(extra)) + extra
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, bytes_per_second, block, bits) + extension)


def wav(*chunks: bytes, size: int | None = None, form: bytes = b"RIFF") -> bytes:
    """A file of these chunks that says it has `size` bytes."""
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if size is None else size) + body


def extensible(*, valid_bits: int = 16, mask: int = 3, guid: bytes = PCM_GUID) -> bytes:
    """A second of sound under WAVE_FORMAT_EXTENSIBLE."""
    return wav(fmt(EXTENSIBLE, extra=struct.pack("<HI", valid_bits, mask) + guid), chunk(b"data", SECOND))


def aiff(
    *, frames: int = 44_100, channels: int = 2, bits: int = 16, rate: str = "400eac44000000000000", kind: bytes = b""
) -> bytes:
    """A second of sound behind a COMM chunk with these fields; `rate` is an 80-bit float in hex; `kind` is AIFF-C's."""
    comm = struct.pack(">hIh", channels, frames, bits) + bytes.fromhex(rate) + (kind + b"\0\0" if kind else b"")
    body = (b"AIFC" if kind else b"AIFF") + b"COMM" + struct.pack(">I", len(comm)) + comm
    body += b"SSND" + struct.pack(">III", len(SECOND) + 8, 0, 0) + SECOND
    return b"FORM" + struct.pack(">I", len(body)) + body


def samples_that_are_no_numbers() -> bytes:
    """NaN, infinity, denormals and what is far beyond full scale, for a second."""
    odd = [float("nan"), float("inf"), float("-inf"), 1e-45, 3e38, -3e38, 0.0, -0.0]
    data = struct.pack("<8f", *odd) * 11_025
    return wav(fmt(FLOAT, bytes_per_second=352_800, block=8, bits=32), chunk(b"data", data))


def doubles_beyond_singles() -> bytes:
    """64-bit samples of which no 32-bit one can hold any."""
    data = struct.pack("<4d", 1e308, -1e308, 5e-324, float("nan")) * 22_050
    return wav(fmt(FLOAT, bytes_per_second=705_600, block=16, bits=64), chunk(b"data", data))


def ds64(data_size: int) -> bytes:
    """An RF64 file whose 64-bit size is this."""
    sizes = chunk(b"ds64", struct.pack("<QQQI", 2**63 - 1, data_size, data_size // 4, 0))
    return wav(sizes, fmt(), chunk(b"data", SECOND, 0xFFFFFFFF), size=0xFFFFFFFF, form=b"RF64")


FILES: dict[str, Callable[[], bytes]] = {
    "wav of data size 0": lambda: wav(fmt(), chunk(b"data", SECOND, 0)),
    "wav of 4 GB": lambda: wav(fmt(), chunk(b"data", SECOND, 0xFFFFFFFF)),
    "wav of 2 GB": lambda: wav(fmt(), chunk(b"data", SECOND, 0x7FFEFFFF)),
    "wav of negative size": lambda: wav(fmt(), chunk(b"data", SECOND, 0x80000000), size=0x80000000),
    "wav at 0 Hz": lambda: wav(fmt(rate=0, bytes_per_second=0), chunk(b"data", SECOND)),
    "wav at 1 Hz": lambda: wav(fmt(rate=1, bytes_per_second=4), chunk(b"data", SECOND)),
    "wav at 4 GHz": lambda: wav(fmt(rate=0xFFFFFFFF, bytes_per_second=0xFFFFFFFF), chunk(b"data", SECOND)),
    "wav of no channels": lambda: wav(fmt(channels=0, block=0), chunk(b"data", SECOND)),
    "wav of nine channels": lambda: wav_bytes(1, channels=9),
    "wav of 65535 channels": lambda: wav(fmt(channels=65_535, block=65_535), chunk(b"data", SECOND)),
    "wav of blocks of no bytes": lambda: wav(fmt(block=0), chunk(b"data", SECOND)),
    "wav of no bits": lambda: wav(fmt(bits=0), chunk(b"data", SECOND)),
    "wav of 65535 bits": lambda: wav(fmt(bits=65_535), chunk(b"data", SECOND)),
    "wav of no byte per second": lambda: wav(fmt(bytes_per_second=0), chunk(b"data", SECOND)),
    "wav without a format": lambda: wav(chunk(b"data", SECOND)),
    "wav with its format after the data": lambda: wav(chunk(b"data", SECOND), fmt()),
    "wav of two formats": lambda: wav(fmt(), fmt(channels=8, rate=192_000, block=16), chunk(b"data", SECOND)),
    "wav with a format of 4 GB": lambda: wav(chunk(b"fmt ", fmt()[8:], 0xFFFFFFF0), chunk(b"data", SECOND)),
    "wav with 200,000 chunks": lambda: wav(fmt(), *[chunk(b"junk", b"")] * 200_000, chunk(b"data", SECOND)),
    "wav with a list that lies": lambda: wav(
        fmt(), chunk(b"LIST", b"INFOINAM" + b"\xff" * 4, 12), chunk(b"data", SECOND)
    ),
    "wav with a broadcast chunk that lies": lambda: wav(fmt(), chunk(b"bext", b"\xff" * 602), chunk(b"data", SECOND)),
    "wav with 10,000 cue points": lambda: wav(
        fmt(), chunk(b"cue ", struct.pack("<I", 0xFFFFFFFF) + b"\xff" * 240_000), chunk(b"data", SECOND)
    ),
    "wav of 2^63 bytes": lambda: ds64(2**63 - 1),
    "wav of negative 64-bit size": lambda: ds64(2**64 - 1),
    "ms adpcm of blocks of no bytes": lambda: wav(
        fmt(MS_ADPCM, block=0, bits=4, extra=bytes(32)), chunk(b"data", SECOND)
    ),
    "ima adpcm of blocks of no bytes": lambda: wav(
        fmt(IMA_ADPCM, block=0, bits=4, extra=bytes(2)), chunk(b"data", SECOND)
    ),
    "ima adpcm of one-byte blocks": lambda: wav(
        fmt(IMA_ADPCM, block=1, bits=4, extra=b"\xff\xff"), chunk(b"data", SECOND)
    ),
    "extensible wav of an unknown kind": lambda: extensible(guid=bytes(range(16))),
    "extensible wav of every speaker": lambda: extensible(mask=0xFFFFFFFF),
    "extensible wav of 999 valid bits": lambda: extensible(valid_bits=999),
    "extensible wav cut short": lambda: wav(fmt(EXTENSIBLE, extra=b""), chunk(b"data", SECOND)),
    "mp3 that says it is an extensible wav": lambda: wav(fmt(0x55, extra=bytes(12)), chunk(b"data", SECOND)),
    "aiff of 2^32 frames": lambda: aiff(frames=0xFFFFFFFF),
    "aiff of no frames": lambda: aiff(frames=0),
    "aiff of no channels": lambda: aiff(channels=0),
    "aiff of -1 channels": lambda: aiff(channels=-1),
    "aiff of 255 bits": lambda: aiff(bits=255),
    "aiff at no rate": lambda: aiff(rate="7fff" + "ff" * 8),
    "aiff at a negative rate": lambda: aiff(rate="c00eac44000000000000"),
    "aiff at a rate beyond all numbers": lambda: aiff(rate="7ffeffffffffffffffff"),
    "aiff-c of an unknown kind": lambda: aiff(kind=b"evil"),
    "samples that are no numbers": samples_that_are_no_numbers,
    "doubles beyond singles": doubles_beyond_singles,
}
