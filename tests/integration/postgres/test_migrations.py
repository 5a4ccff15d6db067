"""The migrations make exactly the tables that the code speaks of, and unmake them."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.builders import join, publish, upload
from tests.worlds import postgres_world

from soundgraph.adapters.postgres.engine import sqlalchemy_url
from soundgraph.adapters.postgres.migrations import downgrade, upgrade
from soundgraph.adapters.postgres.schema import metadata
from soundgraph.application.tracks import DeleteTrack
from soundgraph.application.upkeep import CheckCounters
from soundgraph.domain.plans import Usage


def differences(connection: Connection) -> list[Any]:
    """What alembic would add or remove to make the database equal to the metadata."""
    partitions = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")))

    def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or name not in partitions

    context = MigrationContext.configure(connection, opts={"include_object": is_ours})
    return list(compare_metadata(context, metadata))


async def test_the_migrated_schema_is_the_one_in_the_code(database_url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(database_url))
    try:
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
    finally:
        await engine.dispose()
    assert found == []


TABLES = """
    SELECT relname AS tablename FROM pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
"""


async def tables_of(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(TABLES)
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


async def test_what_was_there_before_allowances_is_counted(database_url: str) -> None:
    async with postgres_world(database_url) as app:
        ada = await join(app, "ada")
        await publish(app, ada)
        gone = await publish(app, ada, "Gone")
        await app.use(DeleteTrack)(actor=ada, track_id=gone)
        await upload(app, ada, "Waiting")
    await asyncio.to_thread(downgrade, database_url, "0005")
    await asyncio.to_thread(upgrade, database_url)
    async with postgres_world(database_url) as app:
        assert await app.use(CheckCounters)(repair=False) == []
        async with app.work() as work:
            assert (await work.allowances.get(ada.id)).usage == Usage(500, 0)


PLAYED = """
    INSERT INTO accounts VALUES ('00000000-0000-7000-8000-000000000001', 'a@example.org', 'ada', '', 'member', 'active',
        'free', now(), 1);
    INSERT INTO tracks (id, owner_id, permalink, title, description, genre, tags, license, audience, standing,
        downloadable, comments_enabled, embeddable, created_at, version)
    VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'a', 'A', '', '', '{}',
        'cc-by', 'public', 'ok', false, true, true, now(), 1);
    INSERT INTO plays SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000002',
        'account:00000000-0000-7000-8000-000000000001', n, '',
        '2026-01-01 23:00+00'::timestamptz + n * interval '1 hour', n <> 1,
        CASE n WHEN 1 THEN 'too_short' END FROM generate_series(0, 2) AS n
"""


async def plays_in(url: str) -> tuple[int, list[tuple[str, str, int]], list[int]]:
    """How many raw ones, the sums of days, and the positions in histories."""
    connection = await asyncpg.connect(url)
    try:
        raw = await connection.fetchval("SELECT count(*) FROM plays")
        days = await connection.fetch("SELECT day::text, outcome, plays FROM plays_by_day ORDER BY 1, 2")
        heard = await connection.fetch("SELECT position_ms FROM history")
    finally:
        await connection.close()
    return raw, [tuple(row) for row in days], [row["position_ms"] for row in heard]


async def run(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def test_plays_survive_their_partitioning_and_its_undoing(
    empty_database_url: str, migrate: Callable[[str], None]
) -> None:
    migrate(empty_database_url)
    downgrade(empty_database_url, "0004")
    asyncio.run(run(empty_database_url, PLAYED))
    migrate(empty_database_url)
    expected = [("2026-01-01", "counted", 1), ("2026-01-02", "counted", 1), ("2026-01-02", "too_short", 1)]
    assert asyncio.run(plays_in(empty_database_url)) == (3, expected, [2])
    downgrade(empty_database_url, "0004")
    migrate(empty_database_url)
    assert asyncio.run(plays_in(empty_database_url)) == (3, expected, [2])
