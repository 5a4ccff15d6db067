"""A product small enough to test `serve` with: the same commands, each doing almost nothing.

python standin.py serve|api|worker|migrate
"""

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from soundgraph.adapters.embedded.launch import die_with_parent
from soundgraph.adapters.embedded.programs import PostgresError
from soundgraph.entrypoints.cli import serve
from soundgraph.entrypoints.settings import SUPERVISED, StartupError, load_settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def create() -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """An ASGI application that answers its own process id to everything."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

    return app


def main(command: str) -> None:
    """Run one of the commands."""
    settings = load_settings(os.environ, Path(os.devnull))
    if command == "serve":
        me = (sys.executable, __file__)
        serve.run(settings, commands={name: (*me, name) for name in ("migrate", "worker", "api")})
        return
    if os.environ.get("STANDIN_FAILS") == command:
        sys.exit("asked to fail")
    die_with_parent(int(os.environ.pop(SUPERVISED)), signal.SIGKILL)
    if command == "api":
        from soundgraph.entrypoints.cli import api

        sys.path.insert(0, str(Path(__file__).parent))
        api.run(settings, application="standin:create")
    elif command == "worker":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while True:
            time.sleep(60)
    else:
        assert settings.database_url


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (StartupError, PostgresError) as error:
        sys.exit(str(error))
