"""The page on security promises nothing that is not tested, or says so."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| (V\d+\.\d+(?:\.\d+)?) \| (.+) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"`(test_\w+)`")


def rows() -> list[tuple[str, str]]:
    """The sections, each with its verdict."""
    return [(row[1], row[3]) for row in ROW.finditer((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))]


def test_every_test_that_is_named_exists() -> None:
    tests = "\n".join(one.read_text(encoding="utf-8") for one in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)\(", tests))
    named = {name for _, verdict in rows() for name in NAME.findall(verdict)}
    assert named - defined == set()
    assert len(named) > 80


def test_every_line_has_a_verdict() -> None:
    for section, verdict in rows():
        assert NAME.search(verdict) or "gap" in verdict or verdict.startswith("not applicable"), section


def test_every_chapter_is_there_in_order() -> None:
    sections = [tuple(int(part) for part in section[1:].split(".")) for section, _ in rows()]
    assert sections == sorted(set(sections))
    assert {section[0] for section in sections} == set(range(1, 18))


def test_dependencies_are_locked_and_their_updates_promised() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    foreign = [one for one in packages if "registry" in one["source"]]
    assert len(foreign) > 30
    for one in foreign:
        files = [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]
        assert files, one["name"]
        assert {file["hash"].partition(":")[0] for file in files} == {"sha256"}, one["name"]
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (critical, high|medium|low) \|", policy, re.MULTILINE) == [
        "critical, high",
        "medium",
        "low",
    ]
