"""`soundgraph demo`, as somebody runs it who has just cloned the repository: people, music, a page that plays it."""

import html
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.product import Command, environment, eventually, gone
from tests.e2e.sound import listen
from tests.ports import free_port

from soundgraph.entrypoints.cli.demo.pieces import PEOPLE

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
MOVE_IN_SECONDS = 240


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def demo(tmp_path: Path, port: int) -> Iterator[Command]:
    """The command, until the end of the test."""
    with Command("demo", environ=environment(tmp_path / "home", port), log=tmp_path / "demo.txt") as running:
        yield running


def test_the_demo_plays_soon_and_may_be_stopped_at_any_time(demo: Command, port: int) -> None:
    eventually(lambda: "plays already" in demo.said or not demo.runs(), MOVE_IN_SECONDS, hoping="that something plays")
    assert demo.runs(), demo.said
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as visitor:
        listed = [visitor.get(f"/api/v1/users/{handle}/tracks").json()["items"] for handle in PEOPLE]
        track = next(track for tracks in listed for track in tracks)
        page = visitor.get("/")
        assert page.status_code == 200
        assert html.escape(track["title"]) in page.text
        heard = listen(visitor.get(f"/api/v1/tracks/{track['id']}/stream", follow_redirects=True).content)
        assert heard.seconds == pytest.approx(track["duration_ms"] / 1000, abs=0.2)
        assert heard.loudness > 0.01
    # They are still moving in.
    family = demo.family()
    assert len(family) > 5
    assert demo.stop() == 0, demo.said
    assert gone(family)
