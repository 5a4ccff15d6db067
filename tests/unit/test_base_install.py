"""The base install is enough: domain, application and memory adapters need the standard library and msgspec."""

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_with_base_install(script: Path, packages: Path) -> str:
    """What a script prints where nothing is installed but this library and msgspec."""
    found = importlib.util.find_spec("msgspec")
    assert found is not None
    assert found.submodule_search_locations is not None
    (packages / "msgspec").symlink_to(found.submodule_search_locations[0])
    (packages / "soundgraph").symlink_to(ROOT / "src" / "soundgraph")
    start = (
        f"import runpy, sys; sys.path.append({str(packages)!r}); runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-I", "-S", "-c", start]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_library_example_runs(tmp_path: Path) -> None:
    printed = run_with_base_install(ROOT / "examples" / "library.py", tmp_path)
    assert printed == "1 follower; you follow her: True\n"


def test_the_library_example_is_short() -> None:
    assert len((ROOT / "examples" / "library.py").read_text().splitlines()) < 30
