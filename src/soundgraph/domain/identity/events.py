"""What happens to accounts."""

from dataclasses import dataclass
from typing import ClassVar

from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, EmailChangeId, FamilyId, RegistrationId, ResetId


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordResetRequested(Event):
    """Someone forgot a password, or says so; the address may be nobody's."""

    name: ClassVar[str] = "identity.password_reset_requested"
    reset_id: ResetId

    @property
    def key(self) -> str:
        return str(self.reset_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(Event):
    """An account has another password, and the sessions that this ends are over.

    `unlinked` are the providers that were ways in until then.
    """

    name: ClassVar[str] = "identity.password_changed"
    account_id: AccountId
    unlinked: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLinked(Event):
    """A provider opens an account that had other ways in already."""

    name: ClassVar[str] = "identity.provider_linked"
    account_id: AccountId
    provider: str

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUnlinked(Event):
    """An owner stopped a provider from opening the account."""

    name: ClassVar[str] = "identity.provider_unlinked"
    account_id: AccountId
    provider: str

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChangeRequested(Event):
    """Someone wants another address for their account; both have to agree."""

    name: ClassVar[str] = "identity.email_change_requested"
    change_id: EmailChangeId

    @property
    def key(self) -> str:
        return str(self.change_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanged(Event):
    """An account has another address."""

    name: ClassVar[str] = "identity.email_changed"
    account_id: AccountId
    change_id: EmailChangeId

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeviceSeen(Event):
    """A login came from a device that the account did not know."""

    name: ClassVar[str] = "identity.new_device_seen"
    account_id: AccountId
    family_id: FamilyId

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(Event):
    """A person may do more, or less, to others' things."""

    name: ClassVar[str] = "identity.role_changed"
    account_id: AccountId

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChanged(Event):
    """An account was suspended, or takes part again."""

    name: ClassVar[str] = "identity.standing_changed"
    account_id: AccountId

    @property
    def key(self) -> str:
        return str(self.account_id)
