"""The encoders, each in a thread of its own: FFmpeg works without the GIL, so they run side by side."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Full, Queue

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from soundgraph.adapters.pyav.mix import Block
from soundgraph.adapters.pyav.protocol import AAC, AAC_INIT_FILE, MP3, MP3_FILE, Encoded

QUEUED_BLOCKS = 8
SEGMENT_SECONDS = 6
# LAME at its default takes twice the time of level 7 (measured), and most of the job's.
LAME_EFFORT = "7"
PLAYLIST_FILE = "aac_160k/index.m3u8"
SEGMENT_PATTERN = "aac_160k/seg-%05d.m4s"


class Encoder:
    """One rendition in the making. A thread runs `run`; another one feeds it, never more than a few blocks ahead."""

    def __init__(
        self, container: OutputContainer, stream: AudioStream, rate: int, finished: Callable[[], None]
    ) -> None:
        self._container = container
        self._stream = stream
        self._rate = rate
        self._finished = finished
        self._queue: Queue[Block | None] = Queue(QUEUED_BLOCKS)
        self._aborted = False

    def run(self) -> None:
        """Encode until the end of input, complete the files, then call `finished`."""
        position = 0
        while (block := self._queue.get()) is not None:
            # The encoder takes its references from the frame; a frame shared by two raises EINVAL, an array does not.
            frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = self._rate, position
            position += frame.samples
            self._container.mux(self._stream.encode(frame))
        if self._aborted:
            return
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._finished()

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
    """All renditions, fed with the same blocks. What went wrong in a thread is raised here."""

    def __init__(self, encoders: list[Encoder], pool: ThreadPoolExecutor) -> None:
        self._running = [(encoder, pool.submit(encoder.run)) for encoder in encoders]

    def feed(self, block: Block | None) -> None:
        """Hand on a block; None ends the input."""
        for encoder, future in self._running:
            encoder.feed(block, broken=future.done)
            if block is not None and future.done():
                future.result()

    def finish(self) -> None:
        """Wait until every rendition is complete."""
        self.feed(None)
        for _, future in self._running:
            future.result()

    def abort(self) -> None:
        """Stop without completing anything."""
        for encoder, _ in self._running:
            encoder.abort()


@contextmanager
def encoding(directory: Path, rate: int, announce: Callable[[Encoded], None]) -> Iterator[Encoders]:
    """Both renditions of stereo audio at `rate` hertz, each announced when its files below `directory` are complete."""
    mp3_container, mp3_stream = _open_mp3(directory, rate)
    aac_container, aac_stream = _open_aac(directory, rate)
    playlist = directory / PLAYLIST_FILE
    with ThreadPoolExecutor(2) as pool:
        encoders = Encoders(
            [
                Encoder(mp3_container, mp3_stream, rate, lambda: announce(Encoded(MP3))),
                Encoder(aac_container, aac_stream, rate, lambda: announce(Encoded(AAC, segment_durations(playlist)))),
            ],
            pool,
        )
        try:
            yield encoders
        except BaseException:
            encoders.abort()
            raise


def segment_durations(playlist: Path) -> tuple[int, ...]:
    """The `#EXTINF` durations of an HLS playlist, in milliseconds (RFC 8216, section 4.3.2.1)."""
    return tuple(round(float(found) * 1000) for found in re.findall(r"#EXTINF:([\d.]+)", playlist.read_text()))


def _open_mp3(directory: Path, rate: int) -> tuple[OutputContainer, AudioStream]:
    container = av.open(str(directory / MP3_FILE), "w", format="mp3", options={"id3v2_version": "0", "write_xing": "1"})
    stream = container.add_stream("libmp3lame", rate=rate, layout="stereo", options={"compression_level": LAME_EFFORT})
    stream.bit_rate = 128_000
    return container, stream


def _open_aac(directory: Path, rate: int) -> tuple[OutputContainer, AudioStream]:
    (directory / AAC_INIT_FILE).parent.mkdir()
    options = {
        "hls_segment_type": "fmp4",
        "hls_fmp4_init_filename": Path(AAC_INIT_FILE).name,
        "hls_segment_filename": str(directory / SEGMENT_PATTERN),
        "hls_time": str(SEGMENT_SECONDS),
        "hls_playlist_type": "vod",
        "hls_list_size": "0",
    }
    container = av.open(str(directory / PLAYLIST_FILE), "w", format="hls", options=options)
    stream = container.add_stream("aac", rate=rate, layout="stereo")
    stream.bit_rate = 160_000
    return container, stream
