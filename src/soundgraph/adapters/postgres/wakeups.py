"""Listens for the wake-ups that `NotifyHints` sends, on a connection of its own."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from soundgraph.adapters.postgres.deliveries import CHANNEL

RECONNECT_SECONDS = 1.0


async def listen(dsn: str, wake: Callable[[], None]) -> None:
    """Call `wake` for every wake-up, and once after every reconnection, until cancelled."""
    address = urlunsplit(urlsplit(dsn)._replace(scheme="postgresql"))
    while True:
        try:
            connection = await asyncpg.connect(
                address, timeout=5, server_settings={"application_name": "soundgraph-listen"}
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(RECONNECT_SECONDS)
            continue
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            await connection.add_listener(CHANNEL, lambda *_: wake())
            wake()
            await lost.wait()
        finally:
            connection.terminate()
