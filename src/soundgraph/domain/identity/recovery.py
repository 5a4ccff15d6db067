"""Ways back in and ways to move: forgotten passwords, and changes of address."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from soundgraph.domain.errors import Gone
from soundgraph.domain.identity.accounts import Account
from soundgraph.domain.identity.events import EmailChanged, EmailChangeRequested, PasswordResetRequested
from soundgraph.domain.ids import AccountId, EmailChangeId, ResetId

RESET_LIFETIME = timedelta(minutes=30)
EMAIL_CHANGE_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordReset:
    """A chance to choose another password. `account_id` is None where the address is nobody's, so that asking costs
    the same either way. `token_digest` is the SHA-256 of the single-use token in the mail.
    """

    id: ResetId
    account_id: AccountId | None
    token_digest: bytes
    expires_at: datetime

    @classmethod
    def request(
        cls, reset_id: ResetId, account_id: AccountId | None, *, token_digest: bytes, at: datetime
    ) -> tuple["PasswordReset", PasswordResetRequested]:
        """Ask for it."""
        reset = cls(id=reset_id, account_id=account_id, token_digest=token_digest, expires_at=at + RESET_LIFETIME)
        return reset, PasswordResetRequested(reset_id=reset_id)

    def use(self, *, at: datetime) -> None:
        """Raises Gone(token_expired) after 30 minutes."""
        if at >= self.expires_at:
            raise Gone("token_expired", "This link has expired. Ask for another one.")


@dataclass(slots=True, kw_only=True)
class EmailChange:
    """A change of address that both addresses have to agree to.

    Each digest is the SHA-256 of the token in one of the two mails.
    """

    id: EmailChangeId
    account_id: AccountId
    old_email: str
    new_email: str
    old_digest: bytes
    new_digest: bytes
    expires_at: datetime
    old_confirmed: bool = False
    new_confirmed: bool = False

    @classmethod
    def request(
        cls, change_id: EmailChangeId, account: Account, new_email: str, *, digests: tuple[bytes, bytes], at: datetime
    ) -> tuple["EmailChange", EmailChangeRequested]:
        """Ask for it. `digests` are of the tokens for the old address and the new one."""
        change = cls(
            id=change_id,
            account_id=account.id,
            old_email=account.email,
            new_email=new_email,
            old_digest=digests[0],
            new_digest=digests[1],
            expires_at=at + EMAIL_CHANGE_LIFETIME,
        )
        return change, EmailChangeRequested(change_id=change_id)

    def confirm(self, token_digest: bytes, *, at: datetime) -> None:
        """One address agrees; twice is once. Raises Gone(token_spent) after both have, Gone(token_expired)."""
        if self.old_confirmed and self.new_confirmed:
            raise Gone("token_spent", "This link was used already.")
        if at >= self.expires_at:
            raise Gone("token_expired", "This link has expired. Ask for the change again.")
        self.old_confirmed = self.old_confirmed or token_digest == self.old_digest
        self.new_confirmed = self.new_confirmed or token_digest == self.new_digest

    def settle(self, account: Account) -> EmailChanged | None:
        """Give the account its new address once both have agreed; None while one has not.

        Raises Gone(token_spent) if the account has moved elsewhere since.
        """
        if account.email != self.old_email:
            raise Gone("token_spent", "Your address was changed in another way since.")
        if not (self.old_confirmed and self.new_confirmed):
            return None
        account.email = self.new_email
        return EmailChanged(account_id=account.id, change_id=self.id)
