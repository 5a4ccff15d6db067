"""Fractional ranks: strings between which there is always room for another.

The idea is that of fractional indexing (Evan Wallace, *Realtime editing of ordered sequences*): a rank is a fraction
between nought and one in base 36, without its leading point and without trailing zeros. Ranks compare as plain ASCII.
"""

from typing import Final

DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# Moving into the same gap again and again adds a digit about every five times; past this, ranks are dealt anew.
LONGEST: Final = 60


def between(low: str, high: str) -> str:
    """A rank above `low` and below `high`; the empty string stands for the beginning and for the end.

    Raises ValueError unless low < high.
    """
    if high and low >= high:
        raise ValueError(f"there is nothing between {low!r} and {high!r}")
    rank, at = "", 0
    while True:
        floor = DIGITS.index(low[at]) if at < len(low) else 0
        ceiling = DIGITS.index(high[at]) if high and at < len(high) else len(DIGITS)
        if ceiling - floor > 1:
            return rank + DIGITS[(floor + ceiling) // 2]
        rank += DIGITS[floor]
        if ceiling > floor:
            # Below `high` whatever follows; from here on only `low` bounds it.
            high = ""
        at += 1


def spread(count: int) -> list[str]:
    """So many ranks in ascending order, short and evenly apart."""
    width = 1
    while len(DIGITS) ** width < 2 * (count + 1):
        width += 1
    step = len(DIGITS) ** width // (count + 1)
    return [_digits(step * (i + 1), width).rstrip("0") for i in range(count)]


def _digits(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
