"""200 logins at once: how long the event loop stands still, and what another route feels of it.

`python -m bench.logins` starts `soundgraph serve` on a free port with a database of its own and without limits, and
prints how late the event loop runs while passwords are hashed in threads and, for comparison, on the loop itself; then
how long `GET /api/v1/users/{handle}`, which reads the database, takes while idle and while 200 people log in, and how
many of these got in or were told to wait. Milliseconds; p99 unless said otherwise. Exits with 1 where a bar is missed.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as EventType

import httpx
from bench.served import PASSWORD, members, serving

from soundgraph.adapters.argon2.passwords import Argon2Passwords

LOGINS = 200
# The most that each may be: late in threads by late on the loop, and a bystander's time in the rush by its idle time.
BARS = {"lag_ratio": 0.1, "bystander_ratio": 3.0}
TICK_SECONDS = 0.001
PAUSE_SECONDS = 0.005
IDLE_SECONDS = 8.0
# What a process takes to begin watching.
START_SECONDS = 1.5


def p99(values: list[float]) -> float:
    """The value that 99 in a hundred do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


async def lag_during(work: Callable[[], Awaitable[object]]) -> float:
    """How many milliseconds the event loop is late, at p99, while `work` runs."""
    late, done = list[float](), asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            late.append((time.perf_counter() - before - TICK_SECONDS) * 1_000)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    await work()
    done.set()
    await watching
    return p99(late)


async def hashing() -> dict[str, float]:
    """The loop's lag with the product's hasher, and with the same hashes made inline."""
    passwords = Argon2Passwords(queue=LOGINS)
    encoded = await passwords.hash(PASSWORD)

    async def in_threads() -> None:
        await asyncio.gather(*(passwords.verify(encoded, PASSWORD) for _ in range(LOGINS)))

    async def inline() -> None:
        for _ in range(LOGINS):
            passwords._hasher.verify(encoded, PASSWORD)  # the same work, on the loop
            await asyncio.sleep(0)

    found = {"threads_lag_ms": await lag_during(in_threads), "inline_lag_ms": await lag_during(inline)}
    passwords.close()
    return found


def watch(base: str, path: str, until: EventType, found: Connection) -> None:
    """In a process of its own, send when each of many requests in turn began, and the milliseconds that it took."""
    host = base.removeprefix("http://")
    connection, times = HTTPConnection(host, timeout=60), list[tuple[float, float]]()
    while not until.is_set():
        begun = time.monotonic()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times.append((begun, (time.monotonic() - begun) * 1_000))
        time.sleep(PAUSE_SECONDS)
    found.send(times)


@contextmanager
def watched(base: str, path: str) -> Iterator[list[float]]:
    """What another route takes during the block."""
    context = get_context("spawn")
    until, times = context.Event(), list[float]()
    receiving, sending = context.Pipe(duplex=False)
    watcher = context.Process(target=watch, args=(base, path, until, sending))
    watcher.start()
    # So that a watcher that fails is an end, and not a silence.
    sending.close()
    time.sleep(START_SECONDS)
    begun = time.monotonic()
    yield times
    until.set()
    times += [took for at, took in receiving.recv() if at >= begun]
    watcher.join()


async def rush(base: str, handles: list[str]) -> list[int]:
    """The statuses of 200 logins at once."""
    limits = httpx.Limits(max_connections=LOGINS)
    async with httpx.AsyncClient(base_url=base, timeout=60, limits=limits) as client:

        async def log_in(handle: str) -> int:
            asked = {"login": handle, "password": PASSWORD, "transport": "bearer"}
            return (await client.post("/api/v1/auth/login", json=asked)).status_code

        return await asyncio.gather(*(log_in(handles[number % len(handles)]) for number in range(LOGINS)))


def bystander(base: str, handles: list[str]) -> dict[str, float]:
    """What another route takes while idle, and during the logins; how many of them got in or were told to wait."""
    path = f"/api/v1/users/{handles[0]}"
    with watched(base, path) as idle:
        time.sleep(IDLE_SECONDS)
    with watched(base, path) as busy:
        begun = time.perf_counter()
        statuses = asyncio.run(rush(base, handles))
        seconds = time.perf_counter() - begun
    return {
        "idle_ms": p99(idle),
        "busy_ms": p99(busy),
        "samples": len(busy),
        "logged_in": statuses.count(200),
        "told_to_wait": statuses.count(429),
        "failed": len([one for one in statuses if one not in (200, 429)]),
        "seconds": seconds,
    }


def main() -> None:
    """Print what was measured as JSON."""
    found = asyncio.run(hashing())
    with serving() as site:
        handles = asyncio.run(members(site, 20))
        found |= bystander(site.base, handles)
    found["lag_ratio"] = found["threads_lag_ms"] / found["inline_lag_ms"]
    found["bystander_ratio"] = found["busy_ms"] / found["idle_ms"]
    missed = [name for name, bar in BARS.items() if found[name] > bar]
    json.dump({name: round(value, 3) for name, value in found.items()} | {"missed": missed}, sys.stdout, indent=2)
    print()
    sys.exit(bool(missed or found["failed"]))


if __name__ == "__main__":
    main()
