"""The sweep of a worker: what falls due soon is found within a second or so."""

import asyncio
import contextlib
import time
from datetime import timedelta
from uuid import uuid4

from tests.builders import a_track, an_upload

from soundgraph.adapters.memory.app import memory_app
from soundgraph.application.deliveries import Hint
from soundgraph.application.subscriptions import QUEUES, SUBSCRIPTIONS
from soundgraph.domain.ids import AccountId
from soundgraph.domain.tracks import TrackScheduled
from soundgraph.entrypoints.worker.sweep import SOON_SECONDS, SWEEP_SECONDS, Sweep


async def test_a_moment_between_two_sweeps_is_not_waited_past() -> None:
    app, sent = memory_app(), asyncio.Queue[Hint]()
    track = a_track(AccountId(uuid4()), upload=an_upload(AccountId(uuid4())))
    moment = app.clock.now() + timedelta(seconds=SWEEP_SECONDS / 2)
    async with app.work() as work:
        work.record(TrackScheduled(track_id=track.id, publish_at=moment))
        await work.commit()
    sweep = Sweep(app.deliveries, SUBSCRIPTIONS, app.clock, QUEUES, sent.put)
    running = asyncio.create_task(sweep.run())
    try:
        await asyncio.sleep(0.2)
        early = [sent.get_nowait().subscriber for _ in range(sent.qsize())]
        assert "tracks.publish" not in early
        app.clock.advance(timedelta(seconds=SWEEP_SECONDS / 2))
        begun, found = time.monotonic(), ""
        while found != "tracks.publish":
            found = (await asyncio.wait_for(sent.get(), SWEEP_SECONDS)).subscriber
        assert time.monotonic() - begun < 2 * SOON_SECONDS
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
