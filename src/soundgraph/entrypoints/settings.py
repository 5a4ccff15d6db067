"""Settings: read from the environment once, checked as a whole, refused with a message that says how to fix them.

Every variable starts with `SOUNDGRAPH_`. A `.env` file in the working directory is read too; the real environment wins.
"""

import difflib
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from dotenv import dotenv_values

PREFIX = "SOUNDGRAPH_"
# How the supervisor tells its children who it is, and what to wait for; not for people to set.
SUPERVISED = f"{PREFIX}SUPERVISED"
GATE = f"{PREFIX}GATE"

# As browsers serialise an origin: lower case, no default port, no path.
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_SCHEMES = {
    "database_url": ("postgresql", "postgres"),
    "redis_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
    "public_url": ("http", "https"),
}


class StartupError(Exception):
    """A command cannot run here. The message says why and what to do; the command line prints it and no traceback."""


class SettingsError(StartupError):
    """The settings cannot be used. The message names every variable that is wrong, and what it should be."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one process needs to know about its surroundings. Unset services mean their embedded default."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str
    database_url: str | None = None
    redis_url: str | None = None
    smtp_url: str | None = None
    env: Literal["development", "production"] = "development"
    rate_limits: Literal["on", "off"] = "on"
    cors_origins: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def production(self) -> bool:
        """Whether embedded defaults, generated secrets and lifted limits are refused."""
        return self.env == "production"

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Whose pages may call the API from another site; `*` alone for every site, without its cookies."""
        return tuple(one.strip() for one in self.cors_origins.split(",") if one.strip())

    @property
    def mail_dir(self) -> Path:
        """One `.eml` file per mail, where no mail server is set."""
        return self.home / "mail"

    @property
    def store_dir(self) -> Path:
        """Stored objects, where no object storage is set."""
        return self.home / "store"

    @property
    def keys_dir(self) -> Path:
        """Generated secrets."""
        return self.home / "keys"

    @property
    def scratch_dir(self) -> Path:
        """Files in the making; nothing here outlives the work that made it."""
        return self.home / "scratch"

    @property
    def postgres_dir(self) -> Path:
        """The embedded PostgreSQL: its cluster and its password."""
        return self.home / "postgres"

    @property
    def logs_dir(self) -> Path:
        """One log per supervised process."""
        return self.home / "logs"

    @property
    def run_dir(self) -> Path:
        """Locks and the state of what is running now."""
        return self.home / "run"


def load_settings(environ: Mapping[str, str], dotenv_path: Path | None = None) -> Settings:
    """Read and check the settings; `dotenv_path` defaults to `.env` in the working directory.

    Raises SettingsError that lists every problem at once.
    """
    path = Path.cwd() / ".env" if dotenv_path is None else dotenv_path
    # Without interpolation: a password may hold a dollar sign.
    from_file = {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}
    given = _ours({**from_file, **environ})
    _refuse_unknown(given)
    # An empty value is how shells and compose files say "unset".
    values = {name.removeprefix(PREFIX).lower(): value.strip() for name, value in given.items() if value.strip()}
    problems = _problems(values)
    if problems:
        raise SettingsError(problems)
    home = Path(values.get("home") or default_home({**from_file, **environ})).expanduser().absolute()
    port = int(values.get("port", "8000"))
    public_url = values.get("public_url") or _local_url(values.get("host", "127.0.0.1"), port)
    full: dict[str, object] = {**values, "home": home, "public_url": public_url.rstrip("/")}
    settings = msgspec.convert(full, Settings, strict=False)
    if settings.production:
        _refuse_embedded(settings, named=values.keys())
    return settings


def default_home(environ: Mapping[str, str]) -> Path:
    """Where data lives unless SOUNDGRAPH_HOME says otherwise: a system directory for root, the user's own else."""
    if os.geteuid() == 0:
        return Path("/var/lib/soundgraph")
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "soundgraph"


def open_home(settings: Settings) -> None:
    """Make the data directory and the private directories in it that every process may write to.

    As root the data directory can be entered by others, because the cluster in it belongs to an unprivileged user.
    """
    home = settings.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0 and home.stat().st_mode & 0o111 != 0o111:
        home.chmod(home.stat().st_mode | 0o111)
    private = (settings.keys_dir, settings.logs_dir, settings.mail_dir, settings.run_dir)
    for directory in (*private, settings.scratch_dir, settings.store_dir):
        directory.mkdir(mode=0o700, exist_ok=True)


def _ours(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_") and name not in {SUPERVISED, GATE}
    }


def _known() -> list[str]:
    return [PREFIX + name.upper() for name in Settings.__struct_fields__]


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = _known()
    problems = []
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        problems.append(f"{name} is not a setting. Did you mean {near[0]}? Known: {', '.join(known)}.")
    if problems:
        raise SettingsError(problems)


def _problems(values: Mapping[str, str]) -> list[str]:
    checks: dict[str, Callable[[str], str | None]] = {
        "port": _bad_port,
        "env": _not_one_of("development", "production"),
        "rate_limits": _not_one_of("on", "off"),
        "cors_origins": _bad_origins,
        "log_level": _not_one_of("debug", "info", "warning", "error"),
        **{name: _not_a_url(*schemes) for name, schemes in _SCHEMES.items()},
    }
    found = ((name, check(values[name])) for name, check in checks.items() if name in values)
    return [f"{PREFIX}{name.upper()} {problem}" for name, problem in found if problem]


def _bad_port(value: str) -> str | None:
    if value.isascii() and value.isdigit() and 1 <= int(value) <= 65535:
        return None
    return f"is {value!r}: use a number from 1 to 65535, such as 8000."


def _bad_origins(value: str) -> str | None:
    origins = [one.strip() for one in value.split(",") if one.strip()]
    if "*" in origins and len(origins) > 1:
        return "mixes * with origins: listed origins may send credentials, * never may. Use one or the other."
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            return f"holds {origin!r}: use origins as browsers send them: https://example.org,https://…"
    return None


def _not_one_of(*allowed: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in allowed else f"is {value!r}: use one of {', '.join(allowed)}."

    return check


def _not_a_url(*schemes: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        # The value is not repeated: such URLs hold passwords.
        try:
            url = urlsplit(value)
            url.port  # noqa: B018 - parsing the port is what raises
        except ValueError as error:
            return f"is not a URL ({error}): use {schemes[0]}://host…"
        if url.scheme in schemes and (url.netloc or url.scheme == "unix"):
            return None
        return f"is not a URL of the right kind: use {schemes[0]}://host…"

    return check


def _local_url(host: str, port: int) -> str:
    # Nobody can browse to the address that means "every interface".
    name = "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{name}:{port}"


def _refuse_embedded(settings: Settings, named: Collection[str]) -> None:
    required = {
        "database_url": "postgresql://user:password@host/soundgraph; the embedded PostgreSQL is for one machine",
        "redis_url": "redis://host:6379/0; without it limits and realtime stop at one process",
        "smtp_url": "smtps://user:password@host; without it mail is only written to files",
        "public_url": "the https address that people and links use",
    }
    problems = [
        f"{PREFIX}{name.upper()} is required in production: {fix}."
        for name, fix in required.items()
        if name not in named
    ]
    if "public_url" in named and not settings.public_url.startswith("https://"):
        problems.append(f"{PREFIX}PUBLIC_URL must start with https:// in production.")
    if settings.rate_limits == "off":
        problems.append(f"{PREFIX}RATE_LIMITS=off lifts every limit and is refused in production: unset it.")
    if problems:
        raise SettingsError(problems)
