"""Plays are kept in partitions by month, which are made ahead and dropped whole."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from tests.builders import join, publish
from tests.contracts.test_plays import counted, report
from tests.worlds import PostgresWorld, postgres_world

from soundgraph.application.playback import PlayArchive


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[PostgresWorld]:
    async with postgres_world(database_url) as world:
        yield world


async def rows(world: PostgresWorld, statement: str) -> list[object]:
    async with world.engine.connect() as connection:
        return list((await connection.execute(text(statement))).scalars())


async def test_months_are_made_ahead_filled_from_what_came_early_and_dropped(world: PostgresWorld) -> None:
    ada = await join(world, "ada")
    track_id = await publish(world, ada)
    start = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    world.clock.advance(start - world.clock.now())
    await report(world, track_id, "one")
    world.clock.advance(timedelta(seconds=1))
    await report(world, track_id, "two")
    where = "SELECT tableoid::regclass::text || ' ' || listener FROM plays ORDER BY at"
    assert await rows(world, where) == ["plays_elsewhen visitor:one", "plays_elsewhen visitor:two"]
    archive = world.use(PlayArchive)
    await archive.prepare(now=start)
    await archive.prepare(now=start)
    assert await rows(world, where) == ["plays_of_2026_03 visitor:one", "plays_of_2026_04 visitor:two"]
    names = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'plays'::regclass ORDER BY 1"
    months = [f"plays_of_2026_{month}" for month in ("03", "04", "05")]
    assert await rows(world, names) == ["plays_elsewhen", *months]
    await report(world, track_id, "three")
    assert (await rows(world, where))[-1] == "plays_of_2026_04 visitor:three"
    april = datetime(2026, 4, 30, tzinfo=UTC)
    await archive.prune(plays_before=april, history_before=april)
    assert await rows(world, names) == ["plays_elsewhen", *months[1:]]
    assert len(await rows(world, where)) == 2
    assert await counted(world, track_id) == 3
    indexes = "SELECT count(*) FROM pg_indexes WHERE tablename IN ('plays', 'plays_of_2026_05') GROUP BY tablename"
    whole, part = await rows(world, indexes)
    assert whole == part
