"""The README is true: its tour gives sound, and what it names exists."""

import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from tests.e2e.product import ROOT, Served
from tests.e2e.sound import listen

from soundgraph.entrypoints.settings import PREFIX, Settings

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
README = (ROOT / "README.md").read_text()
TOUR_SECONDS = 90


def tour() -> str:
    """The commands of the tour, in order."""
    blocks = re.findall(r"<!-- tour -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert len(blocks) > 4
    return "".join(blocks)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory that looks like the repository to the tour, where it may leave its files."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.fixture
def said(product: Served, checkout: Path) -> str:
    """What the tour prints, run by a shell that stops at the first failure."""
    script = tour().replace("127.0.0.1:8000", f"127.0.0.1:{product.port}")
    with subprocess.Popen(
        ["bash", "-e"],
        cwd=checkout,
        env=product.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        try:
            output, _ = shell.communicate(script, timeout=TOUR_SECONDS)
        except subprocess.TimeoutExpired:
            shell.kill()
            output, _ = shell.communicate()
            pytest.fail(f"the tour did not end within {TOUR_SECONDS} s:\n{output}")
    assert shell.returncode == 0, output
    return output


def test_the_tour_gives_sound(said: str, checkout: Path) -> None:
    with wave.open(str(checkout / "tune.wav")) as tune:
        seconds = tune.getnframes() / tune.getframerate()
    heard = listen((checkout / "tune").read_bytes())
    assert heard.seconds == pytest.approx(seconds, abs=0.1)
    assert heard.loudness > 0.05
    # The API's answers end without a line break.
    assert "206\n" in said
    assert "Four Chords\n" in said
    assert '"handle":"ben_listens"' in said.splitlines()[-1]


def commands(*group: str) -> set[str]:
    """The commands of a group, or of `soundgraph` itself, by their own account."""
    asked = [sys.executable, "-m", "soundgraph.entrypoints.cli.main", *group, "--help"]
    environ = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    run = subprocess.run(asked, env=environ, capture_output=True, text=True, timeout=60, check=True)
    return set(re.findall(r"^\W*([a-z][a-z-]*)  ", run.stdout, re.MULTILINE))


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?soundgraph ([a-z][a-z -]*)`", README))
    named |= {f"admin {name}" for name in re.findall(r"`admin ([a-z-]+)`", README)}
    named |= {command.strip() for command in re.findall(r"bin/soundgraph ([a-z]+)", README)}
    assert {"api", "worker", "migrate", "where", "admin dead-letters", "admin replay"} <= named
    exist = commands() | {f"admin {name}" for name in commands("admin")}
    assert named <= exist


def test_the_readme_names_no_target_setting_or_file_that_does_not_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)`", README)) <= targets
    settings = {f"{PREFIX}{name.upper()}" for name in Settings.__struct_fields__}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+", README)) <= settings
    for path in [*re.findall(r"\]\(((?!http)[^)]+)\)", README), "docker-compose.yml"]:
        assert (ROOT / path).exists(), path
