"""Passwords, tokens and mail for tests."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from soundgraph.application.identity import (
    AccessClaims,
    Captcha,
    CommonPasswords,
    Letter,
    Letters,
    Mail,
    Mailer,
    Passwords,
    PublishedKeys,
    Tokens,
    Written,
)
from soundgraph.domain.errors import Unauthenticated
from soundgraph.domain.identity import ACCESS_LIFETIME, words_in
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId


class QuickPasswords(Passwords):
    """One round of SHA-256: right for tests, never for people. `outdated` is true of anything it did not make."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def hash(self, password: str) -> str:
        return "quick$" + hashlib.sha256(password.encode()).hexdigest()

    async def verify(self, encoded: str | None, password: str) -> bool:
        return encoded is not None and hmac.compare_digest(encoded, await self.hash(password))

    def outdated(self, encoded: str) -> bool:
        return not encoded.startswith("quick$")


class PlainTokens(Tokens):
    """Readable tokens with a truncated HMAC: the same behaviour as signed ones, with nothing to install."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _sealed(self, text: str) -> str:
        return f"{text}~{hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _opened(self, token: str, kind: str) -> list[str]:
        text, _, _ = token.rpartition("~")
        if not hmac.compare_digest(self._sealed(text).encode(), token.encode()) or not text.startswith(kind + "."):
            raise Unauthenticated("bad_token", "This token is not valid.")
        return text.split(".")[1:]

    def access(self, claims: AccessClaims, *, at: datetime) -> str:
        expires = int((at + ACCESS_LIFETIME).timestamp())
        return self._sealed(f"access.{claims.account_id}.{claims.family_id}.{expires}")

    def read_access(self, token: str, *, at: datetime) -> AccessClaims:
        account_id, family_id, expires = self._opened(token, "access")
        if at.timestamp() >= int(expires):
            raise Unauthenticated("token_expired", "This token has expired. Refresh it.")
        return AccessClaims(AccountId(UUID(account_id)), FamilyId(UUID(family_id)))

    def refresh(self, family_id: FamilyId, generation: int) -> str:
        return self._sealed(f"refresh.{family_id}.{generation}")

    def read_refresh(self, token: str) -> tuple[FamilyId, int]:
        family_id, generation = self._opened(token, "refresh")
        return FamilyId(UUID(family_id)), int(generation)

    def verification(self, registration_id: RegistrationId) -> str:
        return self.mailed("verify", registration_id)

    def mailed(self, purpose: str, key: UUID) -> str:
        return self._sealed(f"{purpose}.{key}")


class FewCommonPasswords(CommonPasswords):
    """A handful; the published list is of the server."""

    def holds(self, password: str) -> bool:
        return not {"password", "qwertyuiop", "iloveyou", ""}.isdisjoint(words_in(password))


class NoCaptcha(Captcha):
    """Lets everyone pass: what is used where no captcha is set."""

    async def check(self, token: str | None, address: str) -> None:
        """Whatever the token is."""


class NoPublishedKeys(PublishedKeys):
    """The tokens above have no public key."""

    def jwks(self, *, at: datetime) -> Sequence[Mapping[str, str]]:  # noqa: ARG002 - the port has it
        return []


class PlainLetters(Letters):
    """Every field of a letter on a line of its own."""

    def write(self, letter: Letter) -> Written:
        said = "".join(f"{one.name}: {getattr(letter, one.name)}\n" for one in fields(letter))
        return Written(f"{letter.subject}\n{said}")


class Outbox(Mailer):
    """Keeps every mail for a test to read."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.sent.append(mail)
