"""What the worker and the child say to each other: limits as an argument, then one JSON message a line on stdout."""

import msgspec

MP3 = "mp3_128k"
AAC = "aac_160k"

ORIGINAL_FILE = "original"
WAVEFORM_FILE = "waveform.json"
MP3_FILE = "mp3_128k.mp3"
AAC_INIT_FILE = "aac_160k/init.mp4"


def aac_segment_file(number: int) -> str:
    """The file, and the end of the key, of one HLS segment, counted from 0."""
    return f"aac_160k/seg-{number:05d}.m4s"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one file may cost. Times are in seconds, sizes in bytes.

    Until the duration is known a child has the base times; then the base again and the factor times the duration.
    Resident memory is what the worker watches; the address space is a kernel limit far above it, for a smaller one
    cannot even load numpy and FFmpeg.
    """

    max_duration: float = 6 * 3600
    wall_base: float = 120
    wall_factor: float = 1.0
    cpu_base: int = 60
    cpu_factor: float = 0.5
    resident_bytes: int = 512 << 20
    address_bytes: int = 2 << 30
    file_bytes: int = 512 << 20
    open_files: int = 64


class Job(msgspec.Struct, frozen=True):
    """The child's only argument. It ends itself when `parent`, a process id, is not its parent any more."""

    parent: int
    limits: Limits


class Probed(msgspec.Struct, frozen=True, tag=True):
    """The packets of the file add up to this many seconds."""

    duration: float


class Advanced(msgspec.Struct, frozen=True, tag=True):
    """How far it is, in percent of the whole."""

    stage: str
    percent: int


class Analysed(msgspec.Struct, frozen=True, tag=True):
    """Everything is decoded and `WAVEFORM_FILE` is complete."""

    duration_ms: int
    sample_rate: int
    channels: int
    codec: str


class Encoded(msgspec.Struct, frozen=True, tag=True):
    """A rendition is complete. `segments_ms` has the duration of each HLS segment and is empty for a single file."""

    name: str
    segments_ms: tuple[int, ...] = ()


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The file cannot be processed, and why; the fields are those of a Failure."""

    stage: str
    code: str
    message: str


class NoRoom(msgspec.Struct, frozen=True, tag=True):
    """The scratch disk is full, which says nothing about the file."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The last word of a child that did all its work. Without it, the child died."""


Message = Probed | Advanced | Analysed | Encoded | Refused | NoRoom | Finished
