"""The example that plugs an adapter of one's own into the container, run as its reader would run it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_an_own_mailer_gets_the_mail_that_the_product_owes(tmp_path: Path, database_url: str) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDGRAPH_")}
    mine = {"SOUNDGRAPH_HOME": str(tmp_path), "SOUNDGRAPH_DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "own_adapter.py"],
        env={**others, **mine},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("to ada@example.org: ")
    assert len(done.stdout.splitlines()) == 1
    assert not (tmp_path / "mail").exists()
