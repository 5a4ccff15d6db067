"""The real product for benches: `soundgraph serve` in a directory of its own, without limits, and people in it."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PASSWORD = "correct horse battery"
START_SECONDS = 120


@dataclass
class Site:
    """Where it answers, and where its mails are."""

    base: str
    mails: Path


@contextmanager
def serving() -> Iterator[Site]:
    """Serve until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    # Its cluster may run as another user, who has to get into the directory.
    with tempfile.TemporaryDirectory(prefix="soundgraph-bench-") as directory:
        Path(directory).chmod(0o755)
        home = Path(directory) / "home"
        environ = {
            **os.environ,
            "SOUNDGRAPH_HOME": str(home),
            "SOUNDGRAPH_PORT": str(port),
            "SOUNDGRAPH_RATE_LIMITS": "off",
            "SOUNDGRAPH_LOG_LEVEL": "error",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "soundgraph.entrypoints.cli.main", "serve"], env=environ, stdout=subprocess.DEVNULL
        )
        try:
            base = f"http://127.0.0.1:{port}"
            _wait(base)
            yield Site(base, home / "mail")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait(base: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        try:
            if httpx.get(f"{base}/health/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.25)
    raise TimeoutError("soundgraph did not start")


async def members(site: Site, count: int) -> list[str]:
    """The handles of so many people with verified accounts."""
    handles = [f"member{number:03}" for number in range(100, 100 + count)]
    async with httpx.AsyncClient(base_url=f"{site.base}/api/v1/auth", timeout=60) as client:
        for handle in handles:
            asked = {"email": f"{handle}@example.org", "handle": handle, "password": PASSWORD}
            (await client.post("/register", json=asked)).raise_for_status()
        for handle in handles:
            token = mailed(site, f"{handle}@example.org")
            (await client.post("/verify-email", json={"token": token, "transport": "bearer"})).raise_for_status()
    return handles


def mailed(site: Site, address: str) -> str:
    """The token in the mail to an address, once it is there."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        for path in site.mails.glob("*.eml"):
            text = path.read_text()
            if f"To: {address}" in text and (found := re.search(r"token=(\S+)", text)):
                return found[1]
        time.sleep(0.1)
    raise TimeoutError(f"no mail to {address}")
