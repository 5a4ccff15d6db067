"""From a file to frames of samples, believing nothing that the file says about itself."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError, PatchWelcomeError
from av.packet import Packet

from soundgraph.adapters.pyav.frames import reordered, settled_order
from soundgraph.adapters.pyav.protocol import Limits, Refused, Unfit
from soundgraph.adapters.pyav.sniff import Sniffed, sniff

COMPRESSED = {
    "mp3",
    "mp3float",
    "mp2",
    "mp2float",
    "aac",
    "alac",
    "flac",
    "vorbis",
    "opus",
    "adpcm_ms",
    "adpcm_ima_wav",
}
PCM = re.compile(r"pcm_([su](8|16|24|32)|f(32|64))(be|le)?|pcm_[am]ulaw|pcm_alaw")
CODECS = ",".join(sorted(COMPRESSED | {name for name in av.codecs_available if PCM.fullmatch(name)}))
PROTECTED_TAGS = {"drms", "enca"}
RATES = range(8_000, 192_001)
MAX_CHANNELS = 8
CORRUPT_PACKETS = 1_000
COMPLETE = 0.98
# Decoders may give a little more than the packets promise; an index that repeats them gives a hundred times as much.
EXCESS, EXCESS_SECONDS = 1.1, 10
# What encoders add before and after the audio and decoders take away again; in a short file it is over two percent.
PRIMING_SECONDS = 0.25
# FFmpeg looks into PCM for DTS in disguise, again and again as far as it may: within this it finds what there is.
WAV = {"max_size": "262144", "probesize": "262144"}
# What is done for each frame is done in Python: there are to be few.
FRAME_SAMPLES = 1 << 15


def refusal(stage: str, code: str, message: str) -> Unfit:
    """The end of a job for a reason that lies in the file; trying again cannot help."""
    return Unfit(Refused(stage, code, message))


@dataclass(frozen=True, slots=True)
class Source:
    """An opened file and the one audio stream of it that counts. `stated` is the header's duration in seconds.

    `order` says where in the file each channel is, unless they are in the order of their layout.
    """

    container: InputContainer
    stream: AudioStream
    stated: float | None
    order: tuple[int, ...] = ()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file with the demuxer that its bytes call for, and no other, and no decoder but those for audio.

    Raises Unfit: not_audio, no_audio, protected, unsupported_codec.
    """
    sniffed = sniff(path)
    if sniffed is None:
        raise refusal("probing", "not_audio", "This file is not in an audio format that we know.")
    try:
        # Its tags may be in any encoding.
        container = av.open(
            str(path), format=sniffed.demuxer, options=_options(sniffed), metadata_errors="surrogateescape"
        )
    except (FFmpegError, ValueError) as error:
        raise refusal("probing", "not_audio", "This file is damaged: not even its beginning can be read.") from error
    with container:
        stream = _audio_stream(container)
        stream.codec_context.thread_count = 1
        stated = _stated(container, stream) if sniffed.states_duration else sniffed.seconds
        yield Source(container, stream, stated, settled_order(stream.codec_context))


def _options(sniffed: Sniffed) -> dict[str, str]:
    pinned = {
        "protocol_whitelist": "file,pipe",
        "format_whitelist": sniffed.demuxer,
        "codec_whitelist": CODECS,
        "skip_initial_bytes": str(sniffed.offset),
    }
    return pinned | (WAV if sniffed.demuxer == "wav" else {})


def _audio_stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise refusal("probing", "no_audio", "There is no audio in this file.")
    best = container.streams.best("audio")
    stream = best if isinstance(best, AudioStream) else container.streams.audio[0]
    # A codec that this FFmpeg does not know has no context, whatever the annotation says.
    context = getattr(stream, "codec_context", None)
    if context is not None and _is_protected(context):
        raise refusal("probing", "protected", "This file is copy-protected. Upload one without protection.")
    if context is None or context.name not in CODECS.split(","):
        raise refusal("probing", "unsupported_codec", "The audio in this file is compressed in a way we do not know.")
    return stream


def _is_protected(context: AudioCodecContext) -> bool:
    try:
        return context.codec_tag in PROTECTED_TAGS
    except UnicodeDecodeError:
        # The tag is four bytes of the file, and need not be text.
        return False


