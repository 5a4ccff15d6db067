"""One in-memory database: units of work serialised by one lock, copied on read and on write."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from soundgraph.application.deliveries import Hint, Hints, Subscriptions
from soundgraph.application.idempotency import Made
from soundgraph.application.ports import Clock, Debt, Gate, Ids, LeaseLost
from soundgraph.application.tracks import Progress
from soundgraph.application.views import Position
from soundgraph.domain.audit import AuditEntry
from soundgraph.domain.errors import Conflict
from soundgraph.domain.events import Event
from soundgraph.domain.federation import Arrival, ExternalIdentity, SignIn
from soundgraph.domain.identity import Account, EmailChange, PasswordReset, Registration, SessionFamily
from soundgraph.domain.ids import (
    AccountId,
    AuditId,
    EmailChangeId,
    EventId,
    ExportId,
    FamilyId,
    Kind,
    LinkId,
    PlayId,
    PlaylistId,
    Ref,
    RegistrationId,
    ResetId,
    RevisionId,
    TrackId,
    UploadId,
)
from soundgraph.domain.links import SecretLink
from soundgraph.domain.people import Profile
from soundgraph.domain.plans import Usage
from soundgraph.domain.playback import Play
from soundgraph.domain.playlists import Playlist
from soundgraph.domain.privacy import Deletion, Export
from soundgraph.domain.tracks import Track, Upload
from soundgraph.domain.visibility import Facts, Viewer, may_see

Edges = dict[tuple[UUID, UUID], datetime]


class Versioned(Protocol):
    """An aggregate that notices when someone else changed it."""

    version: int


A = TypeVar("A", bound=Versioned)
V = TypeVar("V")
R = TypeVar("R")


@dataclass(slots=True)
class EventRow:
    """A stored event; the body is what PostgreSQL would hold."""

    name: str
    key: str
    body: bytes
    at: datetime


@dataclass(slots=True)
class DebtRow:
    """A stored delivery. `due` is None for the dead letters."""

    due: datetime | None
    budget: int
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A stored idempotency key. `made` is None while it is only claimed."""

    holder: UUID
    expires_at: datetime
    made: Made | None = None


@dataclass(slots=True)
class Tables:
    """Everything that is stored."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    registrations: dict[RegistrationId, Registration] = field(default_factory=dict)
    families: dict[FamilyId, SessionFamily] = field(default_factory=dict)
    password_resets: dict[ResetId, PasswordReset] = field(default_factory=dict)
    email_changes: dict[EmailChangeId, EmailChange] = field(default_factory=dict)
    audit: dict[AuditId, AuditEntry] = field(default_factory=dict)
    profiles: dict[AccountId, Profile] = field(default_factory=dict)
    follows: Edges = field(default_factory=dict)
    blocks: Edges = field(default_factory=dict)
    uploads: dict[UploadId, Upload] = field(default_factory=dict)
    tracks: dict[TrackId, Track] = field(default_factory=dict)
    permalinks: dict[tuple[AccountId, str], TrackId] = field(default_factory=dict)
    playlists: dict[PlaylistId, Playlist] = field(default_factory=dict)
    likes: Edges = field(default_factory=dict)
    plays: dict[PlayId, Play] = field(default_factory=dict)
    plays_by_day: dict[tuple[TrackId, date, str], int] = field(default_factory=dict)
    history: dict[tuple[AccountId, TrackId], Play] = field(default_factory=dict)
    secret_links: dict[LinkId, SecretLink] = field(default_factory=dict)
    allowances: dict[AccountId, Usage] = field(default_factory=dict)
    counters: dict[tuple[UUID, str], int] = field(default_factory=dict)
    events: dict[EventId, EventRow] = field(default_factory=dict)
    deliveries: dict[tuple[EventId, str], DebtRow] = field(default_factory=dict)
    progress: dict[RevisionId, Progress] = field(default_factory=dict)
    idempotency_keys: dict[tuple[UUID, str, str], KeyRow] = field(default_factory=dict)
    retired_handles: dict[str, AccountId] = field(default_factory=dict)
    external_identities: dict[tuple[str, str], ExternalIdentity] = field(default_factory=dict)
    sign_ins: dict[bytes, SignIn] = field(default_factory=dict)
    arrivals: dict[bytes, Arrival] = field(default_factory=dict)
    deletions: dict[AccountId, Deletion] = field(default_factory=dict)
    exports: dict[ExportId, Export] = field(default_factory=dict)

    def fork(self) -> "Tables":
        """A copy that can be changed and thrown away. What the rows hold is shared until it is written."""
        return Tables(**{one.name: dict(getattr(self, one.name)) for one in fields(self)})

    def count(self, subject: UUID, name: str, delta: int) -> None:
        """Move a counter."""
        self.counters[subject, name] = self.counted(subject, name) + delta

    def counted(self, subject: UUID, name: str) -> int:
        """Read a counter."""
        return self.counters.get((subject, name), 0)

    def linked(self, account_id: AccountId) -> list[ExternalIdentity]:
        """The external identities of one account, by the names of their providers."""
        mine = [one for one in self.external_identities.values() if one.account_id == account_id]
        return sorted(mine, key=lambda one: one.provider)

    def blocked(self, one: UUID | None, other: UUID) -> bool:
        """Whether either blocks the other."""
        return one is not None and ((one, other) in self.blocks or (other, one) in self.blocks)

    def facts(self, ref: Ref, viewer: Viewer) -> Facts | None:
        """What the visibility rule asks about one thing, or None where there is no such thing."""
        if ref.kind is not Kind.ACCOUNT:
            thing = self.tracks.get(TrackId(ref.id)) or self.playlists.get(PlaylistId(ref.id))
            if thing is None or ref.kind is not (Kind.TRACK if isinstance(thing, Track) else Kind.PLAYLIST):
                return None
            return Facts(
                ref.id,
                thing.owner_id,
                standing=thing.standing,
                audience=thing.details.audience,
                owner_standing=self.accounts[thing.owner_id].standing,
                blocked=self.blocked(viewer.id, thing.owner_id),
            )
        account = self.accounts.get(AccountId(ref.id))
        if account is None:
            return None
        blocked = self.blocked(viewer.id, account.id)
        return Facts(ref.id, account.id, owner_standing=account.standing, blocked=blocked)

    def visible(self, ref: Ref, viewer: Viewer) -> bool:
        """Whether the viewer may see it."""
        facts = self.facts(ref, viewer)
        return facts is not None and may_see(facts, viewer)


class MemoryDatabase:
    """Holds the tables. Its lock admits one unit of work at a time."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.lock = asyncio.Lock()


