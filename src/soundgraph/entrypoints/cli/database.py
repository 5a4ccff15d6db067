"""The database that a command uses: the one that is set, else the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from soundgraph.adapters.embedded.postgres import EmbeddedPostgres
from soundgraph.entrypoints.settings import Settings, open_home


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """The PostgreSQL in the data directory, not started."""
    open_home(settings)
    log = settings.logs_dir / "postgres.log"
    return EmbeddedPostgres(directory=settings.postgres_dir, run=settings.run_dir, log=log)


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Settings whose `database_url` works for the duration of a block; for one-shot commands.

    Attaches to the embedded PostgreSQL of a running `serve`, or runs one until the block ends. Raises PostgresError.
    """
    if settings.database_url is not None:
        yield settings
        return
    with embedded_postgres(settings).running_or_started() as url:
        yield msgspec.structs.replace(settings, database_url=url)
