"""What production refuses: embedded defaults, passwords that everybody knows, lifted limits, links without TLS."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from soundgraph.entrypoints.catalogue import Setting

# What images, tutorials and our own compose file put there.
KNOWN_PASSWORDS = frozenset(
    ["", "admin", "changeme", "change-me", "example", "password", "postgres", "root", "secret", "soundgraph", "test"]
)


def refusals(values: Mapping[str, str], settings: Iterable[Setting], prefix: str) -> list[str]:
    """Every reason why these values (by field name) will not do in production, each with what to do about it."""
    missing = [
        f"{one.name} is required in production: {one.required}."
        for one in settings
        if one.required and one.name.removeprefix(prefix).lower() not in values
    ]
    weak = []
    if "public_url" in values and urlsplit(values["public_url"]).scheme != "https":
        weak.append(f"{prefix}PUBLIC_URL must start with https:// in production.")
    if "database_url" in values and _known_password(values["database_url"]):
        weak.append(
            f"{prefix}DATABASE_URL has no password, or one that everybody tries first: "
            "give the role a long random one, such as `openssl rand -hex 24` makes."
        )
    if values.get("rate_limits") == "off":
        weak.append(f"{prefix}RATE_LIMITS=off lifts every limit and is refused in production: unset it.")
    return missing + weak


def _known_password(url: str) -> bool:
    parts = urlsplit(url)
    asked = parse_qs(parts.query).get("password", [""])[0]
    password = unquote(parts.password or "") or asked
    return password.lower() in KNOWN_PASSWORDS or password == unquote(parts.username or "")