class MemoryGate(Gate):
    """The visibility rule over whatever `tables` returns now."""

    def __init__(self, tables: Callable[[], Tables]) -> None:
        self._tables = tables

    async def admit(self, viewer: Viewer, refs: Sequence[Ref]) -> list[Ref]:
        tables = self._tables()
        return [ref for ref in refs if tables.visible(ref, viewer)]


class Transaction:
    """The half of a unit of work that is the same for every module: begin, record, serialise, pay, commit."""

    def __init__(
        self, database: MemoryDatabase, subscriptions: Subscriptions, hints: Hints, ids: Ids, clock: Clock
    ) -> None:
        self._database, self._subscriptions, self._hints = database, subscriptions, hints
        self._ids, self._clock = ids, clock
        self._pending: list[Hint] = []
        self.tables = database.tables
        self.gate = MemoryGate(lambda: self.tables)

    async def __aenter__(self) -> Self:
        await self._database.lock.acquire()
        self.tables = self._database.tables.fork()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._database.lock.release()
        pending, self._pending = self._pending, []
        if pending and self._database.tables is self.tables:
            self._hints.send(pending)

    def record(self, *events: Event) -> None:
        now = self._clock.now()
        for event in events:
            event_id = EventId(self._ids.new())
            self.tables.events[event_id] = EventRow(event.name, event.key, self._subscriptions.encode(event), now)
            for one in self._subscriptions.owed_for(event):
                self.tables.deliveries[event_id, one.name] = DebtRow(due=event.not_before or now, budget=one.budget)
                if event.not_before is None:
                    self._pending.append(Hint(event_id, one.name, one.queue))

    async def serialise(self, key: str) -> None:
        """Nothing to wait for: the database's lock is held already."""

    async def hold(self, debt: Debt) -> None:
        row = self.tables.deliveries.get((debt.event_id, debt.subscriber))
        if row is None or row.attempts != debt.attempts:
            raise LeaseLost

    async def pay(self, debt: Debt) -> None:
        await self.hold(debt)
        del self.tables.deliveries[debt.event_id, debt.subscriber]

    async def commit(self) -> None:
        self._database.tables = self.tables


def kept(row: R) -> R:
    """A copy: for the reader to change, or for the table to keep."""
    return deepcopy(row)


def save(table: dict[Any, A], key: object, row: A) -> None:
    """Replace a row. Raises Conflict(version_conflict) if it changed since it was read."""
    stored = table.get(key)
    if stored is None or stored.version != row.version:
        raise Conflict("version_conflict", "Someone else changed this meanwhile. Read it again.")
    row.version += 1
    table[key] = deepcopy(row)


def add_edge(edges: Edges, one: UUID, other: UUID, at: datetime) -> bool:
    """Whether the edge is new."""
    if (one, other) in edges:
        return False
    edges[one, other] = at
    return True


def newest_first(edges: Iterable[tuple[datetime, V]]) -> Iterator[tuple[datetime, V]]:
    """Edges by time and id, descending: the order that keyset cursors walk."""
    return iter(sorted(edges, key=lambda edge: (edge[0], str(edge[1])), reverse=True))


def page_of(rows: Iterable[tuple[datetime, V]], after: Position | None, limit: int) -> tuple[list[V], Position | None]:
    """One page of rows that are in descending (time, id), and where the next one starts."""
    start = None if after is None else (datetime.fromisoformat(str(after[0])), str(after[1]))
    rest = [(at, one) for at, one in newest_first(rows) if start is None or (at, str(one)) < start]
    shown = rest[:limit]
    following = (shown[-1][0].isoformat(), str(shown[-1][1])) if len(rest) > limit else None
    return [one for _, one in shown], following
