"""Progressive MP3 files, whose first frame says how long they are, where to seek, and what to cut off.

Source of that frame: http://gabriel.mp3-tech.org/mp3infotag.html
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from soundgraph.adapters.pyav.crc import crc16
from soundgraph.adapters.pyav.protocol import Gapless
from soundgraph.adapters.pyav.sniff import frame_length

FRAME_SAMPLES = 1152
# Every decoder delays by so much, and takes it off again where a header names the encoder's own delay.
DECODER_DELAY = 529
MAX_TRIM = 4095
LAME_VERSION = b"LAME3.100"
CRC_PIECE_BYTES = 1 << 22
RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True, slots=True)
class Header:
    """What the first frame of an MP3 says: where it ends, and the encoder's delay in samples, if it says so."""

    end: int
    delay: int | None


def read_header(head: bytes) -> Header | None:
    """The header in a file's first frame, if that is one."""
    length = frame_length(head[:4])
    if length is None or head[1] >> 1 & 1 == 0:
        return None
    at = 4 + _side_info(head)
    if head[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(head[at + 4 : at + 8])
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    if head[lame : lame + 4] not in (b"LAME", b"Lavf", b"Lavc"):
        return Header(length, None)
    return Header(length, int.from_bytes(head[lame + 21 : lame + 24]) >> 12)


def _side_info(frame: bytes) -> int:
    return 17 if frame[3] >> 6 == 3 else 32


class Mp3File:
    """Takes frames of MPEG-1 layer III at `rate` hertz as they come."""

    def __init__(self, path: Path, rate: int) -> None:
        self._file: BinaryIO = path.open("w+b")
        # Frames at 128 kbit/s have room for everything.
        self._head_bytes = 144 * 128_000 // rate
        self._rate = rate
        self._file.write(bytes(self._head_bytes))

    def write(self, frames: bytes) -> None:
        """Add what follows; it need not end where a frame does."""
        self._file.write(frames)

    def close(self) -> None:
        """Leave it as it is."""
        self._file.close()

    def finish(self, samples: int, delay: int) -> Gapless:
        """Complete it, for `samples` of audio after a `delay` that its decoder's own is part of. Both per channel."""
        offsets, first, size = self._frames()
        trimmed = Gapless(delay, max(0, len(offsets) * FRAME_SAMPLES - delay - samples), samples)
        header = self._header(offsets, first, size, trimmed)
        self._file.seek(0)
        self._file.write(header)
        self._file.close()
        return trimmed

    def _frames(self) -> tuple[list[int], bytes, int]:
        """Where frames begin, the first one's header, and the file's size."""
        size = self._file.seek(0, 2)
        offsets: list[int] = []
        at, first = self._head_bytes, b""
        while at < size:
            self._file.seek(at)
            head = self._file.read(4)
            first = first or head
            offsets.append(at)
            at += frame_length(head) or size
        return offsets, first, size

    def _header(self, offsets: list[int], first: bytes, size: int, trimmed: Gapless) -> bytes:
        rate_bits = RATES.index(self._rate) << 2
        head = bytes([0xFF, 0xFB, 9 << 4 | rate_bits, first[3]])
        places = [offsets[percent * len(offsets) // 100] * 256 // size for percent in range(100)]
        info = struct.pack(">4sIII100sI", b"Info", 15, len(offsets), size, bytes(places), 0)
        content = head + bytes(_side_info(head)) + info
        if trimmed.encoder_delay < DECODER_DELAY:
            # Players would cut off the decoder's delay at least.
            return content.ljust(self._head_bytes, b"\0")
        trim = trimmed.encoder_delay - DECODER_DELAY << 12 | min(MAX_TRIM, trimmed.padding + DECODER_DELAY)
        lame = LAME_VERSION + b"\1" + bytes(10) + bytes([128]) + trim.to_bytes(3) + bytes(4)
        content += lame + struct.pack(">IH", size, self._music_crc())
        return (content + crc16(content).to_bytes(2)).ljust(self._head_bytes, b"\0")

    def _music_crc(self) -> int:
        crc = 0
        self._file.seek(self._head_bytes)
        while piece := self._file.read(CRC_PIECE_BYTES):
            crc = crc16(piece, crc)
        return crc
