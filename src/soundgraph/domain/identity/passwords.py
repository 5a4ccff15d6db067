"""Which passwords are guessed first, but for those that lists name: patterns, and names that a guesser knows."""

import string
from collections.abc import Iterator

# What people put around a word that was refused.
ADDED = string.digits + string.punctuation + string.whitespace
WORD_LENGTH = range(4, 65)
SHORTEST_RUN = 3
# Longer ones are passwords themselves.
LONGEST_UNIT = 9
SERVICE = "soundgraph"
ROWS = (
    string.ascii_lowercase,
    "01234567890",
    *("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    *("qwertzuiop", "yxcvbnm"),
    *("azertyuiop", "qsdfghjklm", "wxcvbn"),
)
LINES = ROWS + tuple(row[::-1] for row in ROWS)


def words_in(password: str) -> Iterator[str]:
    """What to look for in a list of common passwords: the password, and every word of 4 to 64 characters that it
    consists of but for digits and punctuation at its ends; all without case. Empty text where there is nothing else.
    """
    plain = password.casefold()
    yield plain
    first, last = len(plain) - len(plain.lstrip(ADDED)), len(plain.rstrip(ADDED))
    if first > last:
        yield ""
        return
    for start in range(max(0, last - WORD_LENGTH[-1]), first + 1):
        for end in range(last, min(len(plain), start + WORD_LENGTH[-1]) + 1):
            if end - start in WORD_LENGTH:
                yield plain[start:end]


def is_plain(password: str) -> bool:
    """Whether it is a pattern, digits and punctuation at its ends aside: one short unit over and over, or runs along
    the alphabet, the digits or rows of a keyboard.
    """
    plain = password.casefold()
    inner = plain.strip(ADDED)
    return not inner or any(len(one) >= WORD_LENGTH[0] and (_repeats(one) or _runs(one)) for one in (plain, inner))


def is_name(password: str, *names: str) -> bool:
    """Whether it is one of the names, or the service's, with nothing but digits and punctuation around. Of a mail
    address, what is before the @ is a name too.
    """
    plain = password.casefold()
    known = [one.casefold() for one in (SERVICE, *names)]
    words = {*known, *(one.partition("@")[0] for one in known)} - {""}
    return any(one in plain and not plain.replace(one, "").strip(ADDED) for one in words)


def _repeats(text: str) -> bool:
    units = range(1, min(LONGEST_UNIT, len(text) // 2) + 1)
    return any(text[unit:] == text[:-unit] for unit in units)


def _runs(text: str) -> bool:
    at = 0
    while at < len(text):
        length = _run(text, at)
        if length < SHORTEST_RUN:
            return False
        at += length
    return True


def _run(text: str, at: int) -> int:
    length = 0
    while at + length < len(text) and any(text[at : at + length + 1] in line for line in LINES):
        length += 1
    return length
