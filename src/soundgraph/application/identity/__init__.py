"""Registering, verifying an address, logging in and out, and staying logged in: a table of contents."""

from soundgraph.application.identity.mail import message_of, plain_name, sender_of
from soundgraph.application.identity.ports import (
    AccessClaims,
    Accounts,
    Families,
    IdentityReader,
    IdentityWork,
    Mail,
    Mailer,
    NewProfiles,
    Passwords,
    Registrations,
    Tokens,
    digest,
)
from soundgraph.application.identity.registration import ALREADY_KNOWN, VERIFY, Register, SendVerification, VerifyEmail
from soundgraph.application.identity.sessions import (
    Client,
    ExpireIdentities,
    LogIn,
    LogOut,
    RefreshSession,
    Session,
    Sessions,
)

__all__ = [
    "ALREADY_KNOWN",
    "VERIFY",
    "AccessClaims",
    "Accounts",
    "Client",
    "ExpireIdentities",
    "Families",
    "IdentityReader",
    "IdentityWork",
    "LogIn",
    "LogOut",
    "Mail",
    "Mailer",
    "NewProfiles",
    "Passwords",
    "RefreshSession",
    "Register",
    "Registrations",
    "SendVerification",
    "Session",
    "Sessions",
    "Tokens",
    "VerifyEmail",
    "digest",
    "message_of",
    "plain_name",
    "sender_of",
]
