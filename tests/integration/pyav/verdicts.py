"""What holds of every file that the processor is given, however hostile."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.integration.pyav.bench import Bench, Outcome, children

SECONDS_TO_FAIL = 20
RESIDENT_MIB = 512
SAMPLE_SECONDS = 0.02


@asynccontextmanager
async def peak_of_children() -> AsyncIterator[list[int]]:
    """The most MiB that a media child held during the block, by the kernel's own account, as the list's one item."""
    peak = [0]

    async def watch() -> None:
        while True:
            for child in children():
                with suppress(OSError):
                    status = Path(f"/proc/{child.pid}/status").read_text()
                    peak[0] = max([peak[0], *[int(found) >> 10 for found in re.findall(r"VmHWM:\s+(\d+)", status)]])
            await asyncio.sleep(SAMPLE_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        watching.cancel()


async def hear_out(bench: Bench, data: bytes) -> Outcome:
    """Process it: it ends with music or with a reason that is the file's own, soon and cheaply."""
    started = time.monotonic()
    async with peak_of_children() as peak:
        outcome = await bench.run(data)
    assert 0 < peak[0] < RESIDENT_MIB
    if outcome.failure is None:
        assert outcome.analysis is not None
        assert outcome.renditions
    else:
        assert time.monotonic() - started < SECONDS_TO_FAIL
        assert re.fullmatch(r"[a-z_]+", outcome.failure.code)
        assert outcome.failure.code != "crashed"
        assert not outcome.failure.retryable
    return outcome
