"""The arithmetic of connections, and the warning of a process that will not find enough of them."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from soundgraph.entrypoints.cli.connections import warn_if_short
from soundgraph.entrypoints.connections import READERS, WRITERS, connections_needed
from soundgraph.entrypoints.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, public_url="http://localhost", database_url=database_url)


def warnings(settings: Settings, *, apis: int) -> list[str]:
    with capture_logs() as logs:
        warn_if_short(settings, apis=apis, workers=1)
    return [one["event"] for one in logs]


def test_every_process_needs_its_pools_and_a_worker_one_more() -> None:
    assert connections_needed(apis=1, workers=0) == WRITERS + READERS
    assert connections_needed(apis=4, workers=2) == 4 * 20 + 2 * 21


def test_only_too_many_processes_are_warned_of(settings: Settings) -> None:
    assert warnings(settings, apis=1) == []
    assert warnings(settings, apis=1_000) == ["too_few_connections"]


def test_a_database_that_is_away_is_somebody_elses_problem(tmp_path: Path) -> None:
    away = "postgresql://u:p@127.0.0.1:1/x"
    settings = Settings(home=tmp_path, public_url="http://localhost", database_url=away)
    assert warnings(settings, apis=1) == ["connections_not_checked"]
    assert warnings(Settings(home=tmp_path, public_url="http://localhost"), apis=1) == []
