"""The settings of OpenID Connect providers: any number of them, three variables each, by the provider's name."""

import re
from collections.abc import Mapping
from typing import Final

from soundgraph.entrypoints.wellformed import not_a_url

VARIABLE: Final = re.compile(r"SOUNDGRAPH_OIDC_([A-Z0-9]{1,30})_(DISCOVERY_URL|CLIENT_ID|CLIENT_SECRET)")
# How the documentation shows them.
EXAMPLES: Final = {
    "OIDC_EXAMPLE_DISCOVERY_URL": "https://login.example/.well-known/openid-configuration",
    "OIDC_EXAMPLE_CLIENT_ID": "soundgraph",
    "OIDC_EXAMPLE_CLIENT_SECRET": "…",
}
PARTS: Final = ("DISCOVERY_URL", "CLIENT_ID", "CLIENT_SECRET")
WELL_KNOWN: Final = "/.well-known/openid-configuration"
GOOGLE: Final = "https://accounts.google.com" + WELL_KNOWN

# Name, discovery URL, client id, client secret.
Provider = tuple[str, str, str, str]


def others(given: Mapping[str, str]) -> dict[str, str]:
    """Every variable that is about something else."""
    return {name: value for name, value in given.items() if not VARIABLE.fullmatch(name)}


def providers(given: Mapping[str, str]) -> tuple[tuple[Provider, ...], list[str]]:
    """The providers that are configured, in the order of their names, and what is wrong with the variables."""
    parts: dict[str, dict[str, str]] = {}
    for variable, value in given.items():
        found = VARIABLE.fullmatch(variable)
        if found and value.strip():
            parts.setdefault(found[1], {})[found[2]] = value.strip()
    problems = [
        f"SOUNDGRAPH_OIDC_{name}_{part} is missing: a provider needs {', '.join(PARTS)}."
        for name, own in sorted(parts.items())
        for part in PARTS
        if part not in own
    ]
    for name, own in sorted(parts.items()):
        variable, url = f"SOUNDGRAPH_OIDC_{name}_DISCOVERY_URL", own.get("DISCOVERY_URL", "")
        if url and (wrong := not_a_url("https", "http")(url)):
            problems.append(f"{variable} {wrong}")
        elif url and not url.endswith(WELL_KNOWN):
            problems.append(f"{variable} must end in {WELL_KNOWN}.")
        if name == "COMPLETE":
            problems.append(f"{variable} names a provider that cannot be called so: choose another name.")
    if problems:
        return (), problems
    return tuple((name.lower(), *(own[part] for part in PARTS)) for name, own in sorted(parts.items())), []  # type: ignore[misc]  # PARTS are three
