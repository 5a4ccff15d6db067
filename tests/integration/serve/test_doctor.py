"""`soundgraph doctor` on a real database: what it finds, what it says to do, what it mends."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from soundgraph.entrypoints.cli.doctor import examine
from soundgraph.entrypoints.cli.findings import Finding, Status

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("serve")]


def look(
    home: Path, database_url: str, *, repair: bool = False, apis: int = 1, away: dict[str, str] | None = None
) -> dict[str, Finding]:
    """What is found, by name."""
    settings = {"SOUNDGRAPH_HOME": str(home), "SOUNDGRAPH_DATABASE_URL": database_url, **(away or {})}
    return {one.name: one for one in examine(settings, repair=repair, apis=apis, workers=1)}


def execute(database_url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(run())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


def test_a_fresh_installation_is_well(home: Path, database_url: str) -> None:
    found = look(home, database_url)
    assert {name for name, one in found.items() if one.status is Status.PROBLEM} == set()
    assert {"database", "schema", "connections", "clock", "media", "counters", "orphans", "disk"} <= set(found)
    assert {name for name, one in found.items() if one.status is Status.OFF} == {"secrets", "redis", "storage", "mail"}


def test_what_is_away_is_named_with_what_to_do(home: Path, database_url: str) -> None:
    away = {"SOUNDGRAPH_REDIS_URL": "redis://127.0.0.1:1/0", "SOUNDGRAPH_SMTP_URL": "smtp://127.0.0.1:1"}
    (home / "keys").mkdir(mode=0o755)
    found = look(home, database_url, apis=1_000, away=away)
    assert {name for name, one in found.items() if one.status is Status.PROBLEM} == {
        "connections",
        "data directory",
        "mail",
        "redis",
    }
    assert all(one.fix for one in found.values() if one.status is Status.PROBLEM)
    assert "20021 needed" in found["connections"].said


def test_without_a_database_nothing_is_asked_of_it(home: Path) -> None:
    found = look(home, "postgresql://u:p@127.0.0.1:1/x")
    assert found["database"].status is Status.PROBLEM
    assert found["invariants"].status is Status.OFF
    assert "schema" not in found


def test_an_old_schema_is_named(home: Path, empty_database_url: str) -> None:
    found = look(home, empty_database_url)
    assert found["schema"].status is Status.PROBLEM
    assert "soundgraph migrate" in found["schema"].fix


def test_production_problems_are_all_named(home: Path) -> None:
    settings = {"SOUNDGRAPH_HOME": str(home), "SOUNDGRAPH_ENV": "production"}
    found = examine(settings, repair=False, apis=1, workers=1)
    assert len(found) == 8
    assert {one.status for one in found} == {Status.PROBLEM}


def test_drift_and_orphans_are_mended_and_the_rest_is_told(home: Path, database_url: str) -> None:
    person = uuid4()
    execute(
        database_url,
        "INSERT INTO accounts (id, email, handle, role, standing, plan, created_at, version) "
        f"VALUES ('{person}', 'a@example.org', 'ada', 'member', 'active', 'free', now(), 1)",
        f"INSERT INTO counters (id, followers) VALUES ('{person}', 7)",
        f"INSERT INTO events VALUES ('{person}', 'periodic.due', 'x', '{{}}', now())",
        f"INSERT INTO deliveries VALUES ('{person}', 'gone', 'infinity', 8, 8, 'broken')",
        f"INSERT INTO deliveries VALUES ('{person}', 'late', now() - interval '1 hour', 0, 8, '')",
    )
    orphan = home / "store" / "quarantine" / str(uuid4())
    young = orphan.with_name(str(uuid4()))
    orphan.parent.mkdir(parents=True)
    (home / "store").chmod(0o700)
    for path in (orphan, young):
        path.write_bytes(b"lost")
    os.utime(orphan, (time.time() - 90_000, time.time() - 90_000))

    found = look(home, database_url)
    broken = {name for name, one in found.items() if one.status is Status.PROBLEM}
    assert broken == {"counters", "debts", "dead letters", "orphans"}
    assert f"followers of {person} was 7, rows 0" in found["counters"].said
    assert "--repair" in found["counters"].fix

    mended = look(home, database_url, repair=True)
    assert {name for name, one in mended.items() if one.status is Status.MENDED} == {"counters", "orphans"}
    assert (orphan.exists(), young.exists()) == (False, True)
    again = look(home, database_url)
    assert {again["counters"].status, again["orphans"].status} == {Status.OK}


@pytest.mark.parametrize("flag", ["--json", "--repair"])
def test_the_command_prints_and_its_status_tells(home: Path, flag: str) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDGRAPH_")}
    mine = {"SOUNDGRAPH_HOME": str(home), "SOUNDGRAPH_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x"}
    done = subprocess.run(
        [sys.executable, "-m", "soundgraph.entrypoints.cli.main", "doctor", flag],
        env={**others, **mine},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    if flag == "--json":
        assert {one["name"]: one["status"] for one in json.loads(done.stdout)}["database"] == "problem"
    else:
        assert "PROBLEM  database" in done.stdout
        assert "→ start it" in done.stdout
