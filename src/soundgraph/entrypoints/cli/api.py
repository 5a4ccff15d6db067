"""`soundgraph api`: the HTTP server. Any number of processes share the port; they need Redis to agree on limits."""

import gc
import os
import signal
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from soundgraph.adapters.embedded.launch import die_with_parent
from soundgraph.entrypoints.cli.gate import wait_at_gate
from soundgraph.entrypoints.cli.listening import require_free
from soundgraph.entrypoints.settings import Settings, StartupError

APPLICATION = "soundgraph.entrypoints.http.main:create"
# On SIGTERM granian waits for open responses, and an event stream never ends by itself.
DRAIN_SECONDS = 10
# Requests in flight in one process, streams and sockets among them; more wait in the kernel's backlog.
CONCURRENT_REQUESTS = 2048


def run(settings: Settings, *, processes: int = 1, application: str = APPLICATION) -> None:
    """Serve until stopped. Raises StartupError if that cannot work here.

    `application` names a factory, "module:function"; each server process calls it once.
    """
    refuse_unfit(settings, processes=processes)
    require_free(settings.host, settings.port, command="soundgraph api")
    server = Server(
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=processes,
        backlog=1024,
        backpressure=CONCURRENT_REQUESTS,
        log_access=False,
        log_level=LogLevels(settings.log_level),
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
    )
    server.serve(target_loader=partial(load, os.getpid()))


def refuse_unfit(settings: Settings, *, processes: int) -> None:
    """Raises StartupError for settings that so many server processes cannot run on."""
    if settings.database_url is None:
        raise StartupError(
            "SOUNDGRAPH_DATABASE_URL is not set: set it, or run `soundgraph serve`, which brings its own."
        )
    if processes > 1 and settings.redis_url is None:
        raise StartupError(
            f"{processes} processes need SOUNDGRAPH_REDIS_URL: without Redis, limits and realtime live in one process."
        )


def load(parent: int, application: str) -> Callable[..., Any]:
    """Make the application, in the server process that will run it, and have that process die with `parent`."""
    # Forked, it inherits handlers that only make sense in the parent; until granian sets its own, a stop is a stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent, signal.SIGKILL)
    name, _, factory = application.partition(":")
    module = import_module(name)
    wait_at_gate()
    made: Callable[..., Any] = getattr(module, factory)()
    # What is there now stays: looking through all of it for garbage stopped every request for an eighth of a second.
    gc.collect()
    gc.freeze()
    return made
