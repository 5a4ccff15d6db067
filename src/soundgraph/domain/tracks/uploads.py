"""Bytes on their way in."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from soundgraph.domain.errors import Conflict, Gone, Invalid
from soundgraph.domain.ids import AccountId, UploadId

UPLOAD_LIFETIME = timedelta(hours=24)
MAX_UPLOAD_BYTES = 1 << 30
MAX_DURATION_MS = 6 * 3_600_000
# How files that can be processed usually end. Only the bytes tell for sure.
AUDIO_SUFFIXES = frozenset(
    [
        "3g2",
        "3gp",
        "aac",
        "aif",
        "aifc",
        "aiff",
        "alac",
        "bwf",
        "f4a",
        "f4v",
        "flac",
        "m4a",
        "m4b",
        "m4r",
        "m4v",
        "mka",
        "mkv",
        "mov",
        "mp2",
        "mp3",
        "mp4",
        "mpa",
        "mpga",
        "oga",
        "ogg",
        "ogv",
        "ogx",
        "opus",
        "qt",
        "rf64",
        "wav",
        "wave",
        "weba",
        "webm",
    ]
)


class UploadKind(StrEnum):
    """How the bytes come."""

    FORM = "form"
    """In one request, to `key` itself."""
    RESUMABLE = "resumable"
    """In pieces, over as many requests as it takes."""
    PART = "part"
    """In pieces too, to be joined with others."""
    JOINED = "joined"
    """Not at all: the parts have them."""
    DIRECT = "direct"
    """Straight to the store."""


@dataclass(slots=True, kw_only=True)
class Upload:
    """Bytes on their way in. They wait in quarantine until they become exactly one revision; then they are at `key`.

    `length` is how many were announced, `metadata` what a client said about them and wants to hear again. `tidied`
    means that nothing can be left of what came in pieces or straight to the store.
    """

    id: UploadId
    owner_id: AccountId
    key: str
    expires_at: datetime
    filename: str = ""
    size_bytes: int | None = None
    sha256: str | None = None
    kind: UploadKind = UploadKind.FORM
    length: int | None = None
    metadata: str = ""
    parts: tuple[UploadId, ...] = ()
    tidied: bool = False
    version: int = 1

    @classmethod
    def begin(
        cls,
        upload_id: UploadId,
        owner_id: AccountId,
        *,
        filename: str,
        at: datetime,
        kind: UploadKind = UploadKind.FORM,
        length: int | None = None,
        metadata: str = "",
    ) -> "Upload":
        """Open an upload. If it is never completed, a sweep removes its bytes after `UPLOAD_LIFETIME`."""
        place = f"quarantine/{upload_id}"
        return cls(
            id=upload_id,
            owner_id=owner_id,
            key=place if kind is UploadKind.FORM else f"{place}/incoming/whole",
            expires_at=at + UPLOAD_LIFETIME,
            filename=unicodedata.normalize("NFC", filename)[:255],
            kind=kind,
            length=length,
            metadata=metadata,
        )

    @classmethod
    def join(cls, upload_id: UploadId, parts: Sequence["Upload"], *, metadata: str, filename: str) -> "Upload":
        """Parts that have all arrived, as one upload, which expires with the first of them.

        Raises Invalid(not_joinable) unless they are one or more different parts of one owner, not too long together.
        """
        length = sum(one.length or 0 for one in parts)
        ids = tuple(one.id for one in parts)
        proper = len(set(ids)) == len(ids) > 0 and all(one.kind is UploadKind.PART for one in parts)
        if not proper or length > MAX_UPLOAD_BYTES:
            raise Invalid(
                "not_joinable", f"Name different partial uploads, of up to {MAX_UPLOAD_BYTES} bytes together."
            )
        made = cls.begin(
            upload_id,
            parts[0].owner_id,
            filename=filename,
            at=parts[0].expires_at,
            kind=UploadKind.JOINED,
            length=length,
            metadata=metadata,
        )
        made.parts, made.expires_at = ids, min(one.expires_at for one in parts)
        return made

    @property
    def prefix(self) -> str:
        """Above everything that was ever stored for it, unless it came in a form."""
        return f"quarantine/{self.id}/"

    @property
    def incoming(self) -> str:
        """Above what clients may write."""
        return f"{self.prefix}incoming/"

    def refuse_part(self) -> None:
        """Raise Invalid(partial_upload) for a part, which can only be joined with others."""
        if self.kind is UploadKind.PART:
            raise Invalid("partial_upload", "This is a part of an upload. Join it with the others, and name the whole.")

    def refuse_spent(self, *, at: datetime) -> None:
        """Raise Gone(upload_expired) or Conflict(upload_completed) where nothing more can come of it."""
        if self.sha256 is not None:
            raise Conflict("upload_completed", "This upload is complete and became a track.")
        if self.expires_at <= at:
            raise Gone("upload_expired", "This upload has expired. Begin a new one.")

    def complete(self, *, size_bytes: int, sha256: str, key: str | None = None) -> None:
        """All bytes are stored, at `key` if that is another one.

        Raises Conflict(upload_completed) the second time, and Invalid(partial_upload).
        """
        self.refuse_part()
        if self.sha256 is not None:
            raise Conflict("upload_completed", "This upload is complete and became a track.")
        self.size_bytes, self.sha256, self.key = size_bytes, sha256, key or self.key

    def abandon(self, *, at: datetime) -> None:
        """Give it up: from now on it can become no track, and a sweep removes what is left of it."""
        self.expires_at = at
