"""The blocking half of the store: whole files, or none, in directories that come and go."""

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TypeVar

from soundgraph.domain.errors import Conflict, NotFound

T = TypeVar("T")
BUFFER_BYTES = 1 << 20
RACES_TO_LOSE = 5
CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}


class Partial:
    """An object on its way in: a file beside its target, under a name that `remove_file` derives again.

    A cancelled caller leaves a thread behind that still runs a method; the lock and `_over` keep it from bringing
    back what `discard` removed.
    """

    def __init__(self, root: Path, target: Path) -> None:
        self._root = root
        self._target = target
        self._temporary = target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}")
        self._lock = Lock()
        self._over = False
        self._fd: int | None = None
        self._size = 0
        self._hash = hashlib.sha256()

    def write(self, block: bytes) -> None:
        """Append. The first call, even of nothing, creates the file."""
        with self._lock:
            if not self._over:
                self._append(block)

    def copy(self, source: Path) -> None:
        """Take over the bytes of another object. Raises NotFound."""
        with self._lock:
            if self._over or self._link(source):
                return
            with source.open("rb") as file:
                while block := file.read(BUFFER_BYTES):
                    self._append(block)

    def publish(self) -> tuple[int, str]:
        """Make it the object, durably. Returns the size in bytes and the SHA-256 of what was written."""
        with self._lock:
            if self._fd is not None:
                os.fsync(self._fd)
            try:
                self._temporary.replace(self._target)
                _sync(self._target.parent)
            except FileNotFoundError:
                raise Conflict("removed_meanwhile", "This object was removed while it came in.") from None
            except IsADirectoryError:
                raise ValueError(f"other keys lie below this one: {self._target.name!r}") from None
            return self._size, self._hash.hexdigest()

    def discard(self) -> None:
        """Close and clean up, whatever happened before; nothing happens after it."""
        with self._lock:
            self._over = True
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
            # After `publish` too: renaming a hard link over another one of the same file leaves both.
            with suppress(NotADirectoryError):
                self._temporary.unlink(missing_ok=True)

    def _append(self, block: bytes) -> None:
        if self._fd is None:
            self._fd = self._in_directory(self._create)
        self._hash.update(block)
        self._size += len(block)
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def _create(self) -> int:
        return os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)

    def _link(self, source: Path) -> bool:
        """Whether it could be linked. Raises NotFound unless `source` is a file."""

        def link() -> None:
            if not source.is_file():
                raise NotFound
            os.link(source, self._temporary)

        try:
            self._in_directory(link)
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            return False
        return True

    def _in_directory(self, action: Callable[[], T]) -> T:
        """Run `action` once the directory is there; `remove_under` may take it away in between."""
        for _ in range(RACES_TO_LOSE):
            try:
                _make_directory(self._root, self._target.parent)
                return action()
            except FileNotFoundError:
                continue
            except (FileExistsError, NotADirectoryError):
                raise ValueError(f"this key lies below another one: {self._target.name!r}") from None
        raise Conflict("removed_meanwhile", "This place is being removed.")


def _prefix(target: Path) -> str:
    # A digest, because a name of 255 bytes has no room for a suffix.
    return f".{hashlib.sha256(target.name.encode()).hexdigest()[:32]}."


def _make_directory(root: Path, directory: Path) -> None:
    """Create what is missing, mode 0700, and make it durable: a file's own fsync does not cover its directories."""
    missing = []
    while not directory.is_dir():
        missing.append(directory)
        if directory == root:
            break
        directory = directory.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True, parents=each == root)
        _sync(each.parent)


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def stat_file(path: Path) -> os.stat_result | None:
    """What is known of an object's file. A directory is no object."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def walk(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file below a directory but for unfinished ones; what vanishes meanwhile is left out."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))
        elif (found := stat_file(Path(entry.path))) is not None:
            yield Path(entry.path), found


def remove_file(path: Path) -> None:
    """Remove a file and every `Partial` of it. A directory stays."""
    prefix = _prefix(path)
    try:
        partials = [entry.path for entry in os.scandir(path.parent) if entry.name.startswith(prefix)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for partial in partials:
        Path(partial).unlink(missing_ok=True)
    if not path.is_dir():
        path.unlink(missing_ok=True)


def remove_tree(directory: Path) -> None:
    """Remove a directory. Raises Conflict(written_meanwhile) if others keep writing to it."""
    for _ in range(RACES_TO_LOSE):
        try:
            shutil.rmtree(directory)
        except (FileNotFoundError, NotADirectoryError):
            if not directory.is_dir():
                return
        except OSError as error:
            # Something was put there while it was being emptied: once more. Without a number, rmtree says that the
            # directory it opened is no longer the one it had looked at.
            if error.errno not in (errno.ENOTEMPTY, None):
                raise
        else:
            return
    raise Conflict("written_meanwhile", "Objects keep arriving where others are being removed.")
