"""Runs a worker: Dramatiq carries the hints, the deliveries table makes the promises."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Sequence
from typing import Final
from uuid import UUID

import dramatiq
import structlog
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import AsyncIO, Middleware

from soundgraph.application.deliveries import ACTOR, Hint
from soundgraph.application.subscriptions import QUEUES, SUBSCRIPTIONS
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.ids import EventId
from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.logs import configure_logging
from soundgraph.entrypoints.settings import Settings, StartupError
from soundgraph.entrypoints.worker.lanes import THREADS, Lanes
from soundgraph.entrypoints.worker.sweep import Sweep

DRAIN_SECONDS: Final = 8.0

log = structlog.get_logger(__name__)


class Paying(Middleware):
    """Owns what pays debts. Made when the worker boots, in the event loop that runs the actors."""

    def __init__(self, settings: Settings, queues: Sequence[str]) -> None:
        self._settings, self._queues = settings, queues
        self._tasks: list[asyncio.Task[None]] = []

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002 - their signature
        on_loop(self._start(broker))

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002 - as above
        on_loop(wired.close(self._container))

    async def deliver(self, event_id: str, subscriber: str) -> None:
        """The one actor: pay one debt, if it is there to be paid."""
        try:
            queue = SUBSCRIPTIONS.named(subscriber).queue
        except KeyError:
            # A newer version's hint; that version will pay it.
            return
        try:
            await self._lanes.pay(EventId(UUID(event_id)), subscriber, queue)
        except Unavailable as away:
            log.warning("delivery_postponed", subscriber=subscriber, code=away.code)
        except asyncio.CancelledError:
            log.info("delivery_interrupted", subscriber=subscriber, event_id=event_id)

    def drain(self) -> None:
        """Stop looking for work and let what is running finish."""
        on_loop(self._drain())

    async def _start(self, broker: dramatiq.Broker) -> None:
        self._container = wired.Container(settings=self._settings)
        deliveries, clock = self._container.deliveries(), self._container.clock()
        loop = asyncio.get_running_loop()

        async def send(hint: Hint) -> None:
            # In a thread: a Redis that hangs must not hold up the heartbeats.
            await asyncio.to_thread(wired.enqueue, broker, hint)

        self._sweep = Sweep(deliveries, SUBSCRIPTIONS, clock, self._queues, send)
        self._lanes = Lanes(wired.dispatcher(self._container), self._sweep.wake)
        self._tasks = [loop.create_task(self._sweep.run())]
        if self._settings.redis_url is None:
            self._tasks.append(loop.create_task(wired.listen(self._container, self._sweep.wake)))

    async def _drain(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lanes.drain(DRAIN_SECONDS)


def on_loop(work: Coroutine[object, object, None]) -> None:
    """Run a coroutine on the event loop of the actors, from another thread."""
    thread = get_event_loop_thread()
    if thread is None:
        raise RuntimeError("the event loop of the worker has not started")
    thread.run_coroutine(work)


def run(settings: Settings, queues: Sequence[str] = ()) -> None:
    """Pay the debts of some queues, or of all, until SIGTERM or SIGINT. Raises StartupError for an unknown queue."""
    if unknown := set(queues) - set(QUEUES):
        raise StartupError(f"There is no queue {', '.join(sorted(unknown))}. Queues: {', '.join(QUEUES)}.")
    configure_logging(level=settings.log_level, json=settings.production)
    queues = queues or QUEUES
    paying = Paying(settings, queues)
    broker = wired.broker(settings, [AsyncIO(), paying])
    # Without Dramatiq's Retries middleware a failed message is gone: only the debt says what is owed.
    dramatiq.actor(broker=broker, actor_name=ACTOR)(paying.deliver)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    worker = dramatiq.Worker(broker, queues=set(queues), worker_threads=THREADS)
    worker.start()
    log.info("worker_started", queues=list(queues))
    stopping.wait()
    paying.drain()
    worker.stop()
    broker.close()
