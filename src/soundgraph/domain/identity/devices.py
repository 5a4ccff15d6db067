"""What a device list calls a device."""

import re

# In this order: most browsers also claim to be the ones below them.
BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrom(?:e|ium)/|CriOS/"),
    ("Safari", r"Safari/"),
)
SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("ChromeOS", r"CrOS"),
    ("macOS", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux|X11"),
)
PROGRAM = re.compile(r"[A-Za-z][\w.+-]{0,39}")
UNKNOWN = "Unknown device"


def device_name(user_agent: str) -> str:
    """A short name for what sent this User-Agent: `Firefox on Linux`, the first word of a program's, or unknown."""
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    program = PROGRAM.match(user_agent)
    named = program[0] if program and program[0] != "Mozilla" else None
    return browser or named or system or UNKNOWN


def _first(table: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for name, pattern in table if re.search(pattern, user_agent)), None)
