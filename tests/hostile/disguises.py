"""What is no audio and pretends to be, is two things at once, or is nothing at all."""

import gzip
import io
import zipfile
from collections.abc import Callable

import numpy as np
from tests.audio import encoded, wav_bytes
from tests.hostile import mpeg, mpeg4, riff

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://127.0.0.1/)>>>>endobj\n"
HTML = b"<!doctype html><script>fetch('http://127.0.0.1/')</script>"


def zipped(data: bytes, name: str = "song.wav") -> bytes:
    """In an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def with_zeros(data: bytes) -> bytes:
    """With a hole in the middle."""
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


FILES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\xff",
    "text": lambda: b"This is not a song.\n" * 500,
    "zeros": lambda: bytes(1 << 20),
    "random": lambda: np.random.default_rng(7).bytes(300_000),
    "zip": lambda: zipped(wav_bytes(1)),
    "zip with an evil name": lambda: zipped(wav_bytes(1), "../../../../etc/passwd"),
    "gzip that swells to 64 MB": lambda: gzip.compress(bytes(64 << 20)),
    "svg": lambda: mpeg.SVG,
    "html": lambda: HTML * 100,
    "elf": lambda: b"\x7fELF\x02\x01\x01" + bytes(4_000),
    "mp3 that is a pdf too": lambda: PDF + mpeg.good(),
    "mp3 that is a page too": lambda: HTML + mpeg.good(),
    "mp3 that is a zip too": lambda: mpeg.good() + zipped(b"MZ" * 100, "run.exe"),
    "mp3 with a page in its tag": lambda: mpeg.id3(mpeg.frame(b"TIT2", b"\0" + HTML)) + mpeg.good(),
    "wav that is an mp3 too": lambda: riff.wav(riff.fmt(), riff.chunk(b"data", mpeg.good())),
    "wav that is an m4a too": lambda: wav_bytes(1) + mpeg4.good(),
    "only a wav header": lambda: wav_bytes(0),
    "half a wav": lambda: (data := wav_bytes(4))[: len(data) // 2],
    "m4a with a hole": lambda: with_zeros(encoded("ipod", "aac", 4.0)),
    "half a vorbis": lambda: (data := encoded("ogg", "vorbis", 4.0))[: len(data) // 2],
    "half an aiff": lambda: (data := encoded("aiff", "pcm_s16be", 4.0))[: len(data) // 2],
    "half a webm": lambda: (data := encoded("webm", "libopus", 4.0, rate=48_000))[: len(data) // 2],
}
