"""What a setting must look like: each check says what is wrong with a value and what to use instead."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import urlsplit

# As browsers serialise an origin: lower case, no default port, no path.
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


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
