"""The page on uploads names every way in which processing can fail, and the limits that hold."""

import re
from pathlib import Path

from soundgraph.domain.tracks import MAX_DURATION_MS, MAX_UPLOAD_BYTES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "uploads.md").read_text(encoding="utf-8")
SOURCES = [
    *(ROOT / "src/soundgraph/adapters/pyav").glob("*.py"),
    ROOT / "src/soundgraph/application/tracks/processing.py",
]
CODE = re.compile(r"(?:refusal|Failure|Refused)\(\s*(?:stage=)?(?:\w+|\"\w+\"),\s*(?:code=)?\"(\w+)\"")


def test_every_failure_is_explained() -> None:
    raised = {code for path in SOURCES for code in CODE.findall(path.read_text(encoding="utf-8"))}
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert raised == explained


def test_the_limits_are_those_that_hold() -> None:
    assert f"at most {MAX_UPLOAD_BYTES >> 30} GiB" in PAGE
    assert f"at most {MAX_DURATION_MS // 3_600_000} hours" in PAGE
