"""What a setting must look like: each check says what is wrong with a value and what to use instead."""

import os
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

# As browsers serialise an origin: lower case, no default port, no path.
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)

SCHEMES = {
    "database_url": ("postgresql", "postgres"),
    "redis_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
    "public_url": ("http", "https"),
    "captcha_url": ("http", "https"),
    "s3_endpoint_url": ("http", "https"),
    "s3_public_url": ("http", "https"),
}


def bad_port(value: str) -> str | None:
    """What is wrong with a port, or None."""
    if value.isascii() and value.isdigit() and 1 <= int(value) <= 65535:
        return None
    return f"is {value!r}: use a number from 1 to 65535, such as 8000."


def not_networks(value: str) -> str | None:
    """What is wrong with a list of networks, or None."""
    try:
        _ = [ip_network(one.strip()) for one in value.split(",")]
    except ValueError as error:
        return f"is {value!r} ({error}): use networks separated by commas, such as 10.0.0.0/8,fd00::/8."
    return None


def bad_origins(value: str) -> str | None:
    """What is wrong with a list of origins, or None."""
    origins = [one.strip() for one in value.split(",") if one.strip()]
    if "*" in origins and len(origins) > 1:
        return "mixes * with origins: listed origins may send credentials, * never may. Use one or the other."
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            return f"holds {origin!r}: use origins as browsers send them: https://example.org,https://…"
    return None


def not_one_of(*allowed: str) -> Callable[[str], str | None]:
    """A check that a value is one of a few."""

    def check(value: str) -> str | None:
        return None if value in allowed else f"is {value!r}: use one of {', '.join(allowed)}."

    return check


def not_a_url(*schemes: str) -> Callable[[str], str | None]:
    """A check that a value is a URL of one of these schemes. What it says does not repeat the value."""

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


def wrong_values(values: Mapping[str, str], prefix: str) -> list[str]:
    """What is wrong with the values, by field name; each begins with the name of its variable."""
    checks: dict[str, Callable[[str], str | None]] = {
        "port": bad_port,
        "env": not_one_of("development", "production"),
        "rate_limits": not_one_of("on", "off"),
        "trusted_proxies": not_networks,
        "cors_origins": bad_origins,
        "captcha": not_one_of("off", "hcaptcha", "recaptcha", "turnstile"),
        "log_level": not_one_of("debug", "info", "warning", "error"),
        **{name: not_a_url(*schemes) for name, schemes in SCHEMES.items()},
    }
    found = ((name, check(values[name])) for name, check in checks.items() if name in values)
    halves = {"google_client_id", "google_client_secret"}
    missing = [f"{prefix}{one.upper()} is missing: Google needs both." for one in sorted(halves - values.keys())]
    wrong = [f"{prefix}{name.upper()} {problem}" for name, problem in found if problem]
    if values.get("captcha", "off") != "off" and "captcha_secret" not in values:
        wrong.append(f"{prefix}CAPTCHA_SECRET is missing: without it nobody can be let in by {prefix}CAPTCHA.")
    return wrong + (missing if halves & values.keys() else []) + half_a_storage(values, prefix)


def half_a_storage(values: Mapping[str, str], prefix: str) -> list[str]:
    """A bucket without keys, or keys without a bucket."""
    needed = ("s3_bucket", "s3_access_key", "s3_secret_key")
    # Production needs all of it, and says so itself.
    if values.get("env") == "production" or not any(
        name in values for name in (*needed, "s3_endpoint_url", "s3_public_url")
    ):
        return []
    return [
        f"{prefix}{name.upper()} is missing: the object storage needs a bucket, an access key and its secret."
        for name in needed
        if name not in values
    ]


def local_url(host: str, port: int) -> str:
    """Where this machine reaches what listens there."""
    # Nobody can browse to the address that means "every interface".
    name = "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{name}:{port}"


def default_home(environ: Mapping[str, str]) -> Path:
    """Where data lives unless SOUNDGRAPH_HOME says otherwise: a system directory for root, the user's own else."""
    if os.geteuid() == 0:
        return Path("/var/lib/soundgraph")
    base = environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "soundgraph"
