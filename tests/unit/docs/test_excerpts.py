"""The docs quote the source as it is."""

import re

from docs.excerpts import EXCERPT, ROOT, stale

PAGES = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_every_excerpt_equals_the_source() -> None:
    assert [str(page.relative_to(ROOT)) for page in stale()] == [], "run: .venv/bin/python docs/excerpts.py"


def test_the_life_of_a_like_has_ten_excerpts() -> None:
    text = (ROOT / "docs" / "life-of-a-like.md").read_text(encoding="utf-8")
    assert len(EXCERPT.findall(text)) == 10


def test_relative_links_lead_somewhere() -> None:
    pages = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []
