"""A server for the browser: memory adapters, but the store, the media and the server are real.

`python -m tests.integration.browser.site DIRECTORY PORT` runs it.
"""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server
from tests.audio import wav_bytes
from tests.builders import join, once

from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.system import SystemClock
from soundgraph.application.playback import ReportPlay
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import BeginUpload, CreateTrack, MediaProcessor
from soundgraph.domain.ids import TrackId
from soundgraph.domain.tracks import StreamPolicy, TrackDetails
from soundgraph.domain.visibility import ANYONE, Actor
from soundgraph.entrypoints.http.app import Services, build_app

ROOT = Path(__file__).parents[3]
SHORT, LONG = 2, 12
TITLES = {"A long one": LONG, "<img src=x onerror=alert(1)>": SHORT, "Wordwithoutanyspace" * 8: SHORT, "Short": SHORT}
POLICIES = {"A taste": StreamPolicy.SNIP, "Not for you": StreamPolicy.BLOCK}


async def publish(
    world: World, actor: Actor, title: str, seconds: int, policy: StreamPolicy = StreamPolicy.ALLOW
) -> TrackId:
    """A track of real sound."""
    upload = await world.use(BeginUpload)(actor=actor, filename="a.wav")
    kept = await world.use(ObjectStore).put(upload.key, once(wav_bytes(seconds)))
    details = TrackDetails(title=title, genre="Test", policy=policy)
    made = await world.use(CreateTrack)(
        actor=actor, upload_id=upload.id, size_bytes=kept.size_bytes, sha256=kept.sha256, details=details
    )
    await world.settle()
    return made


async def main(directory: Path, port: int) -> None:
    """Fill the site and serve it until killed."""
    url = f"http://127.0.0.1:{port}"
    store = FilesystemStore(directory / "store", b"s" * 32, url, SystemClock())
    media = PyAvProcessor(store, directory / "scratch")
    world = memory_app({ObjectStore: store, MediaProcessor: media}, base_url=url)
    annika = await join(world, "annika")
    for title, policy in POLICIES.items():
        await publish(world, annika, title, LONG, policy)
    for title, seconds in TITLES.items():
        track_id = await publish(world, annika, title, seconds)
    await world.use(ReportPlay)(viewer=ANYONE, visitor="one", track_id=track_id, position_ms=SHORT * 1_000)
    app = build_app(Services(world.use, url, b"k" * 32, media=store))
    await Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI).serve()


@contextmanager
def serve_site(directory: Path, port: int) -> Iterator[str]:
    """The address of a site that serves for as long as the block."""
    log = directory / "site.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(directory), str(port)], cwd=ROOT, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{port}/health/live"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
