"""What the processor may cost, what it leaves behind, and the days it is killed."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
from tests.audio import encoded, wav_bytes
from tests.builders import once
from tests.integration.pyav.bench import INTO, Bench, children

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.pyav.protocol import Limits
from soundgraph.adapters.system import SystemClock
from soundgraph.application.ports import Stored
from soundgraph.application.tracks import MediaFailed, Probed, Progress
from soundgraph.domain.errors import NotFound, Unavailable
from soundgraph.domain.tracks import Rendition


async def test_too_long_is_refused_before_decoding(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits(max_duration=2))
    for data in (wav_bytes(3), encoded("ogg", "libopus", 3.0, rate=48_000), encoded("flac", "flac", 3.0)):
        outcome = await bench.run(data)
        assert outcome.failure is not None
        assert (outcome.failure.stage, outcome.failure.code) == ("probing", "too_long")


@pytest.mark.parametrize(
    "limits",
    [Limits(wall_base=0.4, wall_factor=0), Limits(resident_bytes=20 << 20), Limits(cpu_base=1, cpu_factor=0)],
    ids=["time", "memory", "processor"],
)
async def test_what_is_too_expensive_is_ended(tmp_path: Path, limits: Limits) -> None:
    bench = Bench(tmp_path, limits)
    outcome = await bench.run(wav_bytes(600, 8_000))
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.retryable) == ("too_expensive", False)


async def test_a_scratch_file_beyond_its_limit_is_no_verdict_on_the_file(tmp_path: Path) -> None:
    outcome = await Bench(tmp_path, Limits(file_bytes=10_000)).run(wav_bytes(5))
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.retryable) == ("crashed", True)


async def test_what_is_not_what_its_key_names_is_not_processed(bench: Bench) -> None:
    data = wav_bytes(0.5)
    key = f"originals/t/r/{hashlib.sha256(data).hexdigest()}"
    processor = PyAvProcessor(bench.store, bench.scratch)
    await bench.store.put(key, in_pieces(data))
    assert Rendition in {type(one) async for one in processor.process(key, into=INTO)}
    await bench.store.put(key, in_pieces(data[:-1] + b"!"))
    results = processor.process(key, into=INTO)
    assert isinstance(await anext(results), Progress)
    with pytest.raises(Unavailable) as refusal:
        await anext(results)
    assert refusal.value.code == "original_damaged"
    assert list(bench.scratch.iterdir()) == []


async def in_pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 999):
        yield data[start : start + 999]


async def failure_after(number: signal.Signals, bench: Bench) -> tuple[str, bool]:
    """Code and retryable of what becomes of a job whose child gets a signal on the way."""
    await bench.put(wav_bytes(60))

    async def work() -> None:
        async for result in PyAvProcessor(bench.store, bench.scratch).process("original", into=INTO):
            if isinstance(result, Progress) and result.percent > 5:
                for child in children():
                    child.send_signal(number)

    with pytest.raises(MediaFailed) as caught:
        await work()
    bench.check_clean()
    return caught.value.failure.code, caught.value.failure.retryable


async def test_the_rest_of_what_plays_keeps_nobody_waiting(tmp_path: Path) -> None:
    store = MemoryStore()
    processor = PyAvProcessor(store, tmp_path / "scratch", first=1)
    happened: list[tuple[str, type]] = []

    async def work(key: str) -> None:
        async for result in processor.process(key, into=f"{key}-made/"):
            happened.append((key, type(result)))  # noqa: PERF401 - as they happen

    for key, seconds in (("long", 1_200), ("short", 1)):
        await store.put(key, once(wav_bytes(seconds, 8_000, 1)))
    long = asyncio.create_task(work("long"))
    await asyncio.sleep(0)
    await asyncio.wait_for(work("short"), 60)
    assert not long.done()
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    assert happened.index(("long", Rendition)) < happened.index(("short", Probed))
    assert happened.count(("short", Rendition)) == 4


async def test_being_killed_from_outside_may_be_retried(bench: Bench) -> None:
    assert await failure_after(signal.SIGKILL, bench) == ("crashed", True)


async def test_a_fatal_signal_is_not_worth_a_retry(bench: Bench) -> None:
    assert await failure_after(signal.SIGSEGV, bench) == ("crashed", False)


async def test_closing_the_iterator_ends_the_child(bench: Bench) -> None:
    await bench.put(wav_bytes(60))
    async with aclosing(PyAvProcessor(bench.store, bench.scratch).process("original", into=INTO)) as results:
        async for result in results:
            if isinstance(result, Progress) and result.percent > 5:
                assert len(children()) == 1
                break
    bench.check_clean()


async def test_cancelling_ends_the_child(bench: Bench) -> None:
    await bench.put(wav_bytes(60))
    started = asyncio.Event()

    async def work() -> None:
        async for result in PyAvProcessor(bench.store, bench.scratch).process("original", into=INTO):
            if isinstance(result, Progress) and result.percent > 5:
                started.set()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.check_clean()


async def test_the_child_is_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.put(wav_bytes(60))
    monkeypatch.setenv("SOUNDGRAPH_SECRET", "secret")
    async with aclosing(PyAvProcessor(bench.store, bench.scratch).process("original", into=INTO)) as results:
        async for result in results:
            if isinstance(result, Progress) and result.percent > 5:
                break
        (child,) = children()
        assert set(child.environ()) == {"OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "LC_ALL"}
        assert os.getsid(child.pid) == child.pid
        assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_AS) == (2 << 30, 2 << 30)
        assert 60 < child.rlimit(psutil.RLIMIT_CPU)[0] < 200
        assert child.memory_info().rss < 150 << 20
        if subprocess.run(["unshare", "--user", "--net", "true"], check=False, capture_output=True).returncode == 0:
            namespace = Path(f"/proc/{child.pid}/ns/net")
            assert namespace.readlink() != Path("/proc/self/ns/net").readlink()


async def test_two_jobs_at_once_keep_apart(bench: Bench) -> None:
    await bench.put(wav_bytes(3))
    processor = PyAvProcessor(bench.store, bench.scratch)

    async def job(number: int) -> int:
        return len(
            [
                result
                async for result in processor.process("original", into=f"r/{number}/")
                if isinstance(result, Rendition)
            ]
        )

    assert await asyncio.gather(*(job(number) for number in range(4))) == [4] * 4
    bench.check_clean()


async def test_a_missing_original(bench: Bench) -> None:
    with pytest.raises(NotFound):
        async for _ in PyAvProcessor(bench.store, bench.scratch).process("never", into=INTO):
            pass
    bench.check_clean()


class FullStore(MemoryStore):
    """Has room for the original, and for segments up to the third."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        if key.endswith("seg-00003.m4s"):
            raise Unavailable("storage_full", "Full.")
        return await super().put(key, chunks)


