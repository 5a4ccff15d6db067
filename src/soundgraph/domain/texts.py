"""Text that one person writes and others see."""

import unicodedata

# Controls, format characters such as direction marks, line and paragraph separators, halves of characters.
CONCEALED = frozenset(["Cc", "Cf", "Zl", "Zp", "Cs"])
# Several scripts and most emoji are written with them.
JOINERS = "\u200c\u200d"


def conceals(text: str, *, joiners: str = JOINERS) -> bool:
    """Whether anything in a line shows as nothing itself and may change how the rest of it looks.

    `joiners` do not count, and neither do variation selectors, which Unicode has among the marks.
    """
    return any(unicodedata.category(one) in CONCEALED and one not in joiners for one in text)
