"""Moves a database to the newest schema, or back."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from soundgraph.adapters.postgres.engine import sqlalchemy_url

# Any fixed number: whoever migrates holds this advisory lock, so that two at once come to one after the other.
MIGRATION_LOCK = 7_383_652_109


def upgrade(dsn: str, revision: str = "head") -> None:
    """Bring the database of `dsn` up to `revision`. Nothing happens where it is there already."""
    asyncio.run(_migrate(dsn, lambda config: command.upgrade(config, revision)))


def downgrade(dsn: str, revision: str) -> None:
    """Take the database of `dsn` back to `revision` ("base" for an empty one). What newer tables held is lost."""
    asyncio.run(_migrate(dsn, lambda config: command.downgrade(config, revision)))


def newest() -> str:
    """The revision that `upgrade` leads to."""
    return str(ScriptDirectory(str(Path(__file__).parent)).get_current_head())


async def _migrate(dsn: str, step: Callable[[Config], None]) -> None:
    engine = create_async_engine(sqlalchemy_url(dsn))
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
            await connection.commit()
            await connection.run_sync(_run, step)
            await connection.commit()
    finally:
        await engine.dispose()


def _run(connection: Connection, step: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    step(config)
