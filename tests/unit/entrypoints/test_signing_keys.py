"""Signing keys in files: one takes the place of another while processes run."""

from datetime import UTC, datetime, timedelta

import pytest

from soundgraph.entrypoints.secrets import create_secrets, dated_keys, secret_problems
from soundgraph.entrypoints.settings import Settings, StartupError
from soundgraph.entrypoints.signing import KeyFiles, revoke, rotate, signs_from

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return Settings(home=tmp_path / "home", public_url="http://localhost")  # type: ignore[operator]


class Ticks:
    """A clock that a test winds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def kids(files: KeyFiles) -> list[str]:
    return [one.kid for one in files()]


def test_a_running_process_sees_a_new_key_within_a_second(settings: Settings) -> None:
    old, ticks = create_secrets(settings).kid, Ticks()
    files = KeyFiles(settings, ticks=ticks)
    assert kids(files) == [old]
    new, begins = rotate(settings, now=NOON, after=timedelta(seconds=5))
    assert begins == NOON + timedelta(seconds=5)
    assert kids(files) == [old]
    ticks.now = 1.0
    assert kids(files) == [old, new]
    assert [one.signs_from for one in files()][1] == begins
    assert secret_problems(settings) == []
    assert [signs_from(path) for path in dated_keys(settings)] == [begins]


def test_the_next_rotation_waits_for_the_last_and_tidies_up(settings: Settings) -> None:
    create_secrets(settings)
    first, _ = rotate(settings, now=NOON, after=timedelta(seconds=5))
    with pytest.raises(StartupError, match="12:17:05 UTC"):
        rotate(settings, now=NOON + timedelta(minutes=16), after=timedelta(seconds=5))
    second, _ = rotate(settings, now=NOON + timedelta(minutes=18), after=timedelta(seconds=5))
    assert kids(KeyFiles(settings)) == [first, second]
    assert len(list(settings.keys_dir.glob("*.pem"))) == 2


def test_revoking_leaves_one_key_that_signs_at_once(settings: Settings) -> None:
    create_secrets(settings)
    files, _ = KeyFiles(settings), rotate(settings, now=NOON, after=timedelta(seconds=5))
    kid = revoke(settings)
    assert kids(files) == [kid]
    assert [path.name for path in settings.keys_dir.glob("*.pem")] == ["signing.pem"]


def test_a_file_that_is_no_key_changes_nothing_for_a_running_process(settings: Settings) -> None:
    kid, ticks = create_secrets(settings).kid, Ticks()
    files = KeyFiles(settings, ticks=ticks)
    (settings.keys_dir / "signing-20260101T120000Z.pem").write_bytes(b"half a ke")
    assert kids(files) == [kid]
    (settings.keys_dir / "signing.pem").unlink()
    ticks.now = 2.0
    assert kids(files) == [kid]


def test_a_dated_key_is_checked_before_a_start(settings: Settings) -> None:
    create_secrets(settings)
    path = settings.keys_dir / "signing-20260101T120000Z.pem"
    path.write_bytes(b"half a ke")
    path.chmod(0o644)
    assert len(secret_problems(settings)) == 2
