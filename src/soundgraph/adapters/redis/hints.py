"""Hints as Dramatiq messages over Redis."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from dramatiq import Broker, Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionError as BrokerAway
from dramatiq.middleware import Middleware

from soundgraph.application.deliveries import ACTOR, Hint, Hints

log = logging.getLogger(__name__)


def redis_broker(url: str, queues: Iterable[str], middleware: list[Middleware]) -> RedisBroker:
    """A broker on that Redis. A message whose worker was killed comes back within seconds, though nothing needs it."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]  # untyped in dramatiq
        url=url, middleware=middleware, heartbeat_timeout=5_000, maintenance_chance=100_000
    )
    for queue in queues:
        broker.declare_queue(queue)
    return broker


def message_of(hint: Hint) -> "Message[None]":
    """The message that carries a hint."""
    return Message(
        queue_name=hint.queue, actor_name=ACTOR, args=(str(hint.event_id), hint.subscriber), kwargs={}, options={}
    )


class BrokerHints(Hints):
    """Enqueues hints off the event loop. What cannot be sent is dropped: the sweep finds the debt."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._sending: set[asyncio.Task[None]] = set()

    def send(self, hints: Sequence[Hint]) -> None:
        task = asyncio.create_task(asyncio.to_thread(self._enqueue, list(hints)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _enqueue(self, hints: list[Hint]) -> None:
        try:
            for hint in hints:
                self._broker.enqueue(message_of(hint))
        except BrokerAway as error:
            log.warning("%d hints dropped: %s", len(hints), error)
