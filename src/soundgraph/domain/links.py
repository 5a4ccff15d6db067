"""Secret links: whoever has one may see one private thing, and what hangs on it, until it is revoked or expires."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from soundgraph.domain.errors import FieldError
from soundgraph.domain.ids import AccountId, LinkId, Ref

MAX_LABEL = 100
MAX_LINKS = 100
LONGEST_LINK = timedelta(days=3_660)
# How long an expired link stays in its owner's list.
EXPIRED_LINKS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLink:
    """A way to one track or playlist. Of its token only the SHA-256 is stored; `plays` counts what was heard by it."""

    id: LinkId
    subject: Ref
    owner_id: AccountId
    digest: bytes
    label: str
    created_at: datetime
    expires_at: datetime | None = None
    plays: int = 0


def digest_of(token: str) -> bytes:
    """What a link is found by: whoever compares digests of 128 random bits learns nothing from the time it takes."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def link_errors(label: str, expires_at: datetime | None, *, at: datetime) -> list[FieldError]:
    """Every rule that a new link breaks."""
    found = []
    if len(label) > MAX_LABEL:
        found.append(FieldError("label", "length", f"Use at most {MAX_LABEL} characters."))
    if expires_at is not None and not at < expires_at <= at + LONGEST_LINK:
        found.append(FieldError("expires_at", "out_of_range", "Use a moment in the future, at most ten years ahead."))
    return found
