"""The migrations make exactly the tables that the code speaks of, and unmake them."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from soundgraph.adapters.postgres.engine import sqlalchemy_url
from soundgraph.adapters.postgres.migrations import downgrade
from soundgraph.adapters.postgres.schema import metadata


def differences(connection: Connection) -> list[Any]:
    """What alembic would add or remove to make the database equal to the metadata."""
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_the_migrated_schema_is_the_one_in_the_code(database_url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(database_url))
    try:
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
    finally:
        await engine.dispose()
    assert found == []


async def tables_of(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        functions = await connection.fetch("SELECT 1 FROM pg_proc WHERE proname = 'may_see'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows} | ({"may_see()"} if functions else set())


def test_up_down_and_up_again(empty_database_url: str, migrate: Callable[[str], None]) -> None:

    migrate(empty_database_url)
    full = asyncio.run(tables_of(empty_database_url))
    assert full == set(metadata.tables) | {"alembic_version", "may_see()"}

    downgrade(empty_database_url, "base")
    assert asyncio.run(tables_of(empty_database_url)) == {"alembic_version"}

    migrate(empty_database_url)
    migrate(empty_database_url)
    assert asyncio.run(tables_of(empty_database_url)) == full
