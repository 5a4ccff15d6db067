"""Passwords, captchas and tokens: what proves who someone is."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from soundgraph.domain.identity import PASSWORD_LENGTH, is_name, is_plain
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId


class Passwords(ABC):
    """Hashes and checks passwords, slowly and off the event loop."""

    @abstractmethod
    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait until it is one's turn to check a password, and have it for the block: in a rush, what else a login
        takes is done for few at a time too, and for those who are refused not at all. Raises LimitReached when too many
        wait.
        """

    @abstractmethod
    async def hash(self, password: str) -> str:
        """An encoded hash with its parameters and salt. Raises LimitReached when too many wait."""

    @abstractmethod
    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether they match. None costs as much as a real hash and never matches. Raises LimitReached."""

    @abstractmethod
    def outdated(self, encoded: str) -> bool:
        """Whether it was made with weaker parameters than today's."""


class CommonPasswords(ABC):
    """The passwords that everybody tries first."""

    @abstractmethod
    def holds(self, password: str) -> bool:
        """Whether it is one of them, or differs only in case or by digits and punctuation at its ends."""


def guessed_first(common: CommonPasswords, password: str, *names: str) -> bool:
    """Whether a password is tried before others: everybody's, a pattern, or one of the owner's `names`.

    One that is too long to be a password is not looked at: it may be very long.
    """
    if len(password) not in PASSWORD_LENGTH:
        return False
    return is_plain(password) or is_name(password, *names) or common.holds(password)


class Captcha(ABC):
    """Whether a person is there, as some service judges it."""

    @abstractmethod
    async def check(self, token: str | None, address: str) -> None:
        """`token` is what the widget gave the client at `address`. Raises Invalid(captcha_required | captcha_failed),
        Unavailable(captcha_away) when the service does not say.
        """


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a valid access token says. Role and standing come from the database, never from here."""

    account_id: AccountId
    family_id: FamilyId


class Tokens(ABC):
    """Makes and reads the tokens that people carry. All but access tokens are derived, so that none needs storing."""

    @abstractmethod
    def access(self, claims: AccessClaims, *, at: datetime) -> str:
        """A signed token that holds for `ACCESS_LIFETIME`."""

    @abstractmethod
    def read_access(self, token: str, *, at: datetime) -> AccessClaims:
        """Raises Unauthenticated(bad_token | token_expired)."""

    @abstractmethod
    def refresh(self, family_id: FamilyId, generation: int) -> str:
        """The refresh token of one generation; always the same one."""

    @abstractmethod
    def read_refresh(self, token: str) -> tuple[FamilyId, int]:
        """Raises Unauthenticated(bad_token)."""

    @abstractmethod
    def verification(self, registration_id: RegistrationId) -> str:
        """The token in the verification mail of one registration; always the same one."""

    @abstractmethod
    def mailed(self, purpose: str, key: UUID) -> str:
        """The token in a mail about one thing for one purpose, such as `reset`; always the same one."""


class PublishedKeys(ABC):
    """The keys that access tokens can be checked with, for whoever else has to."""

    @abstractmethod
    def jwks(self, *, at: datetime) -> Sequence[Mapping[str, str]]:
        """Public keys as JWKs (RFC 7517), the one that signs now first; during a rotation there are two."""


def digest(token: str) -> bytes:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()
