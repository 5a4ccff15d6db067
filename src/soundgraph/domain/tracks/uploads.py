"""Bytes on their way in."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import AccountId, UploadId

UPLOAD_LIFETIME = timedelta(hours=24)
MAX_UPLOAD_BYTES = 1 << 30


@dataclass(slots=True, kw_only=True)
class Upload:
    """Bytes on their way in. They wait in quarantine under `key` until they become exactly one revision."""

    id: UploadId
    owner_id: AccountId
    key: str
    expires_at: datetime
    filename: str = ""
    size_bytes: int | None = None
    sha256: str | None = None
    version: int = 1

    @classmethod
    def begin(cls, upload_id: UploadId, owner_id: AccountId, *, filename: str, at: datetime) -> "Upload":
        """Open an upload. If it is never completed, a sweep removes its bytes after `UPLOAD_LIFETIME`."""
        return cls(
            id=upload_id,
            owner_id=owner_id,
            key=f"quarantine/{upload_id}",
            expires_at=at + UPLOAD_LIFETIME,
            filename=unicodedata.normalize("NFC", filename)[:255],
        )

    def complete(self, *, size_bytes: int, sha256: str) -> None:
        """All bytes are stored. Raises Conflict(upload_completed) the second time."""
        if self.sha256 is not None:
            raise Conflict("upload_completed", "This upload is complete and became a track.")
        self.size_bytes, self.sha256 = size_bytes, sha256

    def abandon(self, *, at: datetime) -> None:
        """Give it up: from now on it can become no track, and a sweep removes what is left of it."""
        self.expires_at = at
