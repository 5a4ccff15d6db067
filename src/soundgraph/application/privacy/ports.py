"""What every module answers about a person, and what this module needs from outside."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from soundgraph.application.identity import DeletionWork
from soundgraph.application.tracks import TracksWork
from soundgraph.domain.ids import AccountId, ExportId, TrackId, UploadId
from soundgraph.domain.privacy import Export


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of a file in an archive. Those of one file come one after the other; values are what JSON can say."""

    file: str
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Copy:
    """One object of the store as a file in an archive. `progress` is how much of the module is done then, 0 to 100."""

    path: str
    key: str
    progress: int = 0


class PersonalData(ABC):
    """What one module holds of people. Every module that stores anything with an account's id answers this."""

    name: str

    @abstractmethod
    async def purge(self, account_id: AccountId) -> dict[str, int]:
        """Remove it for good, from every store, and keep what it leaves behind right. How many of each kind.

        Runs again after it was killed half-way, and removes the rest. Nobody can see the account meanwhile.
        """

    @abstractmethod
    def export(self, account_id: AccountId) -> AsyncIterator[Fact | Copy]:
        """What the person made, wrote and sent. Memory stays constant in its size."""


class PersonalRows(ABC):
    """Rows that belong to people, by module, in the store of the truth."""

    @abstractmethod
    def read(self, module: str, account_id: AccountId) -> AsyncIterator[Fact]:
        """What is handed out of a module's rows: no hashes of secrets, nothing that others did about the person."""

    @abstractmethod
    async def remove(self, module: str, account_id: AccountId) -> dict[str, int]:
        """Remove a module's rows, a few at a time, and correct the counters of others. How many of each kind."""

    @abstractmethod
    async def tracks(self, account_id: AccountId, *, after: TrackId | None, limit: int) -> list[TrackId]:
        """The person's tracks by id, above `after`, in any standing."""

    @abstractmethod
    async def uploads(self, account_id: AccountId, *, after: UploadId | None, limit: int) -> list[UploadId]:
        """The person's uploads by id, above `after`."""


class Exports(ABC):
    """Archives of people's data; an account has one at most."""

    @abstractmethod
    async def get(self, export_id: ExportId) -> Export | None: ...

    @abstractmethod
    async def of(self, account_id: AccountId) -> Export | None: ...

    @abstractmethod
    async def put(self, export: Export) -> None:
        """Insert, or replace the one of the same id. Raises Conflict(export_exists) for a second of one account."""

    @abstractmethod
    async def remove(self, export_id: ExportId) -> None: ...

    @abstractmethod
    async def expired(self, *, now: datetime, limit: int) -> list[Export]:
        """Those whose time is over, oldest first."""


class PrivacyWork(DeletionWork, TracksWork, Protocol):
    """The unit of work of this module."""

    @property
    def exports(self) -> Exports: ...


# What an archive says of each kind of row, by the name of its file. Whatever is not named here is not handed out:
# hashes of passwords and tokens, and what others did about the person, such as blocking them.
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("id", "email", "handle", "role", "plan", "created_at"),
    "sessions": ("id", "device", "address", "created_at", "rotated_at", "expires_at", "ended_at"),
    "identities": ("provider", "issuer", "subject", "email", "linked_at"),
    "email_changes": ("old_email", "new_email", "old_confirmed", "new_confirmed", "expires_at"),
    "profile": ("id", "handle", "display_name", "bio", "city", "country_code", "links"),
    "follows": ("follower", "followee", "at"),
    "blocks": ("blocked", "at"),
    "tracks": (
        "id",
        "permalink",
        "title",
        "description",
        "genre",
        "tags",
        "license",
        "audience",
        "standing",
        "created_at",
        "published_at",
    ),
    "revisions": ("id", "track_id", "number", "sha256", "state", "created_at"),
    "uploads": ("id", "filename", "size_bytes", "sha256"),
    "likes": ("track_id", "at"),
    "history": ("track_id", "at", "position_ms"),
    "secret_links": ("id", "kind", "subject_id", "label", "created_at", "expires_at", "plays"),
    "plays": ("track_id", "position_ms", "context", "at"),
    "playlists": ("id", "permalink", "title", "description", "kind", "audience", "created_at"),
    "playlist_items": ("playlist_id", "track_id", "added_at"),
}
