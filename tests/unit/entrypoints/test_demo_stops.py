"""`soundgraph demo` that is asked to stop cancels what it does; nothing is interrupted half-way through a statement."""

import asyncio
import os
import signal

import pytest

from soundgraph.entrypoints.cli.demo.command import stops_when_asked


def test_being_asked_to_stop_cancels_what_runs_even_in_the_background() -> None:
    ended = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            # Raised here, it would go through a driver's code; cancelled, it waits for the next await.
            ended.append("still whole")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stops_when_asked()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(work())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended == ["still whole", "cancelled"]
