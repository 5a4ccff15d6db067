"""The table of settings and the example file say what the code says."""

from pathlib import Path

from docs.reference import ROOT, dotenv_example, stale

from soundgraph.entrypoints.catalogue import catalogue
from soundgraph.entrypoints.settings import PREFIX, Settings, load_settings


def test_the_generated_pages_are_fresh() -> None:
    assert [str(path.relative_to(ROOT)) for path in stale()] == [], "run: make docs"


def test_every_setting_says_what_it_means_with_a_default_and_an_example() -> None:
    for one in catalogue(Settings, PREFIX):
        assert one.meaning, f"{one.name}: describe it beside its field in settings.py"
        assert one.example, one.name
        assert one.default, one.name


def test_the_example_file_sets_nothing_and_every_example_is_accepted(tmp_path: Path) -> None:
    example = tmp_path / ".env"
    example.write_text(dotenv_example())
    assert load_settings({"HOME": str(tmp_path)}, example) == load_settings({"HOME": str(tmp_path)}, tmp_path / "none")
    lines = [line.removeprefix("# ") for line in dotenv_example().splitlines()]
    example.write_text("\n".join(line for line in lines if line.startswith(PREFIX)).replace("RATE_LIMITS=off", ""))
    assert load_settings({}, example).production
