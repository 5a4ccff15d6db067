"""`soundgraph doctor` beside a product that runs: what no row names is told, then removed, and nothing else is."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from tests.audio import wav_bytes
from tests.e2e.product import Json, Person, Served, eventually, files_below

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
TWO_DAYS = 2 * 86_400
LOST = b"nobody knows me"


def doctor(product: Served, *flags: str) -> dict[str, Json]:
    """Its findings, by name."""
    asked = [sys.executable, "-m", "soundgraph.entrypoints.cli.main", "doctor", "--json", *flags]
    environ = {**product.environ, "COLUMNS": "200"}
    run = subprocess.run(asked, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode in (0, 1), run.stderr
    return {one["name"]: one for one in json.loads(run.stdout)}


def planted(path: Path, *, age: float = TWO_DAYS) -> Path:
    """A file that nobody named, so many seconds old."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(LOST)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def age_everything(store: Path) -> None:
    """Make what is there as old as what is planted: nothing may be spared for its youth."""
    for path in files_below(store):
        os.utime(path, (time.time() - TWO_DAYS, time.time() - TWO_DAYS))


def test_what_no_row_names_is_found_and_removed(product: Served, ada: Person) -> None:
    track_id = ada.publish(wav_bytes(2), "Kept")
    eventually(lambda: not product.sql.debts("tracks.process"), hoping="that all of it is there")
    age_everything(product.store)
    before = sorted(files_below(product.store))
    (revision,) = (product.store / "renditions" / track_id).iterdir()
    orphans = [
        planted(product.store / "quarantine" / str(uuid4())),
        planted(product.store / "originals" / str(uuid4()) / str(uuid4())),
        planted(product.store / "renditions" / str(uuid4()) / str(uuid4()) / "1" / "waveform.json"),
        planted(product.store / "artwork" / str(uuid4()) / "100.jpg"),
        # What an attempt left beside the one that succeeded.
        planted(revision / "7" / "mp3_128k.mp3"),
        planted(product.store / "originals" / track_id / str(uuid4())),
    ]
    young = planted(product.store / "quarantine" / str(uuid4()), age=60)

    found = doctor(product)["orphans"]
    assert found["status"] == "problem"
    assert f"{len(orphans)} of {len(before) + len(orphans) + 1} objects without a row" in found["said"]
    assert f"{len(orphans) * len(LOST)} bytes" in found["said"]
    assert "--repair" in found["fix"]
    assert all(path.exists() for path in orphans)

    assert doctor(product, "--repair")["orphans"]["status"] == "mended"
    assert not any(path.exists() for path in orphans)
    assert sorted(files_below(product.store)) == sorted([*before, young])
    young.unlink()
    after = doctor(product)
    assert (after["orphans"]["status"], after["missing"]["status"]) == ("ok", "ok")
    assert product.visitor().get(f"/api/v1/tracks/{track_id}/streams").status_code == 200


def test_scratch_directories_of_the_dead_go_with_the_next_job(product: Served, ada: Person) -> None:
    left = planted(product.home / "scratch" / "job-0123456789abcdef" / "original")
    ada.publish(wav_bytes(1), "Sweeps")
    assert not left.parent.exists()
