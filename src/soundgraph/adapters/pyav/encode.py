"""The encoders, each in a thread of its own: they work without the GIL, so they run side by side."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Full, Queue

import av
import lameenc
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from soundgraph.adapters.pyav.mix import Block
from soundgraph.adapters.pyav.mp3 import DECODER_DELAY, Mp3File
from soundgraph.adapters.pyav.protocol import AAC, AAC_INIT_FILE, MP3, Encoded, Gapless

QUEUED_BLOCKS = 8
SEGMENT_SECONDS = 6
PLAYLIST_FILE = "aac_160k/index.m3u8"
SEGMENT_PATTERN = "aac_160k/seg-%05d.m4s"
AAC_FRAME, AAC_DELAY = 1024, 1024
# At this rate it masks its noise better than the default coder, and takes less than half as long (decision 6).
AAC_OPTIONS: dict[str, object] = {"aac_coder": "fast"}
LAME_DELAY = 576
# What LAME recommends (`-h`); of 0 to 9, less is more.
LAME_QUALITY = 2


class Form(ABC):
    """One rendition in the making, of blocks at `rate` hertz."""

    name: str
    rate: int

    @abstractmethod
    def write(self, block: Block) -> None:
        """Encode more."""

    @abstractmethod
    def finish(self) -> Encoded:
        """Complete the files."""


class Mp3(Form):
    """MP3 by LAME itself, three times as fast as the one in PyAV's wheel (measured)."""

    def __init__(self, path: Path, rate: int, *, name: str = MP3) -> None:
        self.name, self.rate = name, rate
        self._file = Mp3File(path, rate)
        self._samples = 0
        self._lame = lameenc.Encoder()
        self._lame.silence()
        self._lame.set_channels(2)
        self._lame.set_bit_rate(128)
        self._lame.set_in_sample_rate(rate)
        self._lame.set_out_sample_rate(rate)
        self._lame.set_quality(LAME_QUALITY)

    def write(self, block: Block) -> None:
        self._samples += block.shape[1]
        self._file.write(self._lame.encode(np.rint(block.T * 32_767.0).astype("<i2").tobytes()))

    def finish(self) -> Encoded:
        self._file.write(self._lame.flush())
        return Encoded(self.name, self._file.finish(self._samples, LAME_DELAY + DECODER_DELAY))


class Aac(Form):
    """AAC-LC as HLS with fMP4 segments."""

    name = AAC

    def __init__(self, directory: Path, rate: int) -> None:
        self.rate = rate
        self._container = open_hls(directory)
        self._stream = self._container.add_stream("aac", rate=rate, layout="stereo")
        self._stream.bit_rate = 160_000
        self._stream.options = AAC_OPTIONS
        self._playlist = directory / PLAYLIST_FILE
        self._samples = self._packets = 0

    def write(self, block: Block) -> None:
        # The encoder takes its references from the frame; a frame shared by two raises EINVAL, an array does not.
        frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = self.rate, self._samples
        self._samples += frame.samples
        self._mux(self._stream.encode(frame))

    def finish(self) -> Encoded:
        self._mux(self._stream.encode(None))
        self._container.close()
        padding = self._packets * AAC_FRAME - AAC_DELAY - self._samples
        return Encoded(self.name, Gapless(AAC_DELAY, padding, self._samples), segment_durations(self._playlist))

    def _mux(self, packets: "list[Packet[AudioStream]]") -> None:
        self._packets += len(packets)
        self._container.mux(packets)


def open_hls(directory: Path) -> OutputContainer:
    """A container that becomes an fMP4 initialisation section and segments below `directory`."""
    (directory / AAC_INIT_FILE).parent.mkdir()
    options = {
        "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": Path(AAC_INIT_FILE).name,
        "hls_segment_filename": str(directory / SEGMENT_PATTERN),
        "hls_time": str(SEGMENT_SECONDS),
        "hls_playlist_type": "vod",
        "hls_list_size": "0",
    }
    return av.open(str(directory / PLAYLIST_FILE), "w", format="hls", options=options)


def segment_durations(playlist: Path) -> tuple[int, ...]:
    """The `#EXTINF` durations of an HLS playlist, in milliseconds (RFC 8216, section 4.3.2.1)."""
    return tuple(round(float(found) * 1000) for found in re.findall(r"#EXTINF:([\d.]+)", playlist.read_text()))


class Encoder:
    """A thread runs `run`; another one feeds it, never more than a few blocks ahead."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._queue: Queue[Block | None] = Queue(QUEUED_BLOCKS)
        self._aborted = False

    def run(self, announce: Callable[[Encoded], None]) -> None:
        """Encode until the end of input, then announce the rendition."""
        while (block := self._queue.get()) is not None:
            self.form.write(block)
        if not self._aborted:
            announce(self.form.finish())

    def feed(self, block: Block | None, *, broken: Callable[[], bool]) -> None:
        """Queue a block, or None for the end of input. Waits for room, but not for a thread that is `broken`."""
        while not broken():
            try:
                return self._queue.put(block, timeout=0.2)
            except Full:
                continue
        return None

    def abort(self) -> None:
        """Let the thread end soon, its files incomplete."""
        self._aborted = True
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                break
        self._queue.put(None)


class Encoders:
    """Encoders at work. What goes wrong in a thread is raised here; leaving by an exception completes nothing."""

    def __init__(self, forms: list[Form], announce: Callable[[Encoded], None]) -> None:
        self._pool = ThreadPoolExecutor(max(1, len(forms)))
        encoders = [Encoder(form) for form in forms]
        self._running = [(encoder, self._pool.submit(encoder.run, announce)) for encoder in encoders]

    def __enter__(self) -> "Encoders":
        return self

    def __exit__(self, failed: type[BaseException] | None, *rest: object) -> None:
        if failed is not None:
            self.abort()
        self._pool.shutdown()

    def feed(self, rate: int, block: Block) -> None:
        """Hand a block to those that encode at `rate` hertz."""
        for encoder, future in self._running:
            if encoder.form.rate == rate:
                encoder.feed(block, broken=future.done)
                if future.done():
                    future.result()

    def feed_all(self, rate: int, blocks: Iterable[Block]) -> None:
        """Hand on several."""
        for block in blocks:
            self.feed(rate, block)

    def abort(self) -> None:
        """Complete nothing."""
        for encoder, _ in self._running:
            encoder.abort()

    def finish(self) -> None:
        """Wait until every rendition is complete."""
        for encoder, future in self._running:
            encoder.feed(None, broken=future.done)
        for _, future in self._running:
            future.result()
