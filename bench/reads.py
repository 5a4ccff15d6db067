"""What reads cost beside the floor: `python -m bench.reads`. Both sides are asked in turn, in one run."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.audio import wav_bytes
from tests.e2e.load import latency_of
from tests.e2e.product import ROOT, Served, eventually
from tests.ports import free_port

CONNECTIONS = 16
SECONDS = 3.0
ROUNDS = 3
TRACKS = 20


async def ask(url: str, headers: str, until: float) -> list[float]:
    """Ask over one connection, again and again; the milliseconds that each answer took."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n{headers}\r\n".encode()
    took = []
    try:
        while (started := time.perf_counter()) < until:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            took.append((time.perf_counter() - started) * 1000)
    finally:
        writer.close()
        await writer.wait_closed()
    return took


async def load(url: str, headers: str) -> list[float]:
    """Ask over many connections at once."""
    until = time.perf_counter() + SECONDS
    asked = await asyncio.gather(*(ask(url, headers, until) for _ in range(CONNECTIONS)))
    return [one for took in asked for one in took]


@contextmanager
def floor(database_url: str, port: int) -> Iterator[str]:
    """The floor, for the length of a block; its address."""
    environ = {**os.environ, "FLOOR_DATABASE_URL": database_url}
    with subprocess.Popen(
        [sys.executable, "-m", "bench.floor", str(port)], env=environ, cwd=ROOT, stderr=subprocess.DEVNULL
    ) as server:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def measure(what: str, ours: tuple[str, str], bare: tuple[str, str]) -> None:
    """Ask both in turn and print a line for each."""
    rates: dict[str, list[float]] = {"soundgraph": [], "floor": []}
    every: dict[str, list[float]] = {"soundgraph": [], "floor": []}
    for _ in range(ROUNDS):
        for side, (url, headers) in (("soundgraph", ours), ("floor", bare)):
            took = asyncio.run(load(url, headers))
            rates[side].append(len(took) / SECONDS)
            every[side] += took
    for side, took in every.items():
        latency = latency_of(took)
        rate = statistics.median(rates[side])
        share = rate / statistics.median(rates["floor"])
        print(f"{what:6} {side:11} {rate:8.0f}/s  p50 {latency.p50:6.2f} ms  p99 {latency.p99:6.2f} ms  × {share:.2f}")


def answers(url: str) -> bool:
    """Whether anything answers 200 there."""
    try:
        asyncio.run(ask(url, "", time.perf_counter() + 0.01))
    except OSError:
        return False
    return True


def main() -> None:
    """Fill a product, measure and print."""
    with tempfile.TemporaryDirectory() as directory, closing(Served(Path(directory) / "home", free_port())) as product:
        product.wait_ready()
        ada, ben = product.join("ada"), product.join("ben")
        ben.put(f"/me/followings/{ada.id}")
        tracks = [ada.publish(wav_bytes(0.2, 8_000, 1), f"Track {number}") for number in range(TRACKS)]
        eventually(lambda: len(ben.feed()) == TRACKS, hoping="for a full feed")
        as_ben = f"Authorization: Bearer {ben.session['access_token']}\r\n"
        with floor(product.database_url, free_port()) as bare:
            track = f"{bare}/tracks/{tracks[0]}"
            eventually(lambda: answers(track), hoping="for the floor")
            measure("track", (f"{product.api}/tracks/{tracks[0]}", as_ben), (track, ""))
            measure("feed", (f"{product.api}/me/feed", as_ben), (f"{bare}/feed/{ben.id}", ""))


if __name__ == "__main__":
    main()
