"""The ports that modules share. A module's own ports stand beside its use cases."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self
from unicodedata import combining, normalize
from urllib.parse import quote
from uuid import UUID

from soundgraph.domain.errors import NotFound
from soundgraph.domain.events import Event
from soundgraph.domain.ids import EventId, Ref
from soundgraph.domain.visibility import Viewer


class Clock(ABC):
    """Where the time comes from."""

    @abstractmethod
    def now(self) -> datetime:
        """The present moment, in UTC and aware of it."""


class Ids(ABC):
    """Where identifiers come from."""

    @abstractmethod
    def new(self) -> UUID:
        """A fresh UUIDv7: later calls in one process yield larger values."""


class Gate(ABC):
    """The visibility rule over what is stored now. Its answers are never cached."""

    @abstractmethod
    async def admit(self, viewer: Viewer, refs: Sequence[Ref]) -> list[Ref]:
        """Those of `refs` that the viewer may see, in the order given. One query, however many."""

    async def require(self, viewer: Viewer, ref: Ref) -> None:
        """Raise NotFound unless the viewer may see it."""
        if not await self.admit(viewer, [ref]):
            raise NotFound


@dataclass(frozen=True, slots=True)
class Debt:
    """A claimed delivery: one event owed to one subscriber. `attempts` counts this try and is the fencing token."""

    event_id: EventId
    subscriber: str
    attempts: int
    budget: int


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without `commit()` rolls everything back.

    Modules widen this with their own collections; one concrete unit of work satisfies all of them. An aggregate
    loaded through a collection stays locked until the block ends.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def gate(self) -> Gate:
        """The visibility rule, read inside this transaction."""
        ...

    def record(self, *events: Event) -> None:
        """Add what happened, and the deliveries owed for it, to this transaction."""
        ...

    async def serialise(self, key: str) -> None:
        """Wait until no other open unit of work holds this key, and hold it until the block ends."""
        ...

    async def hold(self, debt: Debt) -> None:
        """Keep a debt from being claimed by anyone else until the block ends. Raises LeaseLost."""
        ...

    async def pay(self, debt: Debt) -> None:
        """Strike out a debt in this transaction. Raises LeaseLost if another worker has claimed it since."""
        ...

    async def commit(self) -> None:
        """Make it so. Once, as the last line of the block."""
        ...


class LeaseLost(Exception):
    """A debt was claimed by someone else meanwhile; whatever this holder did must not count."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline, unique by (stream, key). Newest `sort` first; `about` names what to remove it with."""

    stream: str
    key: str
    sort: datetime
    about: str
    body: Mapping[str, object] = field(default_factory=dict)


class Timelines(ABC):
    """Append-heavy projections: feeds and, later, comments, messages, notifications. They yield candidates only."""

    @abstractmethod
    async def put(self, entries: Collection[Entry]) -> None:
        """Insert, or replace what has the same (stream, key)."""

    @abstractmethod
    async def get(self, stream: str, key: str) -> Entry | None:
        """One entry."""

    @abstractmethod
    async def page(self, stream: str, *, before: tuple[datetime, str] | None, limit: int) -> list[Entry]:
        """Up to `limit` entries in descending (sort, key), strictly below `before` where it is given."""

    @abstractmethod
    async def remove(self, stream: str, key: str) -> None:
        """Remove one entry, if it is there."""

    @abstractmethod
    async def remove_about(self, about: str, *, stream: str | None = None) -> None:
        """Remove every entry about something, from one stream or from all."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store knows of one object. `sha256` is lower-case hexadecimal, computed while the bytes came in."""

    key: str
    size_bytes: int
    sha256: str


MAX_KEY_PART_BYTES = 255


def key_parts(key: str) -> list[str]:
    """The parts of a key: printable, 1 to 255 bytes long, none with a dot at its beginning. Raises ValueError."""
    parts = key.split("/")
    for part in parts:
        printable = part.isprintable() and not part.startswith(".")
        if not printable or not 1 <= len(part.encode()) <= MAX_KEY_PART_BYTES:
            raise ValueError(f"not a key: {key!r}")
    return parts


def prefix_parts(prefix: str) -> list[str]:
    """The parts of what keys begin with. Raises ValueError, also without the slash at its end."""
    if not prefix.endswith("/"):
        raise ValueError(f"a prefix ends in a slash: {prefix!r}")
    return key_parts(prefix.removesuffix("/"))


class ObjectStore(ABC):
    """Immutable objects under slash-separated keys. Nothing in it is public; memory stays constant in their size."""

    @abstractmethod
    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Store a stream. The object appears whole or not at all, and replaces one of the same key.

        Raises Unavailable(storage_full) when there is no room; nothing half-written stays behind.
        """

    @abstractmethod
    def read(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `stop`, in chunks; fewer where it ends earlier.

        Raises NotFound, on the first chunk, where there is none. A reader keeps what it opened.
        """

    @abstractmethod
    async def size(self, key: str) -> int | None:
        """Its length in bytes, or None where there is no such object."""

    @abstractmethod
    async def copy(self, source: str, target: str) -> None:
        """The same bytes under another key. Raises NotFound."""

    @abstractmethod
    async def remove(self, key: str) -> None:
        """Remove one object, and what an unfinished `put` of it left. Nothing happens where there is none."""

    @abstractmethod
    async def remove_under(self, prefix: str) -> None:
        """Remove every object whose key starts with `prefix`, which ends in a slash."""

    @abstractmethod
    def signed_url(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None = None) -> str:
        """An absolute URL that serves this object, with ranges, until `lifetime` is over.

        With `filename` the answer is an attachment of that name.
        """


def attachment(filename: str) -> str:
    """The Content-Disposition of a file to keep (RFC 6266), its name also in ASCII for clients that know no other."""
    folded = "".join(one for one in normalize("NFKD", filename) if not combining(one))
    plain = "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in folded)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


@dataclass(frozen=True, slots=True)
class SignedForm:
    """A form to send a file with, as multipart/form-data to `url`: all `fields`, then the file, last, as `file`."""

    url: str
    fields: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedPut:
    """Where to PUT a file, with these headers."""

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Presigner(ABC):
    """Addresses with which a client reaches a store without asking us. Nothing in them can be changed."""

    @abstractmethod
    def signed_urls(
        self, keys: Sequence[str], *, lifetime: timedelta, content_type: str, filename: str | None = None
    ) -> list[str]:
        """What `ObjectStore.signed_url` gives for each key, all of one moment: a manifest signs one per segment."""

    @abstractmethod
    def signed_put(self, key: str, *, size_bytes: int, lifetime: timedelta) -> SignedPut:
        """What stores exactly so many bytes under a key, as often as it is sent until `lifetime` is over."""

    @abstractmethod
    def signed_form(self, key: str, *, max_bytes: int, lifetime: timedelta) -> SignedForm:
        """What stores 1 to `max_bytes` bytes under a key, as often as it is sent until `lifetime` is over."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object in a listing. `modified_at` is when its bytes were written, in UTC; a copy may keep its source's."""

    key: str
    size_bytes: int
    modified_at: datetime


class ObjectListing(ABC):
    """What a store really holds, for those who compare it with what it should."""

    @abstractmethod
    def under(self, prefix: str) -> AsyncIterator[Found]:
        """Every whole object whose key starts with `prefix`, which ends in a slash; those of one prefix together.

        What comes or goes meanwhile may be listed or not. Memory stays constant in their number.
        """

    @abstractmethod
    async def find(self, key: str) -> Found | None:
        """One object, as it is now."""
