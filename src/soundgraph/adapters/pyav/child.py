"""The child's main: one file in the current directory becomes a waveform and renditions beside it."""

import errno
import sys
from itertools import chain
from pathlib import Path
from threading import Lock

import msgspec

from soundgraph.adapters.pyav.decode import Source, check_complete, decoded, measure, opened, refusal, samples, too_long
from soundgraph.adapters.pyav.encode import encoding
from soundgraph.adapters.pyav.limits import cap, cap_processor_time, die_with, isolate
from soundgraph.adapters.pyav.mix import Mixer
from soundgraph.adapters.pyav.protocol import (
    ORIGINAL_FILE,
    WAVEFORM_FILE,
    Advanced,
    Analysed,
    Finished,
    Job,
    Limits,
    Message,
    NoRoom,
    Probed,
    Refused,
)
from soundgraph.adapters.pyav.waveform import WaveformFile
from soundgraph.application.tracks import MediaFailed

PROBED_PERCENT = 5
DECODED_PERCENT = 95


def main(argument: str) -> None:
    """Do the job, and say on stdout how it went; an exception that is nobody's fault ends in a traceback instead."""
    job = msgspec.json.decode(argument, type=Job)
    isolate()
    die_with(job.parent)
    cap(job.limits)
    say = Voice()
    try:
        transcode(Path.cwd(), job.limits, say)
    except MediaFailed as failed:
        say(Refused(failed.failure.stage, failed.failure.code, failed.failure.message))
    except MemoryError:
        say(Refused("transcoding", "too_expensive", "Processing this file takes more memory than we allow."))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        say(NoRoom())
    else:
        say(Finished())


class Voice:
    """Says one message a line, whole, whichever thread it comes from."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._encoder = msgspec.json.Encoder()

    def __call__(self, message: Message) -> None:
        with self._lock:
            sys.stdout.buffer.write(self._encoder.encode(message) + b"\n")
            sys.stdout.buffer.flush()


def transcode(directory: Path, limits: Limits, say: Voice) -> None:
    """Probe, then decode once for everything. Raises MediaFailed; OSError and MemoryError where there is no room."""
    with opened(directory / ORIGINAL_FILE) as source:
        measured = measure(source, limits)
    say(Probed(measured))
    say(Advanced("analysing", PROBED_PERCENT))
    cap_processor_time(limits, measured)
    with opened(directory / ORIGINAL_FILE) as source:
        _produce(source, directory, limits, say, measured)


def _produce(source: Source, directory: Path, limits: Limits, say: Voice, measured: float) -> None:
    frames = decoded(source)
    first = next(frames, None)
    if first is None:
        raise refusal("analysing", "not_audio", "Nothing in this file could be decoded to sound.")
    rate, channels, codec = (
        first.sample_rate,
        first.layout.nb_channels,
        source.stream.codec_context.codec.canonical_name,
    )
    waveform = WaveformFile(directory / WAVEFORM_FILE, rate)
    mixer = Mixer(rate)
    count, percent = 0, PROBED_PERCENT
    with encoding(directory, mixer.rate, say) as encoders:
        for frame in chain([first], frames):
            count += frame.samples
            if count > limits.max_duration * rate:
                raise too_long(limits, "analysing")
            waveform.feed(samples(frame))
            for block in mixer.feed(frame):
                encoders.feed(block)
            reached = _percent(count / rate, measured)
            if reached > percent:
                percent = reached
                say(Advanced("transcoding", percent))
        check_complete(source, seconds=count / rate, measured=measured)
        waveform.finish()
        say(Analysed(round(count * 1000 / rate), rate, channels, codec))
        for block in mixer.flush():
            encoders.feed(block)
        encoders.finish()


def _percent(seconds: float, measured: float) -> int:
    part = min(1.0, seconds / measured) if measured else 0.0
    return int(PROBED_PERCENT + part * (DECODED_PERCENT - PROBED_PERCENT))


if __name__ == "__main__":
    main(sys.argv[1])