async def test_a_full_store_is_unavailable(bench: Bench) -> None:
    bench.store = FullStore()
    with pytest.raises(Unavailable) as caught:
        await bench.run(wav_bytes(60))
    assert caught.value.code == "storage_full"
    bench.check_clean()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.mark.parametrize("seconds", [60, 10], ids=["fetching", "encoding"])
async def test_a_full_scratch_disk_is_unavailable(bench: Bench, small_disk: Path, seconds: int) -> None:
    bench.scratch = small_disk / "scratch"
    data = wav_bytes(seconds)
    if seconds == 10:
        data += bytes((2 << 20) - len(data) - 100_000)
    with pytest.raises(Unavailable) as caught:
        await bench.run(data)
    assert caught.value.code == "storage_full"
    bench.check_clean()


WORKER = """
import asyncio, sys
from pathlib import Path
from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.system import SystemClock

async def work(root: Path) -> None:
    store = FilesystemStore(root / "objects", b"secret", "https://sound.example", SystemClock())
    async for result in PyAvProcessor(store, root / "scratch").process("original", into="r/"):
        print(result, flush=True)
    print({"av", "numpy"} & set(sys.modules), flush=True)

asyncio.run(work(Path(sys.argv[1])))
"""


def worker(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(root)], stdout=subprocess.PIPE, text=True)


async def put_original(root: Path, data: bytes) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield data

    await FilesystemStore(root / "objects", b"secret", "https://sound.example", SystemClock()).put("original", stream())


async def test_the_worker_never_imports_what_decodes(tmp_path: Path) -> None:
    await put_original(tmp_path, wav_bytes(1))
    with worker(tmp_path) as process:
        output, _ = process.communicate(timeout=60)
    assert output.splitlines()[-1] == "set()"


async def test_a_killed_worker_takes_its_child_along_and_the_next_one_cleans_up(tmp_path: Path, bench: Bench) -> None:
    await put_original(tmp_path, wav_bytes(600))
    with worker(tmp_path) as process:
        assert process.stdout is not None
        while "transcoding" not in process.stdout.readline():
            pass
        (child,) = psutil.Process(process.pid).children()
        assert len(list((tmp_path / "scratch").iterdir())) == 1
        process.kill()
    _, alive = psutil.wait_procs([child], timeout=5)
    assert alive == []
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    assert len((await bench.run(wav_bytes(0.5))).renditions) == 4


async def test_the_scratch_directory_of_a_living_job_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    await put_original(tmp_path, wav_bytes(600))
    with worker(tmp_path) as process:
        assert process.stdout is not None
        while "transcoding" not in process.stdout.readline():
            pass
        await bench.put(wav_bytes(0.5))
        kinds = {type(one) async for one in PyAvProcessor(bench.store, bench.scratch).process("original", into=INTO)}
        assert Rendition in kinds
        assert len(list((tmp_path / "scratch").iterdir())) == 1
        process.kill()
