"""Audio that would not gain from being encoded again: its packets go as they are into the files of a rendition."""

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from soundgraph.adapters.pyav.decode import Source
from soundgraph.adapters.pyav.encode import AAC_FRAME, PLAYLIST_FILE, open_hls, segment_durations
from soundgraph.adapters.pyav.mp3 import DECODER_DELAY, Mp3File, read_header
from soundgraph.adapters.pyav.probe import Probe
from soundgraph.adapters.pyav.protocol import AAC, FILES, MP3, ORIGINAL_FILE, Encoded, Gapless
from soundgraph.adapters.pyav.sniff import HEAD_BYTES, sniff

TARGETS = {MP3: 128_000, AAC: 160_000}
# Encoders miss the rate that they are asked for by so much.
TOLERANCE = 1.03


class Copy(ABC):
    """One rendition in the making, of packets that could be decoded."""

    name: str

    @abstractmethod
    def take(self, packet: "Packet[AudioStream]") -> None:
        """The next one. It is of no use to anyone else afterwards."""

    @abstractmethod
    def finish(self, samples: int) -> Encoded:
        """Complete the files; so many samples came out of the packets that were taken."""


def copyable(source: Source, probe: Probe) -> str | None:
    """The name of the rendition that a file is already, if it is one."""
    context = source.stream.codec_context
    codec, rate = context.codec.canonical_name, context.sample_rate
    if codec not in ("mp3", "aac") or context.layout.nb_channels > 2 or probe.discarded:
        return None
    name = MP3 if codec == "mp3" else AAC
    if probe.bits_per_second > TARGETS[name] * TOLERANCE or rate not in (44_100, 48_000):
        return None
    if name == MP3:
        return MP3 if source.container.format.name == "mp3" else None
    plain = context.profile == "LC" and context.frame_size == AAC_FRAME
    described = context.extradata is not None or source.container.format.name == "aac"
    return AAC if plain and described and probe.steady else None


def copy_of(source: Source, name: str, directory: Path) -> Copy:
    """What makes the rendition of that name of the packets of `source`."""
    return Mp3Copy(directory, source.stream.codec_context.sample_rate) if name == MP3 else AacCopy(source, directory)


class Mp3Copy(Copy):
    """Frames of MPEG-1 layer III, with a header of our own."""

    def __init__(self, directory: Path, rate: int) -> None:
        self.name = MP3
        original = directory / ORIGINAL_FILE
        sniffed = sniff(original)
        with original.open("rb") as file:
            file.seek(sniffed.offset if sniffed else 0)
            header = read_header(file.read(HEAD_BYTES))
        self._delay = 0 if header is None or header.delay is None else header.delay + DECODER_DELAY
        self._file = Mp3File(directory / FILES[MP3], rate)

    def take(self, packet: "Packet[AudioStream]") -> None:
        self._file.write(bytes(packet))

    def finish(self, samples: int) -> Encoded:
        return Encoded(self.name, self._file.finish(samples, self._delay))


class AacCopy(Copy):
    """AAC-LC as HLS. Where time is not counted in samples, the packets count: none is missing between two."""

    def __init__(self, source: Source, directory: Path) -> None:
        self.name = AAC
        self._container = open_hls(directory)
        self._stream = self._container.add_stream_from_template(source.stream)
        self._unframed: BitStreamFilterContext | None = None
        if source.container.format.name == "aac":
            # Its frames have headers, which become one description in front of all.
            self._unframed = BitStreamFilterContext("aac_adtstoasc", source.stream, self._stream)
        self._sample = Fraction(1, source.stream.codec_context.sample_rate)
        self._counted_in_samples = source.stream.time_base == self._sample
        self._playlist = directory / PLAYLIST_FILE
        self._delay: int | None = None
        self._packets = 0

    def take(self, packet: "Packet[AudioStream]") -> None:
        if self._delay is None:
            self._delay = max(0, -(packet.pts or 0)) if self._counted_in_samples else _skipped(packet)
        for one in [packet] if self._unframed is None else self._unframed.filter(packet):
            if not self._counted_in_samples:
                one.pts = one.dts = self._packets * AAC_FRAME - self._delay
                one.duration, one.time_base = AAC_FRAME, self._sample
            self._packets += 1
            one.stream = self._stream
            self._container.mux(one)

    def finish(self, samples: int) -> Encoded:
        self._container.close()
        delay = self._delay or 0
        padding = max(0, self._packets * AAC_FRAME - delay - samples)
        return Encoded(self.name, Gapless(delay, padding, samples), segment_durations(self._playlist))


def _skipped(packet: "Packet[AudioStream]") -> int:
    """How many samples of a packet decoders are to leave out at its beginning."""
    if not packet.has_sidedata("skip_samples"):
        return 0
    return int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
