"""The clock on the wall, identifiers from it, and the tokens of secret links. Standard library only."""

import hmac
import os
import secrets
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

from soundgraph.application.identity import Randomness
from soundgraph.application.playback import LinkTokens
from soundgraph.application.ports import Clock, Ids
from soundgraph.domain.ids import LinkId, uuid7

TOKEN_BYTES = 16


class SystemClock(Clock):
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TimeOrderedIds(Ids):
    """UUIDv7 from the machine's clock and entropy, strictly increasing within one process."""

    def __init__(self) -> None:
        self._last = UUID(int=0)

    def new(self) -> UUID:
        fresh = uuid7(time.time_ns() // 1_000_000, os.urandom(10))
        self._last = fresh if fresh > self._last else UUID(int=self._last.int + 1)
        return self._last


class SystemRandomness(Randomness):
    """The machine's entropy."""

    def token(self) -> str:
        return secrets.token_urlsafe(32)


class DerivedLinkTokens(LinkTokens):
    """Message authentication codes of the ids of links, under a secret of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, link_id: LinkId) -> str:
        """`s-` and the first 128 bits of an HMAC-SHA-256."""
        code = hmac.digest(self._secret, link_id.bytes, "sha256")[:TOKEN_BYTES]
        return f"s-{urlsafe_b64encode(code).decode().rstrip('=')}"
