"""Accounts, registrations waiting for their e-mail to be verified, ways to recover them, and families of sessions."""

from soundgraph.domain.identity.accounts import REGISTRATION_LIFETIME, Account, Registration
from soundgraph.domain.identity.devices import device_name
from soundgraph.domain.identity.events import (
    AccountCreated,
    EmailChanged,
    EmailChangeRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    ProviderLinked,
    ProviderUnlinked,
    RegistrationRequested,
    RoleChanged,
    StandingChanged,
)
from soundgraph.domain.identity.handles import HANDLE, RESERVED_HANDLES, likeness, skeleton
from soundgraph.domain.identity.passwords import is_name, is_plain, words_in
from soundgraph.domain.identity.recovery import EMAIL_CHANGE_LIFETIME, RESET_LIFETIME, EmailChange, PasswordReset
from soundgraph.domain.identity.rules import (
    PASSWORD_LENGTH,
    email_errors,
    normalise_email,
    password_errors,
    registration_errors,
    require_valid,
)
from soundgraph.domain.identity.sessions import ACCESS_LIFETIME, FAMILY_LIFETIME, REFRESH_GRACE, Refresh, SessionFamily

__all__ = [
    "ACCESS_LIFETIME",
    "EMAIL_CHANGE_LIFETIME",
    "FAMILY_LIFETIME",
    "HANDLE",
    "PASSWORD_LENGTH",
    "REFRESH_GRACE",
    "REGISTRATION_LIFETIME",
    "RESERVED_HANDLES",
    "RESET_LIFETIME",
    "Account",
    "AccountCreated",
    "EmailChange",
    "EmailChangeRequested",
    "EmailChanged",
    "NewDeviceSeen",
    "PasswordChanged",
    "PasswordReset",
    "PasswordResetRequested",
    "ProviderLinked",
    "ProviderUnlinked",
    "Refresh",
    "Registration",
    "RegistrationRequested",
    "RoleChanged",
    "SessionFamily",
    "StandingChanged",
    "device_name",
    "email_errors",
    "is_name",
    "is_plain",
    "likeness",
    "normalise_email",
    "password_errors",
    "registration_errors",
    "require_valid",
    "skeleton",
    "words_in",
]
