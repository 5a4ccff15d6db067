"""Signing in through someone else's account: an OpenID Connect provider says who a person is."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from soundgraph.domain.errors import FieldError, Forbidden, Gone, Invalid
from soundgraph.domain.ids import AccountId, FamilyId

SIGN_IN_LIFETIME = timedelta(minutes=10)
ARRIVAL_LIFETIME = timedelta(minutes=30)
MAX_PATH = 500


class Intent(StrEnum):
    """What a person goes to a provider for."""

    LOG_IN = "log_in"
    LINK = "link"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom a provider says it has before it. Only (issuer, subject) tells people apart; addresses change hands."""

    issuer: str
    subject: str
    email: str | None = None
    email_verified: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentity:
    """A provider's account that opens one of ours. `email` is what it said when they were linked."""

    issuer: str
    subject: str
    provider: str
    account_id: AccountId
    email: str
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A person on their way to a provider and back. `id` and `browser` are digests of the state and of the cookie.

    It is taken once, whatever comes of it. With Intent.LINK it belongs to a session of an account.
    """

    id: bytes
    browser: bytes
    provider: str
    nonce: str
    verifier: str
    next: str
    expires_at: datetime
    intent: Intent = Intent.LOG_IN
    account_id: AccountId | None = None
    family_id: FamilyId | None = None

    def check(self, *, provider: str, browser: bytes, at: datetime) -> None:
        """Raises Gone(sign_in_expired), Forbidden(wrong_state) where another browser or provider comes back."""
        if at >= self.expires_at:
            raise Gone("sign_in_expired", "This took too long. Begin signing in again.")
        if provider != self.provider or not hmac.compare_digest(browser, self.browser):
            raise Forbidden("wrong_state", "This did not begin in this browser. Begin signing in again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Someone whom a provider vouches for, and who has yet to choose a handle here. `id` is the digest of a token."""

    id: bytes
    browser: bytes
    provider: str
    issuer: str
    subject: str
    email: str
    name: str
    next: str
    expires_at: datetime

    def linked_with(self, account_id: AccountId, *, at: datetime) -> ExternalIdentity:
        """What it is once there is an account."""
        return ExternalIdentity(
            issuer=self.issuer,
            subject=self.subject,
            provider=self.provider,
            account_id=account_id,
            email=self.email,
            linked_at=at,
        )


def checked_path(path: str) -> str:
    """A path on this site, to go to after signing in. Raises Invalid for anything that could lead elsewhere."""
    # Browsers read a backslash as a slash and leave out tabs and line breaks: //evil and /\evil are other hosts.
    plain = path.startswith("/") and path.isascii() and path.isprintable() and "\\" not in path and " " not in path
    if not plain or path.startswith("//") or len(path) > MAX_PATH or urlsplit(path).netloc:
        raise Invalid.fields([FieldError("next", "not_a_path", f"Use a path of this site, at most {MAX_PATH} long.")])
    return path


def vouched_email(person: Person) -> str:
    """The address that the provider has verified. Raises Forbidden(email_unverified)."""
    if person.email is None or not person.email_verified:
        raise Forbidden("email_unverified", "This provider has not verified your e-mail address.")
    return person.email
