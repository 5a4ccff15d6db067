"""Loudness by EBU R128 (ITU-R BS.1770), of the original's own channels at its own rate."""

import math
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.error import FFmpegError
from av.filter import Graph

from soundgraph.adapters.pyav.frames import rewrapped, samples
from soundgraph.adapters.pyav.mix import finite
from soundgraph.adapters.pyav.protocol import Measured

# What FFmpeg takes three to eight channels for where a file does not name them: they do not weigh the same.
LAYOUTS = ("2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
# Where the gate of BS.1770 is; what is quieter counts as silence.
SILENCE_LUFS = -70.0
SILENCE_DBTP = -120.0


class Meter:
    """Takes the frames of a file; `measured` has the verdict once `finish` was called, or None for odd layouts."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._broken = False
        self._last: dict[str, str] = {}
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
        try:
            if self._graph is None:
                self._graph = _graph(frame)
            self._graph.push(frame)
            self._drain(self._graph)
        except FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            self._broken = True

    def finish(self) -> None:
        """Everything was fed."""
        if self._graph is None or self._broken:
            return
        self._graph.push(None)
        self._drain(self._graph)
        integrated, width = (float(self._last.get(f"lavfi.r128.{name}", "nan")) for name in ("I", "LRA"))
        peak = float(self._last.get("lavfi.r128.true_peak", "0"))
        self.measured = Measured(
            integrated_lufs=max(SILENCE_LUFS, integrated) if math.isfinite(integrated) else SILENCE_LUFS,
            range_lu=width if math.isfinite(width) else 0.0,
            true_peak_dbtp=round(20 * math.log10(peak), 2) if peak > 0 else SILENCE_DBTP,
        )

    def _drain(self, graph: Graph) -> None:
        try:
            while True:
                # What is left at the end, less than a tenth of a second, comes without.
                self._last = graph.pull().metadata or self._last
        except (NothingYet, NothingMore):
            return


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
