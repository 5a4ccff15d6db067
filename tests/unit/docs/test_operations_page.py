"""The page for operators says what is so."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from soundgraph.domain import playback, privacy
from soundgraph.domain.identity import accounts, recovery, sessions
from soundgraph.domain.tracks import uploads

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LIFETIMES = [
    ("an access token", sessions.ACCESS_LIFETIME),
    ("a session", sessions.FAMILY_LIFETIME),
    ("a verification link, a change of address", accounts.REGISTRATION_LIFETIME),
    ("a verification link, a change of address", recovery.EMAIL_CHANGE_LIFETIME),
    ("a link for a forgotten password", recovery.RESET_LIFETIME),
    ("a deleted account, until it is purged", privacy.DELETION_GRACE),
    ("an export", privacy.EXPORT_LIFETIME),
    ("an unfinished upload", uploads.UPLOAD_LIFETIME),
    ("a signed address of a rendition", playback.RENDITION_GRACE),
    ("a signed address of a download", playback.DOWNLOAD_LIFETIME),
    ("single plays; the history of a listener", playback.PLAYS_KEPT),
    ("single plays; the history of a listener", playback.HISTORY_KEPT),
]


@pytest.mark.parametrize(("thing", "lifetime"), LIFETIMES)
def test_the_documented_lifetimes_are_the_constants(thing: str, lifetime: timedelta) -> None:
    said = re.search(rf"^\| {thing} \| (.+) \|$", PAGE, re.MULTILINE)
    assert said is not None
    units = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
    assert lifetime in [
        int(number) * units[unit] for number, unit in re.findall(r"(\d+) (minutes|hours|days)", said[1])
    ]


def test_every_documented_line_is_written() -> None:
    section = PAGE.partition("## Logs\n")[2].partition("\n## ")[0]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    lines = [line for row in rows for line in re.findall(r"`([^`]+)`", row)]
    assert len(lines) > 8
    assert [line for line in lines if f'"{line}' not in sources] == []
