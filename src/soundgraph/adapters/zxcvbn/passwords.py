"""The lists that the package zxcvbn (MIT) publishes: the 30,000 most common passwords of public leaks, and common words
and names.
"""

from functools import cached_property

from soundgraph.application.identity import CommonPasswords
from soundgraph.domain.identity import words_in


class PublishedPasswords(CommonPasswords):
    """Looks a password up as it is, and without what people add at the ends of a refused one."""

    def holds(self, password: str) -> bool:
        return not self._common.isdisjoint(words_in(password))

    @cached_property
    def _common(self) -> frozenset[str]:
        # Here and not above: commands that never ask need not wait for it.
        from zxcvbn.frequency_lists import FREQUENCY_LISTS

        # What is in several lists is published in one of them only, so `jennifer` is no password there, but a name.
        return frozenset({""}.union(*FREQUENCY_LISTS.values()))
