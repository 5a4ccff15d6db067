"""Uploads in memory."""

from datetime import datetime

from soundgraph.adapters.memory.database import Tables, kept, save
from soundgraph.application.tracks import Uploads
from soundgraph.domain.ids import AccountId, UploadId
from soundgraph.domain.tracks import Upload, UploadKind


class MemoryUploads(Uploads):
    """Uploads among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, upload_id: UploadId) -> Upload | None:
        return kept(self._tables.uploads.get(upload_id))

    async def add(self, upload: Upload) -> None:
        self._tables.uploads[upload.id] = kept(upload)

    async def save(self, upload: Upload) -> None:
        save(self._tables.uploads, upload.id, upload)

    async def remove(self, upload_id: UploadId) -> None:
        self._tables.uploads.pop(upload_id, None)

    async def abandoned(self, *, now: datetime, limit: int) -> list[Upload]:
        expired = [one for one in self._tables.uploads.values() if one.expires_at <= now and _holds_bytes(one)]
        return sorted(expired, key=lambda one: one.expires_at)[:limit]

    async def unfinished(self, owner_id: AccountId, *, now: datetime) -> int:
        own = [one for one in self._tables.uploads.values() if one.owner_id == owner_id]
        return sum(one.sha256 is None and one.kind is not UploadKind.FORM and one.expires_at > now for one in own)


def _holds_bytes(upload: Upload) -> bool:
    return upload.sha256 is None or (upload.kind is not UploadKind.FORM and not upload.tidied)
