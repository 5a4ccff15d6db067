"""What the worker and the child say to each other: limits as an argument, then one JSON message a line on stdout."""

import msgspec

MP3 = "mp3_128k"
AAC = "aac_160k"
OPUS = "opus_64k"
PREVIEW = "preview"

ORIGINAL_FILE = "original"
WAVEFORM_FILE = "waveform.json"
COVER_FILE = "cover"
AAC_INIT_FILE = "aac_160k/init.mp4"
# The file of each rendition, or the first of its files.
FILES = {MP3: "mp3_128k.mp3", AAC: AAC_INIT_FILE, OPUS: "opus_64k.webm", PREVIEW: "preview.mp3"}


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
    """Everything is decoded and `WAVEFORM_FILE` is complete; so is `COVER_FILE`, if there is a picture."""

    duration_ms: int
    sample_rate: int
    channels: int
    codec: str
    tags: dict[str, str]
    cover: bool


class Measured(msgspec.Struct, frozen=True, tag=True):
    """How loud it is: LUFS, LU and dBTP."""

    integrated_lufs: float
    range_lu: float
    true_peak_dbtp: float


class Gapless(msgspec.Struct, frozen=True):
    """What a decoder that trims nothing yields, in samples: first the delay, then the audio, then the padding."""

    encoder_delay: int
    padding: int
    samples: int


class Encoded(msgspec.Struct, frozen=True, tag=True):
    """A rendition is complete. `segments_ms` has the duration of each HLS segment and is empty for a single file."""

    name: str
    gapless: Gapless
    segments_ms: tuple[int, ...] = ()


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The file cannot be processed, and why; the fields are those of a Failure."""

    stage: str
    code: str
    message: str


class Unfit(Exception):
    """The end of a job for a reason that lies in the file: trying again cannot help."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


class NoRoom(msgspec.Struct, frozen=True, tag=True):
    """The scratch disk is full, which says nothing about the file."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The last word of a child that did all its work. Without it, the child died."""


Message = Probed | Advanced | Analysed | Measured | Encoded | Refused | NoRoom | Finished
