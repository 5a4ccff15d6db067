"""What a file says about its music, read in a process of its own: `python -m soundgraph.adapters.pyav.tags`.

A tag may keep any reader busy for minutes, or exhaust its stack or memory; all that ends is this process.
"""

import base64
import os
import re
import resource
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from soundgraph.adapters.pyav.protocol import COVER_FILE, ORIGINAL_FILE
from soundgraph.adapters.pyav.sniff import sniff
from soundgraph.adapters.sandbox.restraint import die_with
from soundgraph.domain.tracks import MAX_IMAGE_BYTES

MODULE = "soundgraph.adapters.pyav.tags"
CPU_SECONDS = 5
# Long, for a machine that is busy; nothing waits for it but tags.
WALL_SECONDS = 30
ADDRESS_BYTES = 512 << 20
MAX_TAGS = 64
MAX_TAG_BYTES = 1 << 10
FRONT_COVER = 3

# Field by field: ID3v2 frames, Vorbis comments, MP4 atoms and what FFmpeg makes of others have names for the same.
NAMES = {
    "title": ("TIT2", "title", "\xa9nam"),
    "artist": ("TPE1", "artist", "\xa9ART"),
    "album": ("TALB", "album", "\xa9alb"),
    "genre": ("TCON", "genre", "\xa9gen"),
    "year": ("TDRC", "TYER", "date", "year", "date_released", "date_recorded", "\xa9day"),
    "bpm": ("TBPM", "bpm", "tmpo"),
    "isrc": ("TSRC", "isrc", "----:com.apple.iTunes:ISRC"),
    "comment": ("COMM", "comment", "TXXX:comment", "description", "\xa9cmt"),
}


class TagReading:
    """Reading the tags of the file in `directory`, meanwhile."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-P", "-m", MODULE, str(os.getpid())],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def result(self) -> tuple[dict[str, str], bool]:
        """The tags, and whether there is a picture in `COVER_FILE`. Nothing where reading failed or took too long."""
        try:
            said, _ = self._process.communicate(timeout=WALL_SECONDS)
            found = msgspec.json.decode(said, type=dict[str, str])
        except (subprocess.TimeoutExpired, msgspec.DecodeError):
            self.abandon()
            (self._directory / COVER_FILE).unlink(missing_ok=True)
            return {}, False
        return found, (self._directory / COVER_FILE).exists()

    def abandon(self) -> None:
        """End it."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()


def main() -> None:
    """Print the tags as JSON, and write the picture."""
    die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    files = readings(Path(ORIGINAL_FILE))
    found = [fields for file in files if (fields := fields_of(file.tags))]
    print(msgspec.json.encode(found[0] if found else {}).decode())
    picture = next((one for file in files if (one := picture_of(file)) is not None), None)
    if picture is not None and len(picture) <= MAX_IMAGE_BYTES:
        Path(COVER_FILE).write_bytes(picture)


def readings(path: Path) -> list[Any]:
    """What mutagen makes of a file: of the format that it is by its bytes, and of ID3v2 in front of any other."""
    # Its readers are what is slow to import, and what breaks.
    import mutagen
    from mutagen import aiff, flac, id3, mp3, mp4, oggflac, oggopus, oggtheora, oggvorbis, wave

    sniffed = sniff(path)
    if sniffed is None:
        return []
    kinds: dict[str, list[Any]] = {
        "wav": [wave.WAVE],
        "aiff": [aiff.AIFF],
        "flac": [flac.FLAC],
        "ogg": [oggvorbis.OggVorbis, oggopus.OggOpus, oggflac.OggFLAC, oggtheora.OggTheora],
        "mp3": [mp3.MP3],
        "mov": [mp4.MP4],
    }
    files = []
    for kind in [*kinds.get(sniffed.demuxer, []), *([id3.ID3FileType] if sniffed.offset else [])]:
        try:
            files.append(kind(path))
        except (mutagen.MutagenError, RecursionError, MemoryError, ValueError, OSError):
            continue
    return files


def fields_of_ffmpeg(format_name: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """The fields we know, of the metadata that FFmpeg found in a format; odd bytes are escaped in them."""
    texts = {name: _mended(text) for name, text in islice(metadata.items(), MAX_TAGS)}
    if format_name == "wav":
        # There it is where the sound is from (RIFF INFO, "source").
        texts.pop("ISRC", None)
    return fields_of(texts)


def _mended(text: str) -> str:
    """Text of which the bytes were thought to be UTF-8. Where they are not, they are what Windows writes."""
    data = text[:MAX_TAG_BYTES].encode(errors="surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def fields_of(tags: Any) -> dict[str, str]:
    """The fields we know, of a mapping from names to what a format has for values."""
    keys = list(tags.keys())[:MAX_TAGS] if tags is not None else []
    found: dict[str, str] = {}
    for field, names in NAMES.items():
        wanted = [key for name in names for key in keys if name.lower() in (key.lower(), key.partition(":")[0].lower())]
        text = next((text for key in wanted if (text := cleaned(tags[key]))), "")
        if text:
            found[field] = text[:4] if field == "year" else text
    return found


def cleaned(value: Any) -> str:
    """The first text in a tag, without controls and direction marks, of at most a kilobyte."""
    # ID3 may give genres as numbers, for which there is a list of names.
    value = getattr(value, "genres", None) or getattr(value, "text", value)
    if isinstance(value, list):
        value = value[0] if value else ""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = re.sub(r"\s+", " ", text[:MAX_TAG_BYTES]).strip()
    shown = "".join(one for one in text if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co"))
    return shown.encode()[:MAX_TAG_BYTES].decode(errors="ignore")


def picture_of(file: Any) -> bytes | None:
    """The front cover, or else the first picture."""
    pictures = sorted(_pictures(file), key=lambda one: one[0] != FRONT_COVER)
    return pictures[0][1] if pictures else None


def _pictures(file: Any) -> Iterator[tuple[int, bytes]]:
    tags = getattr(file, "tags", None)
    for picture in getattr(file, "pictures", ()):
        yield picture.type, bytes(picture.data)
    if tags is None:
        return
    for key in list(tags.keys())[:MAX_TAGS]:
        if key.startswith("APIC"):
            yield tags[key].type, bytes(tags[key].data)
        elif key == "covr":
            yield from ((FRONT_COVER, bytes(one)) for one in tags[key])
        elif key == "metadata_block_picture":
            yield from map(_decoded_picture, tags[key])


def _decoded_picture(text: str) -> tuple[int, bytes]:
    from mutagen.flac import Picture

    picture: Any = Picture(base64.b64decode(text))
    return picture.type, bytes(picture.data)


if __name__ == "__main__":
    main()
