"""Accounts, registrations waiting for their e-mail to be verified, and families of sessions."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from soundgraph.domain.errors import FieldError, Gone, Invalid, Unauthenticated
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Role

REGISTRATION_LIFETIME = timedelta(hours=24)
ACCESS_LIFETIME = timedelta(minutes=15)
FAMILY_LIFETIME = timedelta(days=30)
REFRESH_GRACE = timedelta(seconds=10)

HANDLE = re.compile(r"[a-z0-9_-]{3,30}")
UUID_LIKE = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?")
EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]{1,64}@(?:[^@\s.\x00-\x1f\x7f<>,;:\"()\[\]\\]+\.)+[^@\s.\x00-\x1f\x7f<>,;:\"()\[\]\\]{2,}"
)
PASSWORD_LENGTH = range(10, 257)

# Root paths of the web pages and names that would speak for the service.
RESERVED_HANDLES = frozenset(
    [
        "about",
        "account",
        "accounts",
        "admin",
        "administrator",
        "api",
        "app",
        "assets",
        "auth",
        "blog",
        "charts",
        "discover",
        "docs",
        "download",
        "embed",
        "feed",
        "health",
        "help",
        "home",
        "info",
        "inbox",
        "jobs",
        "legal",
        "login",
        "logout",
        "mail",
        "me",
        "media",
        "messages",
        "metrics",
        "moderator",
        "notifications",
        "oembed",
        "openapi",
        "playlists",
        "plans",
        "press",
        "privacy",
        "register",
        "reset-password",
        "resolve",
        "root",
        "search",
        "security",
        "sets",
        "settings",
        "signin",
        "signup",
        "soundgraph",
        "staff",
        "static",
        "status",
        "stream",
        "support",
        "system",
        "terms",
        "tracks",
        "trending",
        "upload",
        "uploads",
        "users",
        "verify-email",
        "webhooks",
        "well-known",
        "www",
        "you",
    ]
)
LOOKALIKES = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "_": "", "-": ""}
)


def skeleton(handle: str) -> str:
    """What a handle looks like at a glance. Two handles with one skeleton are lookalikes."""
    return handle.translate(LOOKALIKES).replace("rn", "m").replace("vv", "w")


RESERVED_SKELETONS = frozenset(skeleton(name) for name in RESERVED_HANDLES)


def normalise_email(email: str) -> str:
    """The form an address is stored and compared in."""
    return email.strip().lower()


def registration_errors(email: str, handle: str, password: str, display_name: str) -> list[FieldError]:
    """Every rule that a registration breaks. `email` and `handle` are already normalised."""
    errors = []
    if len(email) > 254 or not EMAIL.fullmatch(email):
        errors.append(FieldError("email", "invalid_email", "This is not an e-mail address."))
    if not HANDLE.fullmatch(handle):
        errors.append(FieldError("handle", "invalid_handle", "Use 3 to 30 of a-z, 0-9, _ and -."))
    elif UUID_LIKE.match(handle):
        errors.append(FieldError("handle", "invalid_handle", "A handle must not look like an id."))
    elif skeleton(handle) in RESERVED_SKELETONS:
        errors.append(FieldError("handle", "reserved_handle", "This handle is reserved."))
    if len(password) not in PASSWORD_LENGTH:
        errors.append(FieldError("password", "password_length", "Use 10 to 256 characters."))
    if not 1 <= len(display_name) <= 60:
        errors.append(FieldError("display_name", "length", "Use 1 to 60 characters."))
    return errors


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRequested(Event):
    """Someone asked for an account, or for its verification mail once more."""

    name: ClassVar[str] = "identity.registration_requested"
    registration_id: RegistrationId

    @property
    def key(self) -> str:
        return str(self.registration_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCreated(Event):
    """An address was verified and its account exists."""

    name: ClassVar[str] = "identity.account_created"
    account_id: AccountId

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(slots=True, kw_only=True)
class Account:
    """A person's way in. `password_hash` is an encoded argon2id hash, or None for those who only use OAuth."""

    id: AccountId
    email: str
    handle: str
    password_hash: str | None
    created_at: datetime
    role: Role = Role.MEMBER
    standing: AccountStanding = AccountStanding.ACTIVE
    plan: str = "free"
    version: int = 1

    def rehash(self, password_hash: str) -> None:
        """Keep the same password under stronger parameters."""
        self.password_hash = password_hash


