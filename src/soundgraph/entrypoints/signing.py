"""The signing keys in the data directory, and how one takes the place of another while processes run.

`signing.pem` signs until the moment in the name of a `signing-<UTC>.pem`. Whoever finds a key believes it at once, also
before it signs: so it can be copied to every host in time. Running processes look every second.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from soundgraph.domain.identity import ACCESS_LIFETIME
from soundgraph.entrypoints.secrets import (
    SIGNING_KEY,
    create_secrets,
    dated_keys,
    kid_of,
    new_signing_key,
    write_once,
)
from soundgraph.entrypoints.settings import Settings, StartupError

LOOK_SECONDS = 1.0
STAMP = "%Y%m%dT%H%M%SZ"
ALWAYS = datetime.min.replace(tzinfo=UTC)
log = structlog.get_logger()


class KeyFile(msgspec.Struct, frozen=True):
    """One signing key. It signs from `signs_from` on, until a later one does."""

    kid: str
    pem: bytes
    signs_from: datetime

    def __repr__(self) -> str:
        return f"KeyFile(kid={self.kid!r})"


class KeyFiles:
    """What is in the directory now, looked at no more than once a second; a file that is no key is left out."""

    def __init__(self, settings: Settings, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._ticks = settings, ticks
        self._looked, self._seen = -LOOK_SECONDS, ""
        self._keys: list[KeyFile] = []

    def __call__(self) -> list[KeyFile]:
        now = self._ticks()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look()
        return self._keys

    def _look(self) -> None:
        try:
            paths = [self._settings.keys_dir / SIGNING_KEY, *dated_keys(self._settings)]
            seen = repr([(path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths])
        except OSError as error:
            log.warning("the signing keys cannot be read; the known ones stay", error=str(error))
            return
        if seen != self._seen:
            self._keys = [key for key in map(_read, paths) if key is not None] or self._keys
            self._seen = seen


def rotate(settings: Settings, *, now: datetime, after: timedelta) -> tuple[str, datetime]:
    """Make a key that signs from `after` from now on. Returns its kid and that moment.

    Tokens of the present key stay good until they expire. Raises StartupError while an earlier rotation is under way.
    """
    create_secrets(settings)
    begins = (now + after).replace(microsecond=0)
    earlier = dated_keys(settings)
    if earlier:
        over = signs_from(earlier[-1]) + ACCESS_LIFETIME + timedelta(minutes=2)
        if now < over:
            raise StartupError(
                f"The key of the last rotation relieves the one before it until {over:%H:%M:%S} UTC: wait until then, "
                "or use --revoke, which refuses every older token at once."
            )
        earlier[-1].replace(settings.keys_dir / SIGNING_KEY)
        for path in earlier[:-1]:
            path.unlink()
    pem = new_signing_key()
    write_once(settings.keys_dir / f"signing-{begins.strftime(STAMP)}.pem", pem)
    return kid_of(pem), begins


def revoke(settings: Settings) -> str:
    """Make a key that signs at once and is the only one believed. Returns its kid. Everyone refreshes."""
    create_secrets(settings)
    pem = new_signing_key()
    draft = settings.keys_dir / f".{SIGNING_KEY}.{os.getpid()}"
    write_once(draft, pem)
    draft.replace(settings.keys_dir / SIGNING_KEY)
    for path in dated_keys(settings):
        path.unlink()
    return kid_of(pem)


def signs_from(path: Path) -> datetime:
    """From when the key in a file signs, as its name says. Raises ValueError."""
    if path.name == SIGNING_KEY:
        return ALWAYS
    return datetime.strptime(path.stem.removeprefix("signing-"), STAMP).replace(tzinfo=UTC)


def _read(path: Path) -> KeyFile | None:
    try:
        pem = path.read_bytes()
        return KeyFile(kid_of(pem), pem, signs_from(path))
    except (OSError, ValueError, TypeError) as error:
        log.warning("not a signing key", path=str(path), error=str(error))
        return None