def _stated(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    duration: int | None = container.duration
    return duration / av.time_base if duration else None


def too_long(limits: Limits, stage: str) -> Unfit:
    """The refusal of a file that lasts longer than allowed."""
    return refusal(stage, "too_long", f"This file is longer than {limits.max_duration / 3600:g} hours.")


def decoded(
    source: Source, measured: float, intact: Callable[["Packet[AudioStream]"], None] | None = None
) -> Iterator[AudioFrame]:
    """Its samples in long frames, all of the first one's format, layout and rate. Corrupt packets are left out.

    There is a budget for those. `measured` is how many seconds the packets add up to. Each packet that could be decoded
    is handed to `intact`. Raises Unfit(corrupt | unsupported_rate | unsupported_channels).
    """
    corrupt, seconds = 0, 0.0
    steady = _Steady()
    for packet in packets(source):
        try:
            frames = source.stream.decode(packet)
        except (FFmpegError, ValueError) as error:
            if isinstance(error, MemoryError):
                raise
            corrupt += 1
            if corrupt > CORRUPT_PACKETS:
                raise refusal("analysing", "corrupt", "Too much of this file is damaged.") from error
            continue
        for frame in frames:
            seconds += frame.samples / (frame.sample_rate or 1)
            if measured and seconds > EXCESS * measured + EXCESS_SECONDS:
                raise refusal("analysing", "corrupt", "This file gives more sound than it holds: its index is damaged.")
            steady.feed(reordered(frame, source.order))
        if steady.samples >= FRAME_SAMPLES:
            yield from steady.taken()
        if intact is not None and packet.size:
            intact(packet)
    yield from steady.rest()


def packets(source: Source) -> Iterator["Packet[AudioStream]"]:
    """Its packets up to where the container ends or breaks; what is missing then is missed by who counts samples.

    Raises Unfit(unsupported_codec) where a chained file goes on in a way that FFmpeg cannot follow.
    """
    all_packets = source.container.demux(source.stream)
    while True:
        try:
            packet = next(all_packets)
        except PatchWelcomeError as error:
            message = "This file changes its rate or its channels on the way, which we do not know how to play."
            raise refusal("probing", "unsupported_codec", message) from error
        except (StopIteration, FFmpegError) as error:
            if isinstance(error, MemoryError):
                raise
            return
        yield packet


class _Steady:
    """Files may change rate, layout or format on the way (chained Ogg); nothing behind this needs to know.

    It gathers samples, too, and gives them back in frames of one length, but for the last.
    """

    def __init__(self) -> None:
        self._fifo = AudioFifo()
        self._time_base: Fraction | None = None
        self._shape: tuple[str, str, int] | None = None
        self._odd_shape: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    @property
    def samples(self) -> int:
        """How many wait."""
        return self._fifo.samples if self._shape else 0

    def feed(self, frame: AudioFrame) -> None:
        """Add what a decoder gave."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._shape is None:
            _check_shape(frame)
            self._shape, self._time_base = shape, Fraction(1, frame.sample_rate)
        if self._resampler is not None and shape != self._odd_shape:
            self._end_of_oddness()
        if shape == self._shape:
            return self._keep(frame)
        if self._resampler is None:
            self._resampler, self._odd_shape = AudioResampler(*self._shape), shape
        frame.pts = None
        for one in self._resampler.resample(frame):
            self._keep(one)
        return None

    def taken(self) -> Iterator[AudioFrame]:
        """The long frames there are."""
        while (frame := self._fifo.read(FRAME_SAMPLES)) is not None:
            yield frame

    def rest(self) -> Iterator[AudioFrame]:
        """Everything."""
        self._end_of_oddness()
        yield from self.taken()
        if (frame := self._fifo.read()) is not None:
            yield frame

    def _keep(self, frame: AudioFrame) -> None:
        frame.pts, frame.time_base = None, self._time_base
        self._fifo.write(frame)

    def _end_of_oddness(self) -> None:
        if self._resampler is not None:
            resampler, self._resampler = self._resampler, None
            for one in resampler.resample(None):
                self._keep(one)


def _check_shape(frame: AudioFrame) -> None:
    if frame.sample_rate not in RATES:
        raise refusal("analysing", "unsupported_rate", "The sample rate must be between 8 and 192 kHz.")
    if not 1 <= frame.layout.nb_channels <= MAX_CHANNELS:
        raise refusal("analysing", "unsupported_channels", f"There may be at most {MAX_CHANNELS} channels.")


def check_complete(source: Source, *, seconds: float, measured: float) -> None:
    """Raise Unfit(not_audio | truncated | corrupt) unless `seconds` of decoded audio are enough."""
    if not seconds:
        raise refusal("analysing", "not_audio", "Nothing in this file could be decoded to sound.")
    if source.stated and seconds + PRIMING_SECONDS < COMPLETE * source.stated:
        found, stated = _clock(seconds), _clock(source.stated)
        raise refusal("analysing", "truncated", f"This file ends after {found}, but says it lasts {stated}.")
    if seconds + PRIMING_SECONDS < COMPLETE * measured:
        raise refusal("analysing", "corrupt", "Too much of this file is damaged.")


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
