"""Settings: read from the environment once, checked as a whole, refused with a message that says how to fix them.

Every variable starts with `SOUNDGRAPH_`. A `.env` file in the working directory is read too; the real environment wins.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from dotenv import dotenv_values

from soundgraph.entrypoints.catalogue import catalogue, described
from soundgraph.entrypoints.oidc_settings import EXAMPLES, GOOGLE, Provider, others, providers
from soundgraph.entrypoints.production import refusals
from soundgraph.entrypoints.wellformed import default_home, local_url, wrong_values

PREFIX = "SOUNDGRAPH_"
# How the supervisor tells its children who it is, and what to wait for.
SUPERVISED = f"{PREFIX}SUPERVISED"
GATE = f"{PREFIX}GATE"


class StartupError(Exception):
    """A command cannot run here. The message says why and what to do; the command line prints it and no traceback."""


class SettingsError(StartupError):
    """The settings cannot be used. The message names every variable that is wrong, and what it should be."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one process needs to know about its surroundings. Unset services mean their embedded default."""

    home: Annotated[
        Path,
        described(
            "The data directory: secrets, stored objects, logs, mails and the embedded PostgreSQL.",
            example="/srv/soundgraph",
            unset="`/var/lib/soundgraph` as root, else `~/.local/share/soundgraph`",
        ),
    ]
    host: Annotated[
        str,
        described("The address to listen on; `0.0.0.0` is every one.", example="0.0.0.0"),  # noqa: S104 - an example
    ] = "127.0.0.1"
    port: Annotated[int, described("The port to listen on.", example="8080")] = 8000
    public_url: Annotated[
        str,
        described(
            "What links in answers, mails and signed addresses begin with.",
            example="https://sound.example",
            unset="host and port",
            required="the https address that people and links use",
        ),
    ]
    database_url: Annotated[
        str | None,
        described(
            "The PostgreSQL that holds the truth.",
            example="postgresql://soundgraph:…@db.example/soundgraph",
            unset="an embedded PostgreSQL in the data directory",
            required="postgresql://user:password@host/soundgraph; the embedded PostgreSQL is for one machine",
        ),
    ] = None
    redis_url: Annotated[
        str | None,
        described(
            "The Redis that lets processes act as one. It holds only what can be rebuilt.",
            example="redis://cache.example:6379/0",
            unset="hints by NOTIFY, and exactly one API process",
            required="redis://host:6379/0; without it limits and realtime stop at one process",
        ),
    ] = None
    smtp_url: Annotated[
        str | None,
        described(
            "The mail server: `smtps://` for TLS, `smtp://` for STARTTLS.",
            example="smtps://soundgraph:…@mail.example",
            unset="one `.eml` file per mail in the data directory",
            required="smtps://user:password@host; without it mail is only written to files",
        ),
    ] = None
    s3_bucket: Annotated[
        str | None,
        described(
            "The bucket for audio and covers, on S3 or what speaks its protocol. It exists and is not public.",
            example="soundgraph",
            unset="files in the data directory, served by this process",
            required="a bucket; files in the data directory are for one machine",
        ),
    ] = None
    s3_access_key: Annotated[
        str | None,
        described("Who reads and writes it.", example="soundgraph", unset="no bucket", required="its access key"),
    ] = None
    s3_secret_key: Annotated[
        str | None,
        described("The secret of that key.", example="…", unset="no bucket", required="the secret of the access key"),
    ] = None
    s3_region: Annotated[str, described("Where the bucket is.", example="eu-central-1")] = "us-east-1"
    s3_endpoint_url: Annotated[
        str | None,
        described("Where the storage answers.", example="http://minio.example:9000", unset="Amazon's, in that region"),
    ] = None
    s3_public_url: Annotated[
        str | None,
        described("Where clients reach it, by signed addresses.", example="https://cdn.example", unset="the endpoint"),
    ] = None
    env: Annotated[
        Literal["development", "production"],
        described("`production` refuses embedded defaults, weak secrets and lifted limits.", example="production"),
    ] = "development"
    rate_limits: Annotated[
        Literal["on", "off"], described("`off` lifts every limit, for load tests; not in production.", example="off")
    ] = "on"
    cors_origins: Annotated[
        str,
        described(
            "Origins whose pages may call the API, separated by commas; `*` alone for every one, without cookies.",
            example="https://app.example,http://localhost:5173",
            unset="no page of another site may call the API",
        ),
    ] = ""
    trusted_proxies: Annotated[
        str,
        described(
            "Networks of proxies whose `X-Forwarded-For` is believed, separated by commas.",
            example="10.0.0.0/8,fd00::/8",
            unset="nobody's `X-Forwarded-For` is believed",
        ),
    ] = ""
    captcha: Annotated[
        Literal["off", "hcaptcha", "recaptcha", "turnstile"],
        described("Whose captcha registering and logging in ask for; off unless set.", example="turnstile"),
    ] = "off"
    captcha_secret: Annotated[str | None, described("The secret it is asked with.", example="0x4A…", unset="none")] = (
        None
    )
    captcha_url: Annotated[
        str | None, described("Where it is asked.", example="https://captcha.example", unset="as the service publishes")
    ] = None
    google_client_id: Annotated[
        str | None,
        described(
            "The client that Google knows this site by. It sends people back to "
            "`<public URL>/api/v1/auth/oauth/google/callback`.",
            example="1234.apps.googleusercontent.com",
            unset="nobody signs in with Google",
        ),
    ] = None
    google_client_secret: Annotated[
        str | None, described("The secret of that client.", example="GOCSPX-…", unset="nobody signs in with Google")
    ] = None
    oidc: Annotated[
        tuple[Provider, ...],
        described(
            "Another OpenID Connect provider, with any name of letters and digits for EXAMPLE. All three are needed.",
            example="",
            unset="Google alone, if that is set",
            variables=EXAMPLES,
        ),
    ] = ()
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], described("The least that is logged.", example="warning")
    ] = "info"

    @property
    def production(self) -> bool:
        """Whether embedded defaults, generated secrets and lifted limits are refused."""
        return self.env == "production"

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks whose X-Forwarded-For is believed."""
        return tuple(ip_network(one.strip()) for one in self.trusted_proxies.split(",") if one.strip())

    @property
    def sign_in_providers(self) -> tuple[Provider, ...]:
        """Every provider that people can sign in through: name, discovery URL, client id, client secret."""
        if self.google_client_id is None or self.google_client_secret is None:
            return self.oidc
        return (("google", GOOGLE, self.google_client_id, self.google_client_secret), *self.oidc)

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


def load_settings(
    environ: Mapping[str, str],
    dotenv_path: Path | None = None,
    *,
    also: Callable[[Settings], list[str]] = lambda _: [],
) -> Settings:
    """Read and check the settings; `dotenv_path` defaults to `.env` in the working directory.

    In production `also` is asked for further problems. Raises SettingsError that lists every problem at once.
    """
    path = Path.cwd() / ".env" if dotenv_path is None else dotenv_path
    # Without interpolation: a password may hold a dollar sign.
    from_file = {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}
    given = _ours({**from_file, **environ})
    oidc, wrong = providers(given)
    given = others(given)
    _refuse_unknown(given)
    # An empty value is how shells and compose files say "unset".
    values = {name.removeprefix(PREFIX).lower(): value.strip() for name, value in given.items() if value.strip()}
    problems = wrong_values(values, PREFIX) + wrong
    if problems:
        raise SettingsError(problems)
    home = Path(values.get("home") or default_home({**from_file, **environ})).expanduser().absolute()
    port = int(values.get("port", "8000"))
    public_url = values.get("public_url") or local_url(values.get("host", "127.0.0.1"), port)
    full: dict[str, object] = {**values, "home": home, "public_url": public_url.rstrip("/"), "oidc": oidc}
    settings = msgspec.convert(full, Settings, strict=False)
    if settings.production:
        problems = refusals(values, catalogue(Settings, PREFIX), PREFIX) + also(settings)
        if problems:
            raise SettingsError(problems)
    return settings


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
    return [one.name for one in catalogue(Settings, PREFIX)]


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = _known()
    problems = []
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        problems.append(f"{name} is not a setting. Did you mean {near[0]}? Known: {', '.join(known)}.")
    if problems:
        raise SettingsError(problems)