@dataclass(slots=True, kw_only=True)
class Registration:
    """An account that waits for its address to be verified, and reserves its handle meanwhile.

    `token_digest` is the SHA-256 of the single-use token in the mail.
    """

    id: RegistrationId
    email: str
    handle: str
    display_name: str
    password_hash: str
    token_digest: bytes
    expires_at: datetime

    @classmethod
    def request(
        cls,
        registration_id: RegistrationId,
        *,
        email: str,
        handle: str,
        display_name: str,
        password_hash: str,
        token_digest: bytes,
        at: datetime,
    ) -> tuple["Registration", RegistrationRequested]:
        """Ask for an account. The input has passed `registration_errors`."""
        registration = cls(
            id=registration_id,
            email=email,
            handle=handle,
            display_name=display_name,
            password_hash=password_hash,
            token_digest=token_digest,
            expires_at=at + REGISTRATION_LIFETIME,
        )
        return registration, RegistrationRequested(registration_id=registration_id)

    def confirm(self, account_id: AccountId, *, at: datetime) -> tuple[Account, AccountCreated]:
        """The account this was for. Raises Gone(token_expired) after 24 hours."""
        if at >= self.expires_at:
            raise Gone("token_expired", "This link has expired. Register again to get a new one.")
        account = Account(
            id=account_id,
            email=self.email,
            handle=self.handle,
            password_hash=self.password_hash,
            created_at=at,
        )
        return account, AccountCreated(account_id=account_id)


class Refresh(StrEnum):
    """What presenting a refresh token came to."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    REUSED = "reused"


@dataclass(slots=True, kw_only=True)
class SessionFamily:
    """One login on one device, and every refresh token that grew from it. Only `generation` is live.

    A token is a MAC of family and generation, so within the grace the previous token yields the same successor.
    """

    id: FamilyId
    account_id: AccountId
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime
    device: str = ""
    address: str = ""
    generation: int = 1
    ended_at: datetime | None = None
    version: int = 1
    family_lifetime: ClassVar[timedelta] = FAMILY_LIFETIME

    @classmethod
    def start(
        cls, family_id: FamilyId, account_id: AccountId, *, at: datetime, device: str, address: str
    ) -> "SessionFamily":
        """Begin a family at login. Nothing from before the login carries over, so a session cannot be fixed."""
        return cls(
            id=family_id,
            account_id=account_id,
            created_at=at,
            expires_at=at + cls.family_lifetime,
            rotated_at=at,
            device=device[:200],
            address=address,
        )

    def present(self, generation: int, *, at: datetime) -> Refresh:
        """Exchange the token of `generation`. Reuse of a spent one ends the family.

        Raises Unauthenticated(session_ended) when the family is over.
        """
        if self.ended_at is not None or at >= self.expires_at:
            raise Unauthenticated("session_ended", "This session is over. Log in again.")
        if generation == self.generation:
            self.generation += 1
            self.rotated_at = at
            self.expires_at = at + self.family_lifetime
            return Refresh.ROTATED
        if generation == self.generation - 1 and at - self.rotated_at <= REFRESH_GRACE:
            return Refresh.REPEATED
        self.end(at=at)
        return Refresh.REUSED

    def end(self, *, at: datetime) -> None:
        """End it for every token. Ending twice is ending once."""
        if self.ended_at is None:
            self.ended_at = at


def require_valid(errors: list[FieldError]) -> None:
    """Raise Invalid naming every broken field, if there is any."""
    if errors:
        raise Invalid.fields(errors)
