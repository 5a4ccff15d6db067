"""What mails say: one class for each, with what its template needs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail before it is written. `name` names its template; `link` is the one thing it asks to do, if any."""

    name: ClassVar[str]
    subject: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAddress(Letter):
    """To whoever registered."""

    name: ClassVar[str] = "verify_address"
    subject: ClassVar[str] = "Verify your e-mail address"
    handle: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyKnown(Letter):
    """To the owner of an address that someone tried to register, or to move an account to."""

    name: ClassVar[str] = "already_known"
    subject: ClassVar[str] = "You already have an account"
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetLetter(Letter):
    """To whoever forgot a password."""

    name: ClassVar[str] = "reset_password"
    subject: ClassVar[str] = "Choose a new password"
    handle: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordWasChanged(Letter):
    """To the owner, who may not have done it."""

    name: ClassVar[str] = "password_changed"
    subject: ClassVar[str] = "Your password was changed"
    handle: str
    unlinked: tuple[str, ...]
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOldAddress(Letter):
    """To the address that an account is to leave."""

    name: ClassVar[str] = "confirm_old_address"
    subject: ClassVar[str] = "Confirm that your account moves to another address"
    handle: str
    new_email: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmNewAddress(Letter):
    """To the address that an account is to have."""

    name: ClassVar[str] = "confirm_new_address"
    subject: ClassVar[str] = "Confirm your new e-mail address"
    handle: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressWasChanged(Letter):
    """To both addresses, when it is done."""

    name: ClassVar[str] = "address_changed"
    subject: ClassVar[str] = "Your e-mail address was changed"
    handle: str
    new_email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice(Letter):
    """To the owner, when a device logs in that the account did not know."""

    name: ClassVar[str] = "new_device"
    subject: ClassVar[str] = "A new device logged in to your account"
    handle: str
    device: str
    address: str
    at: datetime
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWasLinked(Letter):
    """To the owner, who may not have done it."""

    name: ClassVar[str] = "provider_linked"
    subject: ClassVar[str] = "Your account was linked with another one"
    handle: str
    provider: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWasUnlinked(Letter):
    """To the owner, who may not have done it."""

    name: ClassVar[str] = "provider_unlinked"
    subject: ClassVar[str] = "Your account was unlinked from another one"
    handle: str
    provider: str
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveReady(Letter):
    """To whoever asked for what is stored of them. The link leads to a page that wants a session."""

    name: ClassVar[str] = "archive_ready"
    subject: ClassVar[str] = "Your data"
    handle: str
    size_bytes: int
    until: datetime
    link: str


LETTERS: tuple[type[Letter], ...] = (
    VerifyAddress,
    AlreadyKnown,
    ResetLetter,
    PasswordWasChanged,
    ConfirmOldAddress,
    ConfirmNewAddress,
    AddressWasChanged,
    NewDevice,
    ProviderWasLinked,
    ProviderWasUnlinked,
    ArchiveReady,
)


@dataclass(frozen=True, slots=True)
class Written:
    """A letter in words: plain text, and the same as HTML or empty."""

    text: str
    html: str = ""


class Letters(ABC):
    """Puts letters into words."""

    @abstractmethod
    def write(self, letter: Letter) -> Written:
        """Where the letter has a link, each form holds it once, in the text on a line of its own."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in plain text and, where `html` is not empty, in HTML too.

    `id` names the debt it pays, so that a repeat can be told from another mail.
    """

    id: str
    to: str
    subject: str
    text: str
    html: str = ""


class Mailer(ABC):
    """Sends mail."""

    @abstractmethod
    async def send(self, mail: Mail) -> None:
        """Hand it over for delivery. The same id again may deliver it again."""
