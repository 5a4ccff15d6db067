"""Runs the demo: on the server that runs here, or on one that it starts and keeps until Ctrl-C."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from msgspec import structs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.cli.command import answers_http, tail
from soundgraph.entrypoints.cli.database import with_database
from soundgraph.entrypoints.cli.demo.community import PASSWORD, Community
from soundgraph.entrypoints.cli.demo.pieces import PEOPLE
from soundgraph.entrypoints.cli.serve import SOUNDGRAPH
from soundgraph.entrypoints.settings import PREFIX, SUPERVISED, Settings, StartupError, open_home

START_SECONDS = 90.0
STOP_SECONDS = 30.0


def run(settings: Settings) -> None:
    """Make the community, and say where it lives. Raises StartupError."""
    if settings.production or settings.smtp_url is not None:
        raise StartupError(
            "The demo is for a machine of one's own: it needs SOUNDGRAPH_ENV=development and no SOUNDGRAPH_SMTP_URL, "
            "because it reads the mails that verify its people."
        )
    stops_when_asked()
    console = Console()
    with suppress(KeyboardInterrupt), _server(settings, console) as started:
        asyncio.run(_populate(settings, console))
        handle = next(iter(PEOPLE))
        console.print(f"\n[bold]Open {settings.public_url}/ and press play.[/bold]\n")
        console.print(f"Log in as anyone there, {handle} for one, with the password: {PASSWORD}", highlight=False)
        if started is not None:
            console.print("Ctrl-C stops everything; `make serve` brings it back.", highlight=False)
            started.wait()


def stops_when_asked() -> None:
    """Make SIGTERM another name of Ctrl-C, on which asyncio cancels: raising would tear a driver apart half-way."""
    # A shell that starts something in the background has it ignore Ctrl-C, and asyncio leaves that as it is.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)


async def _populate(settings: Settings, console: Console) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:22}"),
        BarColumn(40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with with_database(settings) as reachable, Progress(*columns, console=console) as progress:
        # Thirty tracks at once is more than one person may send.
        container = wired.Container(settings=structs.replace(reachable, rate_limits="off"))
        try:
            await Community(wired.wiring(container), settings.mail_dir, settings.public_url, progress).settle_in()
        finally:
            container.passwords().close()
            await wired.close(container)


@contextmanager
def _server(settings: Settings, console: Console) -> Iterator[subprocess.Popen[bytes] | None]:
    """A server for as long as the block: None where one runs already, else a child that ends with it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - where to ask, not bind
    answers = answers_http(host, settings.port, "/health/ready")
    if answers():
        console.print(f"Moving in with the soundgraph that runs on {settings.public_url}.")
        yield None
        return
    open_home(settings)
    log = settings.logs_dir / "serve.log"
    environ = {**os.environ, SUPERVISED: str(os.getpid()), f"{PREFIX}HOME": str(settings.home)}
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [*SOUNDGRAPH, "serve"],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        with console.status("Starting soundgraph: PostgreSQL, the API and a worker"):
            deadline = time.monotonic() + START_SECONDS
            while not answers():
                if child.poll() is not None or time.monotonic() > deadline:
                    raise StartupError(f"soundgraph did not start:\n{tail(log)}")
                time.sleep(0.1)
        yield child
    finally:
        child.terminate()
        with suppress(KeyboardInterrupt):
            child.wait(STOP_SECONDS)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as the signal module calls it
    signal.raise_signal(signal.SIGINT)
