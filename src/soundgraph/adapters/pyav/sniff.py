"""What a file is, by its first bytes alone. Its name and its claims do not count."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

HEAD_BYTES = 64 << 10
MAX_ID3_TAGS = 16
MAX_WAV_CHUNKS = 256
UNKNOWN_SIZE = 0x7FFF_0000
# RFC 2361 and mmreg.h: how WAV samples are stored, the last of them saying so further on.
LINEAR, FLOATING, EXTENSIBLE = 1, 3, 0xFFFE
ISO_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}
MP3_TOTALS = re.compile(rb"Xing|Info|VBRI")

# ISO 11172-3 and 13818-3: kbit/s by bitrate index for (MPEG-1?, layer), and samples per frame.
BITRATES = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The one FFmpeg demuxer to open a file with, at which byte, and what its header says of the duration.

    The offset jumps over ID3v2 tags: FFmpeg's reader takes a minute for 100,000 frames (measured). What FFmpeg calls
    the duration is the header's word if `states_duration`; else a guess from the file's size, and for WAV, where
    FFmpeg always guesses, the header's word is `seconds`.
    """

    demuxer: str
    offset: int
    states_duration: bool
    seconds: float | None = None


def sniff(path: Path) -> Sniffed | None:
    """What the file is, or None if it is nothing that we play."""
    with path.open("rb") as file:
        offset = _after_id3(file)
        file.seek(offset)
        head = file.read(HEAD_BYTES)
        demuxer = identify(head)
        if demuxer is None:
            return None
        if demuxer == "wav":
            return Sniffed(demuxer, offset, states_duration=False, seconds=_wav_seconds(file, offset))
    states_duration = demuxer not in ("mp3", "aac", "ogg") or bool(
        demuxer == "mp3" and MP3_TOTALS.search(head, 0, 4096)
    )
    return Sniffed(demuxer, offset, states_duration)


def identify(head: bytes) -> str | None:
    """The demuxer for a file that begins like this, any ID3v2 tag apart."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] in ISO_BOXES:
        return "mov"
    for magic, demuxer in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1a\x45\xdf\xa3", "matroska")):
        if head.startswith(magic):
            return demuxer
    if len(head) >= 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 and (head[2] >> 2 & 15) < 13:
        return "aac"
    return "mp3" if _has_mpeg_frames(head) else None


def _after_id3(file: BinaryIO) -> int:
    """Where the audio begins: after any ID3v2 tags (id3.org, ID3v2.4 section 3.1)."""
    offset = 0
    for _ in range(MAX_ID3_TAGS):
        file.seek(offset)
        header = file.read(10)
        if len(header) < 10 or header[:3] != b"ID3" or any(byte & 0x80 for byte in header[6:]):
            break
        size = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        footer = 10 if header[5] & 0x10 else 0
        offset += 10 + size + footer
    return offset


def _wav_seconds(file: BinaryIO, offset: int) -> float | None:
    """What the header of a WAV file says, if it does. Recorders that cannot seek leave sizes beyond any upload's.

    Bytes per second are right where samples are whole bytes; for all else there is a count of samples, or nothing.
    """
    file.seek(offset)
    order: Literal["big", "little"] = "big" if file.read(12).startswith(b"RIFX") else "little"
    rate = bytes_per_second = count = 0
    for _ in range(MAX_WAV_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        name, size = header[:4], int.from_bytes(header[4:], order)
        if name == b"data":
            if bytes_per_second:
                return size / bytes_per_second if 0 < size < UNKNOWN_SIZE else None
            return count / rate if rate and 0 < count < UNKNOWN_SIZE else None
        wanted = {b"fmt ": 26, b"fact": 4}.get(name, 0)
        content = file.read(min(size, wanted))
        if name == b"fmt " and size >= 16:
            rate, said = int.from_bytes(content[4:8], order), int.from_bytes(content[8:12], order)
            bytes_per_second = said if _is_linear(content, order) else 0
        elif name == b"fact":
            count = int.from_bytes(content, order)
        file.seek(size - len(content) + size % 2, os.SEEK_CUR)
    return None


def _is_linear(fmt: bytes, order: Literal["big", "little"]) -> bool:
    """Whether a `fmt ` chunk is that of PCM or of floating samples."""
    kind = int.from_bytes(fmt[:2], order)
    return (int.from_bytes(fmt[24:26], order) if kind == EXTENSIBLE else kind) in (LINEAR, FLOATING)


def _has_mpeg_frames(head: bytes) -> bool:
    """Whether it begins with an MPEG audio frame, or has two in a row further on, as cuts from a radio stream do."""
    start = head.find(b"\xff")
    while start != -1:
        length = frame_length(head[start : start + 4])
        if length and (start == 0 or frame_length(head[start + length : start + length + 4])):
            return True
        start = head.find(b"\xff", start + 1)
    return False


def frame_length(header: bytes) -> int | None:
    """The bytes in the frame that this header opens, or None if it opens none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    bits_per_second = BITRATES[version == 3, layer][bitrate] * 1000
    if layer == 1:
        return (12 * bits_per_second // RATES[version][rate] + padding) * 4
    samples = 72 if layer == 3 and version != 3 else 144
    return samples * bits_per_second // RATES[version][rate] + padding
