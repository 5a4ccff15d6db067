"""Measures the product while uploads flow: what its processes hold, and how soon it answers."""

import http.client
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

import psutil
from tests.e2e.product import MEDIA_CHILD, Person, Served, command_line

UPLOADER = Path(__file__).with_name("uploader.py")
UPLOAD_SECONDS = 120
SAMPLE_SECONDS = 0.1
POLL_SECONDS = 0.05
MIB = 1 << 20


class MemoryWatch:
    """Samples the resident memory of everything that `serve` runs, for the length of a block.

    Media children are left out: each has a file of its own to process, and a limit of its own.
    """

    def __init__(self, product: Served) -> None:
        self._product = product
        self._first: dict[psutil.Process, int] = {}
        self._most: dict[psutil.Process, int] = {}
        self._names: dict[psutil.Process, str] = {}
        self._over = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def growth(self) -> dict[str, float]:
        """By how many MiB each process grew at most since it was first seen."""
        grown = sorted(((self._most[one] - self._first[one]) / MIB, one.pid, name) for one, name in self._names.items())
        return {f"{name} ({pid})": size for size, pid, name in reversed(grown)}

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        for process in self._product.command.family():
            arguments = command_line(process)
            if MEDIA_CHILD in arguments:
                continue
            try:
                resident = process.memory_info().rss
            except psutil.Error:
                continue
            self._names.setdefault(process, arguments[-1] if arguments else "unknown")
            self._first.setdefault(process, resident)
            self._most[process] = max(resident, self._most.get(process, 0))


@dataclass
class Uploads:
    """Uploads on their way, sent by a process of their own."""

    process: subprocess.Popen[str]
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    tracks: list[str] = field(default_factory=list)

    def under_way(self) -> bool:
        return self.process.poll() is None

    def finish(self) -> None:
        """Wait for the end, and note how each went."""
        output, _ = self.process.communicate(timeout=UPLOAD_SECONDS)
        assert self.process.returncode == 0
        for status, seconds, track_id in json.loads(output):
            self.statuses.append(status)
            self.seconds.append(seconds)
            self.tracks.append(track_id)


@contextmanager
def uploading(person: Person, api: str, size: int, how_many: int = 1) -> Iterator[Uploads]:
    """Uploads of `size` bytes of samples, all at once; finished when the block ends."""
    arguments = [api, person.session["access_token"], str(size), str(how_many)]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(UPLOADER), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            uploads = Uploads(process)
            yield uploads
            uploads.finish()
        finally:
            process.kill()


@dataclass(frozen=True)
class Latency:
    """Of `count` answers, in milliseconds."""

    count: int
    p50: float
    p99: float
    most: float


def latency_of(took: Sequence[float]) -> Latency:
    """The summary of some times in milliseconds."""
    ranked = sorted(took)
    return Latency(len(ranked), ranked[len(ranked) // 2], ranked[math.ceil(len(ranked) * 0.99) - 1], ranked[-1])


def poll_while(uploads: Uploads, product: Served) -> Latency:
    """Ask for /health/live every so often until the uploads are over; every answer has to be 200."""
    took: list[float] = []
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=10)
    try:
        while uploads.under_way():
            started = time.perf_counter()
            connection.request("GET", "/health/live")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            took.append((time.perf_counter() - started) * 1000)
            time.sleep(POLL_SECONDS)
    finally:
        connection.close()
    return latency_of(took)
