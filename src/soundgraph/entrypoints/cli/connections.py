"""Says at the start of a process that PostgreSQL allows too few connections, before it refuses one in mid-work."""

import asyncio

import structlog

from soundgraph.adapters.postgres.inspection import inspect
from soundgraph.domain.errors import Unavailable
from soundgraph.entrypoints.connections import connections_needed
from soundgraph.entrypoints.settings import Settings

log = structlog.get_logger(__name__)


def warn_if_short(settings: Settings, *, apis: int, workers: int) -> None:
    """Log a warning unless so many processes fit. A database that is away is the business of whoever needs it next."""
    if settings.database_url is None:
        return
    needed = connections_needed(apis=apis, workers=workers)
    try:
        allowed = asyncio.run(inspect(settings.database_url)).connections
    except Unavailable as away:
        log.warning("connections_not_checked", reason=away.message)
        return
    if allowed < needed:
        log.warning(
            "too_few_connections",
            allowed=allowed,
            needed=needed,
            fix=f"{apis} API processes and {workers} workers: raise max_connections, or run fewer processes",
        )
