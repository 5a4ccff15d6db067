"""Accounts, registrations, recovery and sessions in memory."""

from soundgraph.adapters.memory.identity.collections import MemoryAccounts, MemoryFamilies, MemoryRegistrations
from soundgraph.adapters.memory.identity.reading import MemoryIdentityReader
from soundgraph.adapters.memory.identity.recovery import MemoryEmailChanges, MemoryPasswordResets
from soundgraph.adapters.memory.identity.tools import (
    FewCommonPasswords,
    NoCaptcha,
    NoPublishedKeys,
    Outbox,
    PlainLetters,
    PlainTokens,
    QuickPasswords,
)

__all__ = [
    "FewCommonPasswords",
    "MemoryAccounts",
    "MemoryEmailChanges",
    "MemoryFamilies",
    "MemoryIdentityReader",
    "MemoryPasswordResets",
    "MemoryRegistrations",
    "NoCaptcha",
    "NoPublishedKeys",
    "Outbox",
    "PlainLetters",
    "PlainTokens",
    "QuickPasswords",
]
