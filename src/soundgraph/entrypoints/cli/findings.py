"""What the doctor found."""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """How it stands. `mended` was a problem until just now; `off` is not set up, or could not be looked at."""

    OK = "ok"
    PROBLEM = "problem"
    MENDED = "mended"
    OFF = "off"


class Finding(msgspec.Struct, frozen=True):
    """One line: what was looked at, how it stands, and what to do if that is not well."""

    name: str
    status: Status
    said: str
    fix: str = ""


def ok(name: str, said: str) -> Finding:
    """All is well."""
    return Finding(name, Status.OK, said)


def problem(name: str, said: str, fix: str) -> Finding:
    """Something is wrong; `fix` says what to do."""
    return Finding(name, Status.PROBLEM, said, fix)


def off(name: str, said: str) -> Finding:
    """Nothing to look at."""
    return Finding(name, Status.OFF, said)


def held(name: str, count: int, said: str, *, repaired: bool, fix: str) -> Finding:
    """An invariant: well if nothing breaks it, mended if everything that did was repaired."""
    if count == 0:
        return ok(name, said)
    return Finding(name, Status.MENDED, said) if repaired else problem(name, said, fix)
