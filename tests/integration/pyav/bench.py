"""A bench for the processor: it runs jobs, checks what holds of each, and listens to the result."""

import contextlib
import io
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from av.codec.context import Flags2
from numpy.typing import NDArray

from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.pyav.frames import samples
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.pyav.protocol import FILES, Limits
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import EmbeddedCover, MediaFailed, Probed, Progress
from soundgraph.domain.tracks import Analysis, Failure, Loudness, Rendition

INTO = "renditions/t/r/1/"


@dataclass
class Outcome:
    """What one run yielded."""

    progress: list[Progress] = field(default_factory=list)
    probed: Probed | None = None
    analysis: Analysis | None = None
    renditions: dict[str, Rendition] = field(default_factory=dict)
    loudness: Loudness | None = None
    cover: str | None = None
    failure: Failure | None = None


class Bench:
    """A processor, its store, and a look at what it leaves behind."""

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        self.scratch = directory / "scratch"
        self.store: ObjectStore = MemoryStore()
        self.limits = limits

    async def put(self, data: bytes) -> None:
        async def stream() -> AsyncIterator[bytes]:
            yield data

        await self.store.put("original", stream())

    async def content(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self.store.read(key)])

    async def run(self, data: bytes, *, coverage: bool = True) -> Outcome:
        """Process, and check what holds of every run. Without `coverage` a child starts in half the time."""
        await self.put(data)
        outcome = Outcome()
        try:
            processor = PyAvProcessor(self.store, self.scratch, self.limits, measured() if coverage else {})
            async for result in processor.process("original", into=INTO):
                if isinstance(result, Progress):
                    outcome.progress.append(result)
                elif isinstance(result, Analysis):
                    assert outcome.analysis is None
                    outcome.analysis = result
                elif isinstance(result, Probed):
                    outcome.probed = result
                elif isinstance(result, Loudness):
                    outcome.loudness = result
                elif isinstance(result, EmbeddedCover):
                    outcome.cover = result.key
                else:
                    outcome.renditions[result.name] = result
        except MediaFailed as failed:
            outcome.failure = failed.failure
        if outcome.failure is not None:
            assert outcome.failure.stage in {"probing", "analysing", "transcoding", "storing"}
            assert outcome.failure.message.endswith(".")
        self.check_clean()
        percents = [one.percent for one in outcome.progress]
        assert percents == sorted(percents)
        return outcome

    def check_clean(self) -> None:
        assert children() == []
        assert list(self.scratch.glob("*")) == []

    async def play(self, rendition: Rendition, *, trim: bool = True) -> tuple[int, NDArray[np.float32]]:
        """The rate and the samples, shape (channels, n), that a player gets, or one that does not `trim` anything."""
        keys = [rendition.key, *(segment.key for segment in rendition.segments)]
        data = b"".join([await self.content(key) for key in keys])
        assert len(data) == rendition.size_bytes
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            if not trim:
                stream.codec_context.flags2 |= Flags2.skip_manual
            return stream.rate, np.concatenate([samples(frame) for frame in container.decode(stream)], axis=1)

    async def check_gapless(self, rendition: Rendition, count: int) -> None:
        """It is `count` samples long, and says so; so do players that trim, and where they do not, HLS apart."""
        trimmed = rendition.gapless
        assert trimmed is not None
        assert trimmed.samples == count
        _, raw = await self.play(rendition, trim=False)
        assert raw.shape[1] == trimmed.encoder_delay + trimmed.samples + trimmed.padding
        if not rendition.segments:
            _, played = await self.play(rendition)
            assert played.shape[1] == count


def measured() -> dict[str, str]:
    """What a child needs to know to be part of the coverage of this run, if that is measured."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def children() -> list[psutil.Process]:
    """Media children below this process: other tests of this run may have processes of their own."""
    found = []
    for process in psutil.Process().children(recursive=True):
        # Reaped between being listed and being asked: gone, as it should be.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "soundgraph.adapters.pyav.child" in process.cmdline():
                found.append(process)
    return found


async def check_ready(bench: Bench, outcome: Outcome, *, seconds: float, rate: int, channels: int, codec: str) -> None:
    """It sounds like half a full-scale sine of 440 Hz on both sides and lasts as long. (LAME takes 5 % off, twice.)"""
    assert outcome.failure is None
    assert outcome.analysis is not None
    assert outcome.analysis.duration_ms == pytest.approx(seconds * 1000, abs=60)
    assert (outcome.analysis.sample_rate, outcome.analysis.channels) == (rate, channels)
    assert outcome.analysis.codec == codec
    assert outcome.progress[-1] == Progress("storing", 100)
    waveform = json.loads(await bench.content(outcome.analysis.waveform_key))
    assert waveform["sample_rate"] == rate
    assert len(waveform["data"]) == 2 * waveform["length"]
    assert waveform["length"] * 256 / rate == pytest.approx(seconds, abs=0.06 + 256 / rate)
    assert outcome.loudness is not None
    assert set(outcome.renditions) == set(FILES)
    assert outcome.renditions["mp3_128k"].key == f"{INTO}mp3_128k.mp3"
    assert outcome.renditions["aac_160k"].key == f"{INTO}aac_160k/init.mp4"
    for name, rendition in outcome.renditions.items():
        played_rate, played = await bench.play(rendition)
        assert played_rate == (44_100 if rate % 11_025 == 0 and name != "opus_64k" else 48_000)
        assert played.shape[1] / played_rate == pytest.approx(seconds, abs=0.1)
        assert rendition.gapless is not None
        await bench.check_gapless(rendition, rendition.gapless.samples)
        middle = played[:, played.shape[1] * 3 // 8 : played.shape[1] * 5 // 8]
        assert np.sqrt((middle**2).mean(axis=1)) == pytest.approx(0.5 / np.sqrt(2), rel=0.11)
        spectrum = np.abs(np.fft.rfft(middle[0]))
        assert spectrum.argmax() * played_rate / middle.shape[1] == pytest.approx(440, abs=5)
