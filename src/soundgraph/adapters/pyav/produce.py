"""The two times that a file is decoded: first for what makes it playable, then for all the rest."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import get_native_id

from av.audio.frame import AudioFrame

from soundgraph.adapters.pyav.decode import Source, check_complete, decoded, opened, refusal, too_long
from soundgraph.adapters.pyav.encode import Aac, Encoders, Form, Mp3
from soundgraph.adapters.pyav.frames import samples
from soundgraph.adapters.pyav.loudness import Meter
from soundgraph.adapters.pyav.mix import Mixer, rate_for
from soundgraph.adapters.pyav.opus import OPUS_RATE, Opus
from soundgraph.adapters.pyav.preview import Loudest
from soundgraph.adapters.pyav.probe import Probe
from soundgraph.adapters.pyav.protocol import (
    AAC,
    FILES,
    MP3,
    ORIGINAL_FILE,
    PREVIEW,
    WAVEFORM_FILE,
    Advanced,
    Analysed,
    Limits,
    Message,
)
from soundgraph.adapters.pyav.remux import copy_of
from soundgraph.adapters.pyav.tags import TagReading, fields_of_ffmpeg
from soundgraph.adapters.pyav.waveform import WaveformFile

Say = Callable[[Message], None]

PROBED_PERCENT = 5
PLAYABLE_PERCENT = 25
DECODED_PERCENT = 95
# How much less urgent the rest is than what makes a file playable, be it this one or another job's.
REST_NICENESS = 19
# More are of no use: there is one encoder to cut in time, beside one that cannot be.
MAX_HANDS = 4


@dataclass(frozen=True, slots=True)
class Task:
    """A probed file in `directory`; `copied` names the rendition that needs no encoding."""

    directory: Path
    limits: Limits
    probe: Probe
    copied: str | None

    @property
    def original(self) -> Path:
        """The file."""
        return self.directory / ORIGINAL_FILE


def produce(task: Task, tags: TagReading, say: Say) -> None:
    """Everything there is to make of a file. Raises Unfit; OSError and MemoryError where there is no room."""
    progress = Progress(task.probe.seconds, say)

    _make_playable(task, tags, progress)
    _give_way()
    _make_the_rest(task, progress)


class Progress:
    """Says how far the whole is."""

    def __init__(self, seconds: float, say: Say) -> None:
        self._seconds, self.say = seconds, say
        self._percent = PROBED_PERCENT

    def analysing(self, seconds: float) -> None:
        """So much of the file was decoded the first time."""
        self._reached("analysing", seconds, PROBED_PERCENT, PLAYABLE_PERCENT)

    def transcoding(self, seconds: float) -> None:
        """So much of it was decoded the second time."""
        self._reached("transcoding", seconds, PLAYABLE_PERCENT, DECODED_PERCENT)

    def _reached(self, stage: str, seconds: float, begin: int, end: int) -> None:
        part = min(1.0, seconds / self._seconds) if self._seconds else 0.0
        percent = int(begin + (end - begin) * part)
        if percent > self._percent:
            self._percent = percent
            self.say(Advanced(stage, percent))


def _frames(frames: Iterator[AudioFrame]) -> tuple[AudioFrame, Iterator[AudioFrame]]:
    """The first frame, and all of them."""
    first = next(frames, None)
    if first is None:
        raise refusal("analysing", "not_audio", "Nothing in this file could be decoded to sound.")
    return first, chain([first], frames)


def _hands() -> ThreadPoolExecutor:
    """Threads that encode slices."""
    return ThreadPoolExecutor(min(MAX_HANDS, os.cpu_count() or 1))


def _make_playable(task: Task, tags: TagReading, progress: Progress) -> None:
    """The waveform, and the rendition that takes least: a copy, or else Opus."""
    with opened(task.original) as source, _hands() as hands:
        copy = copy_of(source, task.copied, task.directory) if task.copied else None
        first, frames = _frames(decoded(source, task.probe.seconds, copy.take if copy else None))
        rate = first.sample_rate
        waveform, mixer = WaveformFile(task.directory / WAVEFORM_FILE, rate), Mixer(rate, OPUS_RATE)
        with Encoders([] if copy else [Opus(task.directory, hands)], progress.say) as encoders:
            count = 0
            for frame in frames:
                count += frame.samples
                if count > task.limits.max_duration * rate:
                    raise too_long(task.limits, "analysing")
                waveform.feed(samples(frame))
                if not copy:
                    encoders.feed_all(OPUS_RATE, mixer.feed(frame))
                progress.analysing(count / rate)
            check_complete(source, seconds=count / rate, measured=task.probe.seconds)
            waveform.finish()
            progress.say(_analysed(source, first, count, tags))
            encoders.feed_all(OPUS_RATE, mixer.flush())
            if copy:
                progress.say(copy.finish(count))
            encoders.finish()


def _analysed(source: Source, first: AudioFrame, count: int, tags: TagReading) -> Analysed:
    metadata = {**source.container.metadata, **source.stream.metadata}
    said = fields_of_ffmpeg(source.container.format.name, metadata)
    found, cover = tags.result()
    return Analysed(
        duration_ms=round(count * 1000 / first.sample_rate),
        sample_rate=first.sample_rate,
        channels=first.layout.nb_channels,
        codec=source.stream.codec_context.codec.canonical_name,
        tags=said | found,
        cover=cover,
    )


def _make_the_rest(task: Task, progress: Progress) -> None:
    """The other renditions, the loudness and the preview."""
    with opened(task.original) as source, _hands() as hands:
        first, frames = _frames(decoded(source, task.probe.seconds))
        rate = rate_for(first.sample_rate)
        forms = _forms(task, rate, hands)
        mixers = [Mixer(first.sample_rate, one) for one in {rate, *(form.rate for form in forms)}]
        meter, loudest, count = Meter(), Loudest(rate), 0
        with Encoders(forms, progress.say) as encoders:
            for frame in frames:
                count += frame.samples
                for mixer in mixers:
                    for block in mixer.feed(frame):
                        encoders.feed(mixer.rate, block)
                        if mixer.rate == rate:
                            loudest.feed(block)
                meter.feed(frame)
                progress.transcoding(count / first.sample_rate)
            for mixer in mixers:
                for block in mixer.flush():
                    encoders.feed(mixer.rate, block)
                    if mixer.rate == rate:
                        loudest.feed(block)
            meter.finish()
            if meter.measured is not None:
                progress.say(meter.measured)
            preview = Mp3(task.directory / FILES[PREVIEW], rate, name=PREVIEW)
            preview.write(loudest.faded())
            progress.say(preview.finish())
            encoders.finish()


def _forms(task: Task, rate: int, hands: ThreadPoolExecutor) -> list[Form]:
    """What is still to be encoded."""
    forms: list[Form] = []
    if task.copied != AAC:
        forms.append(Aac(task.directory, rate))
    if task.copied != MP3:
        forms.append(Mp3(task.directory / FILES[MP3], rate))
    if task.copied is not None:
        forms.append(Opus(task.directory, hands))
    return forms


def _give_way() -> None:
    """Make this thread, and those it starts, less urgent. Only Linux has priorities of threads.

    Where it groups processes by session (sched(7), autogroup), what counts is the priority of the group.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + REST_NICENESS)
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(REST_NICENESS))
