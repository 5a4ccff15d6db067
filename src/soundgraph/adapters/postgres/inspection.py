"""What a server says about itself, for those who start processes on it. Needs no engine."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from soundgraph.domain.errors import Unavailable

TIMEOUT_SECONDS: Final = 5
_LIMITS = """
SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true), '0')::int AS server,
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database,
       clock_timestamp() AS at,
       to_regclass('alembic_version') IS NOT NULL AS migrated
"""


@dataclass(frozen=True, slots=True)
class Inspection:
    """`connections`: how many the server, the role and the database allow. `ahead`: its clock before ours, seconds.

    `revision` names the schema, or is None for an empty database.
    """

    connections: int
    ahead: float
    revision: str | None


async def inspect(dsn: str) -> Inspection:
    """Ask once, over a connection of its own. Raises Unavailable(database_away)."""
    address = urlunsplit(urlsplit(dsn)._replace(scheme="postgresql"))
    try:
        connection = await asyncpg.connect(address, timeout=TIMEOUT_SECONDS, command_timeout=TIMEOUT_SECONDS)
        try:
            before = datetime.now(UTC)
            row = await connection.fetchrow(_LIMITS)
            middle = before + (datetime.now(UTC) - before) / 2
            assert row is not None
            revision = await connection.fetchval("SELECT version_num FROM alembic_version") if row["migrated"] else None
        finally:
            await connection.close(timeout=TIMEOUT_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(
            "database_away", f"PostgreSQL does not answer: {str(error) or type(error).__name__}"
        ) from error
    # A limit of -1 means none.
    allowed = min(limit for limit in (row["server"], row["role"], row["database"]) if limit >= 0)
    return Inspection(allowed, (row["at"] - middle).total_seconds(), revision)
