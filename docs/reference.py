"""Keeps `docs/settings.md` and `.env.example` equal to the settings in the code.

`python docs/reference.py` writes both; the test suite calls `stale()` and fails if that would change anything.
"""

from collections.abc import Iterator
from pathlib import Path

from soundgraph.entrypoints.catalogue import Setting, catalogue
from soundgraph.entrypoints.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent

PAGE = """\
# Settings

<!-- Generated from soundgraph/entrypoints/settings.py: `make docs` writes it again. -->

Every setting is an environment variable. A `.env` file in the working directory is read too
([.env.example](../.env.example) names everything); the environment wins, and an empty value means unset. A variable
that begins with `SOUNDGRAPH_` and is not in this table is refused, with the nearest name that is.

| variable | default | meaning | example | in production |
|---|---|---|---|---|
{rows}

With `SOUNDGRAPH_ENV=production`, `api` and `worker` refuse to start and name everything that is wrong at once: a
required setting that is missing, a `SOUNDGRAPH_PUBLIC_URL` without https, a database without a password or with one
that everybody tries first, lifted limits, and secrets (`soundgraph keys` makes them) that are missing, short,
guessable or readable by others. [Operations](operations.md) says how the pieces run together.
"""

DOTENV = """\
# Every setting of soundgraph, unset. Copy to `.env`, or set them in the environment, which wins.
# Generated from soundgraph/entrypoints/settings.py: `make docs` writes it again.
"""


def settings_page() -> str:
    """The page, from the table in the code."""
    return PAGE.format(rows="\n".join(_row(one) for one in catalogue(Settings, PREFIX)))


def dotenv_example() -> str:
    """The example file, from the same table."""
    return DOTENV + "".join(_entry(one) for one in catalogue(Settings, PREFIX))


def _row(one: Setting) -> str:
    default = one.default if " " in one.default or "`" in one.default else f"`{one.default}`"
    required = "required" if one.required else ""
    return f"| `{one.name}` | {default} | {one.meaning} | `{one.example}` | {required} |"


def _entry(one: Setting) -> str:
    required = " Required in production." if one.required else ""
    return (
        f"\n# {one.meaning.replace('`', '')}{required}\n"
        f"# Unset: {one.default.replace('`', '')}\n# {one.name}={one.example}\n"
    )


def _generated() -> dict[Path, str]:
    return {ROOT / "docs" / "settings.md": settings_page(), ROOT / ".env.example": dotenv_example()}


def stale() -> Iterator[Path]:
    """Every generated file that the code has left behind."""
    for path, text in _generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path


if __name__ == "__main__":
    for path in list(stale()):
        path.write_text(_generated()[path], encoding="utf-8")
        print(f"refreshed {path.relative_to(ROOT)}")
