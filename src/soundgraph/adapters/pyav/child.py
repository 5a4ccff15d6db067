"""The child's main: one file in the current directory becomes a waveform and renditions beside it."""

import errno
import sys
from pathlib import Path
from threading import Lock

import msgspec

from soundgraph.adapters.pyav.decode import opened
from soundgraph.adapters.pyav.limits import cap, cap_processor_time
from soundgraph.adapters.pyav.probe import measure
from soundgraph.adapters.pyav.produce import PROBED_PERCENT, Task, produce
from soundgraph.adapters.pyav.protocol import (
    ORIGINAL_FILE,
    Advanced,
    Finished,
    Job,
    Limits,
    Message,
    NoRoom,
    Probed,
    Refused,
    Unfit,
)
from soundgraph.adapters.pyav.remux import copyable
from soundgraph.adapters.pyav.tags import TagReading
from soundgraph.adapters.sandbox.restraint import die_with, isolate


def main(argument: str) -> None:
    """Do the job, and say on stdout how it went; an exception that is nobody's fault ends in a traceback instead."""
    job = msgspec.json.decode(argument, type=Job)
    isolate()
    die_with(job.parent)
    cap(job.limits, Path(ORIGINAL_FILE).stat().st_size)
    say = Voice()
    try:
        transcode(Path.cwd(), job.limits, say)
    except Unfit as unfit:
        say(unfit.refused)
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
    """Probe, then make everything. Raises Unfit; OSError and MemoryError where there is no room."""
    with opened(directory / ORIGINAL_FILE) as source:
        probe = measure(source, limits)
        copied = copyable(source, probe)
    say(Probed(probe.seconds))
    say(Advanced("analysing", PROBED_PERCENT))
    cap_processor_time(limits, probe.seconds)
    tags = TagReading(directory)
    try:
        produce(Task(directory, limits, probe, copied), tags, say)
    finally:
        tags.abandon()


if __name__ == "__main__":
    main(sys.argv[1])
