"""The 30,000 most common passwords of public leaks, as the package zxcvbn (MIT) publishes them."""

import string
from functools import cached_property

from soundgraph.application.identity import CommonPasswords

ADDED_AT_ENDS = string.digits + string.punctuation + " "


class PublishedPasswords(CommonPasswords):
    """Looks a password up as it is and without what people add at the end of a refused one."""

    def holds(self, password: str) -> bool:
        plain = password.casefold()
        return plain in self._common or plain.rstrip(ADDED_AT_ENDS) in self._common

    @cached_property
    def _common(self) -> frozenset[str]:
        # Here and not above: commands that never ask need not wait for it.
        from zxcvbn.frequency_lists import FREQUENCY_LISTS

        return frozenset(FREQUENCY_LISTS["passwords"]) | {""}
