"""The least that an answer from PostgreSQL can cost in Python: bare ASGI and asyncpg, one prepared statement, no rules.

It answers `/tracks/{id}` and `/feed/{account id}` from the product's own tables, without looking at who asks.
"""

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

import asyncpg
from granian.constants import Interfaces
from granian.server import Server

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TRACK = "SELECT row_to_json(t)::text FROM tracks t WHERE id = $1"
FEED = """SELECT coalesce(json_agg(row_to_json(t))::text, '[]') FROM (
  SELECT tracks.* FROM timelines JOIN tracks ON tracks.id = timelines.key::uuid
  WHERE stream = 'feed:' || $1::uuid ORDER BY sort DESC, key DESC LIMIT 20) t"""


def create() -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """The application."""
    pools: list[asyncpg.Pool[asyncpg.Record]] = []

    async def no_reset(_: object) -> None:
        """Reads leave nothing to reset."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            pools.append(await asyncpg.create_pool(os.environ["FLOOR_DATABASE_URL"], max_size=10, reset=no_reset))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await pools[0].close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        _, kind, name = scope["path"].split("/")
        body = (await pools[0].fetchval(TRACK if kind == "tracks" else FEED, UUID(name))).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    Server("bench.floor:create", port=int(sys.argv[1]), interface=Interfaces.ASGI, factory=True).serve()
