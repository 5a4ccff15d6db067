"""Several API processes, one Redis, many connections: of a burst exactly as many are admitted as the rule says."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from tests.redis_servers import RedisServer

from soundgraph.application.limits import LOGIN, REFRESH

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("serve")]
API = "/api/v1"
PROCESSES, CONNECTIONS, REQUESTS = 4, 50, 200
START_SECONDS = 60.0


@dataclass
class Running:
    """`soundgraph api` with four processes."""

    url: str
    redis: RedisServer


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, lasting_database_url: str, broker: RedisServer
) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("running")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDGRAPH_")}
    environ = {
        "SOUNDGRAPH_HOME": str(home / "home"),
        "SOUNDGRAPH_PORT": str(port),
        "SOUNDGRAPH_DATABASE_URL": lasting_database_url,
        "SOUNDGRAPH_REDIS_URL": broker.url,
        "SOUNDGRAPH_TRUSTED_PROXIES": "127.0.0.1",
    }
    command = [sys.executable, "-m", "soundgraph.entrypoints.cli.main", "api", "--processes", str(PROCESSES)]
    said = home / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(command, env={**others, **environ}, cwd=home, stdout=output, stderr=output)
    try:
        wait_for_all(process, f"http://127.0.0.1:{port}", said)
        yield Running(f"http://127.0.0.1:{port}", broker)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def wait_for_all(process: "subprocess.Popen[bytes]", url: str, said: Path) -> None:
    """Until every process listens: each has its own socket on the port."""
    port, deadline = int(url.rpartition(":")[2]), time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, said.read_text()
        family = psutil.Process(process.pid).children(recursive=True)
        if sum(listens(one, port) for one in family) >= PROCESSES and httpx.get(f"{url}/health/live").is_success:
            return
        time.sleep(0.1)
    raise TimeoutError(said.read_text())


def listens(process: psutil.Process, port: int) -> bool:
    """Whether a process has a listening socket on the port."""
    try:
        found = process.net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


async def flood(url: str, path: str, bodies: list[dict[str, str]], address: str) -> Counter[str]:
    """Post every body over fifty connections at once, again where nobody could count. Counts the codes that came."""
    waiting, codes = iter(bodies), Counter[str]()

    async def connection() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            # Opens the connections of the server as well, so that none of them is late for the race.
            for _ in range(2):
                await client.get(f"{API}/users/nobody", headers={"X-Forwarded-For": f"198.51.100.{os.getpid() % 200}"})
            for body in waiting:
                code = "limits_away"
                while code == "limits_away":
                    answer = await client.post(path, json=body, headers={"X-Forwarded-For": address})
                    code = answer.json()["code"]
                    codes[code] += 1

    async with asyncio.timeout(120):
        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return codes


async def test_four_processes_and_fifty_connections_admit_exactly_as_many(running: Running) -> None:
    begun = time.monotonic()
    bodies = [{"login": f"nobody-{number}", "password": "wrong horse battery"} for number in range(REQUESTS)]
    codes = await flood(running.url, f"{API}/auth/login", bodies, "192.0.2.1")
    # On a machine so slow that the hold ends some come back meanwhile, and some may be taken by an answer of Redis that
    # came too late.
    taken = (time.monotonic() - begun) * 1_000_000
    came_back = int(taken // LOGIN.interval) if taken >= LOGIN.hold else 0
    admitted = REQUESTS - codes["rate_limited"]
    assert LOGIN.limit - codes["limits_away"] <= admitted <= LOGIN.limit + came_back
    assert codes["invalid_credentials"] + codes["busy"] == admitted


async def test_redis_goes_and_comes_back_under_load(running: Running) -> None:
    async with httpx.AsyncClient(base_url=running.url, timeout=10) as client:
        refreshing = {"refresh_token": "x"}
        assert (await client.post(f"{API}/auth/refresh", json=refreshing)).status_code == 401
        running.redis.stop()
        for _ in range(20):
            begun = time.monotonic()
            closed = await client.post(f"{API}/auth/refresh", json=refreshing)
            opened = await client.get(f"{API}/users/nobody")
            assert (closed.status_code, opened.status_code) == (503, 404)
            assert int(closed.headers["Retry-After"]) > 0
            assert time.monotonic() - begun < 2
        running.redis.start()
        async with asyncio.timeout(20):
            while (answer := await client.post(f"{API}/auth/refresh", json=refreshing)).status_code == 503:
                await asyncio.sleep(0.1)
        assert (answer.status_code, answer.headers["RateLimit-Limit"]) == (401, str(REFRESH.limit))
