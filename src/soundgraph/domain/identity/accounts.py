"""Accounts, and registrations waiting for their e-mail to be verified."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from soundgraph.domain.errors import Forbidden, Gone
from soundgraph.domain.identity.events import (
    AccountCreated,
    PasswordChanged,
    RegistrationRequested,
    RoleChanged,
    StandingChanged,
)
from soundgraph.domain.ids import AccountId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Actor, Role

REGISTRATION_LIFETIME = timedelta(hours=24)


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

    def change_password(self, password_hash: str, *, unlinked: tuple[str, ...] = ()) -> PasswordChanged:
        """Take another password. `unlinked` are the providers that are no ways in any more."""
        self.password_hash = password_hash
        return PasswordChanged(account_id=self.id, unlinked=unlinked)

    def take_role(self, role: Role, *, by: Actor) -> RoleChanged | None:
        """Take a role, or None if that is the present one. Raises Forbidden(admins_only | own_role)."""
        if by.role is not Role.ADMIN:
            raise Forbidden("admins_only", "Only an admin gives roles.")
        if by.id == self.id:
            raise Forbidden("own_role", "Nobody changes their own role. Ask another admin.")
        if role is self.role:
            return None
        self.role = role
        return RoleChanged(account_id=self.id)

    def stand(self, standing: AccountStanding, *, by: Actor) -> StandingChanged | None:
        """Suspend it or let it take part again; None if it stands so already.

        Raises Forbidden(admins_only) and, for a deleted account, Gone(account_deleted).
        """
        if by.role is not Role.ADMIN:
            raise Forbidden("admins_only", "Only an admin suspends accounts.")
        if self.standing is AccountStanding.DELETED:
            raise Gone("account_deleted", "This account is deleted.")
        if standing is self.standing:
            return None
        self.standing = standing
        return StandingChanged(account_id=self.id)


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
