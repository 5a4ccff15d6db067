"""Hints as Dramatiq messages over Redis."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from dramatiq import Broker, Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware
from redis.exceptions import RedisError

from soundgraph.application.deliveries import ACTOR, Hint, Hints
from soundgraph.domain.errors import Unavailable

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


def enqueue(broker: Broker, hint: Hint) -> None:
    """Hand one hint to the broker. Raises Unavailable(broker_away); Dramatiq lets what Redis raises through."""
    try:
        broker.enqueue(message_of(hint))
    except RedisError as error:
        raise Unavailable("broker_away", "The message broker does not answer. Try again later.") from error


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
                enqueue(self._broker, hint)
        except Unavailable as away:
            log.warning("hints dropped, %d at most: %s", len(hints), away.__cause__)
