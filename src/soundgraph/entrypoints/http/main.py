"""The application that an ASGI server runs: settings, container, API."""

import os
from functools import partial

from litestar import Litestar

from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.http.app import build_app
from soundgraph.entrypoints.http.services import Services
from soundgraph.entrypoints.logs import configure_logging
from soundgraph.entrypoints.settings import load_settings


def create() -> Litestar:
    """Build the API from the environment. Called once in every server process, by name."""
    settings = load_settings(os.environ)
    configure_logging(settings.log_level, json=settings.production)
    container = wired.Container(settings=settings)
    dispensable = wired.storage_check(container)
    if settings.redis_url is not None:
        dispensable["redis"] = partial(wired.check_redis, settings.redis_url)

    async def check_database() -> None:
        await wired.check_database(container)

    async def close() -> None:
        container.passwords().close()
        await wired.close(container)

    return build_app(
        Services(
            use=wired.wiring(container),
            public_url=settings.public_url,
            cursor_key=container.secrets().derive("cursors"),
            checks={"database": check_database},
            dispensable=dispensable,
            media=wired.served_media(container),
            cors_origins=settings.allowed_origins,
            shutdown=[close],
            limiter=container.limiter() if settings.rate_limits == "on" else None,
            trusted_proxies=settings.proxies,
        )
    )
