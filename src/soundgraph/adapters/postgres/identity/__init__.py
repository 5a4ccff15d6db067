"""Accounts, registrations, recovery and sessions in PostgreSQL."""

from soundgraph.adapters.postgres.identity.collections import PostgresAccounts, PostgresFamilies, PostgresRegistrations
from soundgraph.adapters.postgres.identity.reading import PostgresIdentityReader
from soundgraph.adapters.postgres.identity.recovery import PostgresEmailChanges, PostgresPasswordResets

__all__ = [
    "PostgresAccounts",
    "PostgresEmailChanges",
    "PostgresFamilies",
    "PostgresIdentityReader",
    "PostgresPasswordResets",
    "PostgresRegistrations",
]
