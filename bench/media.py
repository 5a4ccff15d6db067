"""What processing costs beside the command lines: `python -m bench.media [runs]`.

Both sides work on the same files, in turn; the table has the medians. A side that is not installed is left out.
"""

import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.pyav.supervisor import ENVIRONMENT
from soundgraph.domain.tracks import Analysis, Rendition

RATE = 44_100
MINUTES = 5
SEGMENTED = ("-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "6", "aac/index.m3u8")
AAC, MP3, OPUS = (
    ("-c:a", "aac", "-b:a", "160k"),
    ("-c:a", "libmp3lame", "-b:a", "128k"),
    ("-c:a", "libopus", "-b:a", "64k"),
)
OUTPUTS = (*AAC, *SEGMENTED, *MP3, "out.mp3", *OPUS, "out.webm")
# The same with the settings of our encoders.
TUNED_OUTPUTS = (
    *(*AAC, "-aac_coder", "fast", *SEGMENTED),
    *(*MP3, "-compression_level", "2", "out.mp3"),
    *(*OPUS, "-compression_level", "3", "out.webm"),
)
WAVEFORMS = """
import sys
from pathlib import Path
from soundgraph.adapters.pyav.decode import decoded, opened
from soundgraph.adapters.pyav.frames import samples
from soundgraph.adapters.pyav.waveform import WaveformFile
for name in sys.argv[1:]:
    with opened(Path(name)) as source:
        waveform = None
        for frame in decoded(source, 0):
            waveform = waveform or WaveformFile(Path(name + ".json"), frame.sample_rate)
            waveform.feed(samples(frame))
        waveform.finish()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@dataclass
class Cost:
    """Wall and processor time of one run, in seconds, and for processing when the track was playable.

    `peak` is the most that a process of a side held, in MB, where that side looks.
    """

    wall: float
    processor: float
    playable: float = 0.0
    peak: float = 0.0


@dataclass(frozen=True)
class Bar:
    """What our side has to hold against another one: at most or at least so much, by `measure`."""

    name: str
    rival: str
    measure: Callable[[Cost, Cost], float]
    limit: float
    at_most: bool = False

    def verdict(self, ran: dict[str, Cost]) -> str:
        """The bar as a line: met, missed, or not measured."""
        sign = "≤" if self.at_most else "≥"
        if self.rival not in ran:
            return f"{self.name} {sign} {self.limit:g}: not measured, {self.rival} is not installed"
        value = self.measure(next(iter(ran.values())), ran[self.rival])
        held = value <= self.limit if self.at_most else value >= self.limit
        return f"{self.name} {sign} {self.limit:g}: {value:.2f}, {'met' if held else 'missed'}"


def wall(ours: Cost, theirs: Cost) -> float:
    """How many times as long the other side takes."""
    return theirs.wall / ours.wall


def processor(ours: Cost, theirs: Cost) -> float:
    """How many times as much of the processor the other side takes."""
    return theirs.processor / ours.processor


def share(ours: Cost, theirs: Cost) -> float:
    """How many times as much of the processor our side takes."""
    return ours.processor / theirs.processor


def memory(ours: Cost, _: Cost) -> float:
    """What our side holds at most, in MB."""
    return ours.peak


OURS, RIVAL, DECODER, COMMAND = "soundgraph", "audiowaveform", "ffmpeg -f null", "ffmpeg, three renditions"
# The bars that the design sets for media.
RENDITION_BARS: tuple[Bar, ...] = (Bar("all renditions, × wall of ffmpeg", COMMAND, wall, 1.6),)
WAV_BARS = (Bar("× wall of audiowaveform", RIVAL, wall, 2.0),)
HOUR_BARS = (
    Bar("× wall of audiowaveform", RIVAL, wall, 3.5),
    Bar("× processor of audiowaveform", RIVAL, processor, 2.3),
    Bar("processor × that of ffmpeg -f null", DECODER, share, 1.1, at_most=True),
    Bar("peak MB", OURS, memory, 80, at_most=True),
)


def music(seconds: int) -> bytes:
    """Interleaved 16-bit stereo: chords that change twice a second over bursts of noise."""
    random, beat = np.random.default_rng(3), RATE // 2
    times, fall = np.arange(beat) / RATE, np.exp(-np.arange(beat) / RATE * 6)
    beats = []
    for _ in range(2 * seconds):
        root = 110 * 2 ** (random.integers(24) / 12)
        chord = sum(np.sin(2 * np.pi * root * k * times + random.uniform(0, 6)) / k for k in (1, 1.25, 1.5, 2, 3, 4))
        beats.append(0.15 * np.stack([chord, 0.8 * chord]) + 0.15 * fall * random.standard_normal((2, beat)))
    return np.rint(np.clip(np.concatenate(beats, axis=1), -1, 1).T * 32_767).astype("<i2").tobytes()


@dataclass(frozen=True)
class Seen:
    """What a side says of its own run."""

    playable: float = 0.0
    peak: float = 0.0


def measured(work: Callable[[], Seen | None]) -> Cost:
    """What some work costs that is done in child processes; it may return what it saw of it."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    seen = work() or Seen()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - started, used, seen.playable, seen.peak)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that has to succeed. Returns what it says."""
    settings = {**os.environ, **environment}
    ran = subprocess.run(command, cwd=cwd, env=settings, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return ran.stdout.decode(errors="replace")


def processed(directory: Path, name: str) -> Seen:
    """Process a file as the worker does. Returns the seconds until the track was playable."""

    async def chunks() -> AsyncIterator[bytes]:
        yield (directory / name).read_bytes()

    async def work() -> Seen:
        store, started, seen = MemoryStore(), time.perf_counter(), set[type]()
        await store.put("original", chunks())
        playable = 0.0
        async for result in PyAvProcessor(store, directory / "scratch").process("original", into="r/"):
            seen.add(type(result))
            if not playable and {Analysis, Rendition} <= seen:
                playable = time.perf_counter() - started
        return Seen(playable)

    return asyncio.run(work())


def transcoded(directory: Path, name: str, outputs: tuple[str, ...]) -> None:
    """The same three renditions by one run of the ffmpeg command."""
    (directory / "aac").mkdir(exist_ok=True)
    run("ffmpeg", "-v", "error", "-y", "-i", name, *outputs, cwd=directory)


def interleaved(runs: int, sides: dict[str, Callable[[], Seen | None]]) -> dict[str, Cost]:
    """The median cost of each side, run in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, work in sides.items():
            costs[name].append(measured(work))
    return {
        name: Cost(
            *(
                statistics.median(getattr(one, field) for one in ran)
                for field in ("wall", "processor", "playable", "peak")
            )
        )
        for name, ran in costs.items()
    }


def report(title: str, ran: dict[str, Cost], bars: tuple[Bar, ...]) -> None:
    """Print the rows of one table, how many times the first side each other one takes, and the bars."""
    print(title)
    ours = next(iter(ran.values()))
    for name, cost in ran.items():
        playable = (
            f"  playable {cost.playable:6.2f} s = {cost.playable / cost.wall:.2f} of all" if cost.playable else ""
        )
        held = f"  peak {cost.peak:.0f} MB" if cost.peak else ""
        ratios = f"{cost.wall / ours.wall:5.2f} × wall  {cost.processor / ours.processor:5.2f} × processor"
        print(f"  {name:24} {cost.wall:7.2f} s wall {cost.processor:7.2f} s processor  {ratios}{playable}{held}")
    for bar in bars:
        print(f"  bar: {bar.verdict(ran)}")


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ffmpeg, audiowaveform = shutil.which("ffmpeg"), shutil.which("audiowaveform")
    if ffmpeg is None:
        sys.exit("The ffmpeg command is not installed: there is nothing to compare with.")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "raw").write_bytes(music(60 * MINUTES))
        raw = ("ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "2")
        run(*raw, "-i", "raw", "five.wav", cwd=directory)
        run(*raw, "-i", "raw", "-b:a", "320k", "five.mp3", cwd=directory)
        run(*raw, "-stream_loop", "11", "-i", "raw", "-b:a", "192k", "hour.mp3", cwd=directory)
        wavs = []
        for number in range(10):
            shutil.copy(directory / "five.wav", directory / f"{number}.wav")
            wavs.append(f"{number}.wav")
        for file, bars in (("five.wav", RENDITION_BARS), ("five.mp3", ())):
            sides: dict[str, Callable[[], Seen | None]] = {
                "soundgraph, everything": partial(processed, directory, file),
                COMMAND: partial(transcoded, directory, file, OUTPUTS),
                "ffmpeg, our settings": partial(transcoded, directory, file, TUNED_OUTPUTS),
            }
            report(f"All renditions of {file} ({MINUTES} minutes)", interleaved(runs, sides), bars)
        waveforms = (
            ("Ten waveforms of five.wav", wavs, WAV_BARS),
            ("The waveform of hour.mp3", ["hour.mp3"], HOUR_BARS),
        )
        for title, files, bars in waveforms:
            sides = {OURS: partial(drawn, directory, files)}
            if audiowaveform:
                sides[RIVAL] = partial(rival, directory, files)
            sides[DECODER] = partial(decoded_only, directory, files)
            report(title, interleaved(runs, sides), bars)


def drawn(directory: Path, files: list[str]) -> Seen:
    """Waveforms by the code of the child, in one process with its settings, which says what it held at most."""
    said = run(sys.executable, "-c", WAVEFORMS, *files, cwd=directory, **ENVIRONMENT)
    return Seen(peak=int(said) * 1024 / 1e6)


def rival(directory: Path, files: list[str]) -> None:
    """Waveforms by BBC audiowaveform."""
    for file in files:
        run("audiowaveform", "-q", "-i", file, "-o", f"{file}.dat", "-b", "8", cwd=directory)


def decoded_only(directory: Path, files: list[str]) -> None:
    """Nothing but decoding."""
    for file in files:
        run("ffmpeg", "-v", "error", "-i", file, "-f", "null", "-", cwd=directory)


if __name__ == "__main__":
    main()
