"""Loudness by EBU R128 (ITU-R BS.1770), of the original's own channels at its own rate."""

import math
from collections import deque
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.error import FFmpegError
from av.filter import Graph
from numpy.typing import NDArray

from soundgraph.adapters.pyav.frames import rewrapped, samples
from soundgraph.adapters.pyav.mix import finite
from soundgraph.adapters.pyav.protocol import Measured

# What FFmpeg takes three to eight channels for where a file does not name them: they do not weigh the same.
LAYOUTS = ("2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
# Where the gate of BS.1770 is; what is quieter counts as silence.
SILENCE_LUFS = -70.0
SILENCE_DBTP = -120.0
PEAK = "lavfi.r128.true_peak"


class Meter:
    """Takes the frames of a file; `measured` has the verdict once `finish` was called, or None for odd layouts."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._broken = False
        self._last: dict[str, str] = {}
        self._fed = 0
        # They hold all that the graph may not have told of at the end, even at 192 kHz.
        self._recent: deque[AudioFrame] = deque(maxlen=2)
        self.measured: Measured | None = None

    def feed(self, frame: AudioFrame) -> None:
        """Measure more."""
        if self._broken:
            return
        frame = finite(frame)
        frame.pts = None
        channels = frame.layout.nb_channels
        if channels > 2 and frame.layout.name == f"{channels} channels":
            frame = rewrapped(samples(frame), frame, LAYOUTS[channels - 3])
        self._recent.append(frame)
        self._fed += frame.samples
        try:
            if self._graph is None:
                self._graph = _graph(frame)
            self._graph.push(frame)
            self._last = _told(self._graph) or self._last
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            self._broken = True

    def finish(self) -> None:
        """Everything was fed."""
        if self._graph is None or self._broken:
            return
        self._graph.push(None)
        self._last = _told(self._graph) or self._last
        integrated, width = (float(self._last.get(f"lavfi.r128.{name}", "nan")) for name in ("I", "LRA"))
        peak = max(float(self._last.get(PEAK, "0")), self._peak_at_the_end())
        self.measured = Measured(
            integrated_lufs=max(SILENCE_LUFS, integrated) if math.isfinite(integrated) else SILENCE_LUFS,
            range_lu=width if math.isfinite(width) else 0.0,
            true_peak_dbtp=round(20 * math.log10(peak), 2) if peak > 0 else SILENCE_DBTP,
        )

    def _peak_at_the_end(self) -> float:
        """The peak of the last tenths of a second, of which the filter tells only when they are whole.

        So they go through once more, faded in, up to the end of a tenth. Silence behind them would do for that, too,
        but an end cut off at once overshoots between its samples.
        """
        like = self._recent[-1]
        tenth = like.sample_rate // 10
        end = np.concatenate([samples(frame) for frame in self._recent], axis=1)[:, -2 * tenth :]
        short = -end.shape[1] % tenth
        if self._fed > end.shape[1]:
            end = _faded_in(end, tenth // 2)
        graph = _graph(like)
        graph.push(rewrapped(np.pad(end, ((0, 0), (short, 0)), "symmetric"), like, like.layout.name))
        graph.push(None)
        return float(_told(graph).get(PEAK, "0"))


def _faded_in(array: NDArray[np.generic], length: int) -> NDArray[np.generic]:
    """The same samples, rising from silence over so many of them."""
    zero = 128 if array.dtype == np.uint8 else 0
    slope = np.ones(array.shape[1])
    slope[:length] = np.linspace(0, 1, length)
    faded: NDArray[np.generic] = ((array.astype(np.float64) - zero) * slope + zero).astype(array.dtype)
    return faded


def _told(graph: Graph) -> dict[str, str]:
    """The last of what the filter says so far. What is less than a tenth of a second comes without a word."""
    last: dict[str, str] = {}
    try:
        while True:
            last = graph.pull().metadata or last
    except (NothingYet, NothingMore):
        return last


def _graph(frame: AudioFrame) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(
        format=frame.format.name,
        layout=frame.layout.name,
        sample_rate=frame.sample_rate,
        time_base=Fraction(1, frame.sample_rate),
    )
    graph.link_nodes(source, graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")).configure()
    return graph
