"""What must hold, looked up in memory."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from soundgraph.adapters.memory.database import MemoryDatabase, Tables
from soundgraph.adapters.memory.playlists import shown
from soundgraph.adapters.memory.tracks import listed
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.upkeep import COUNTERS, KEPT, DebtReport, Drift, Invariants, Stuck
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId, UploadId
from soundgraph.domain.plans import Usage
from soundgraph.domain.tracks import RevisionReceived, RevisionState
from soundgraph.domain.visibility import Standing


class MemoryInvariants(Invariants):
    """Counts everything anew, each time."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def drift(self, *, after: UUID | None, limit: int) -> tuple[list[Drift], UUID | None]:
        tables = self._database.tables
        rows = _counted(tables)
        subjects = sorted(one for one in [*tables.accounts, *tables.tracks] if after is None or one > after)
        found = [
            Drift(subject, name, _stored(tables, subject, name), rows[subject, name])
            for subject in subjects[:limit]
            for name in (*COUNTERS, *KEPT)
            if _stored(tables, subject, name) != rows[subject, name]
        ]
        return found, subjects[limit - 1] if len(subjects) > limit else None

    async def recount(self, subject: UUID) -> None:
        async with self._database.lock:
            rows = _counted(self._database.tables)
            for name in COUNTERS:
                self._database.tables.counters[subject, name] = rows[subject, name]
            self._database.tables.allowances[AccountId(subject)] = Usage(**{name: rows[subject, name] for name in KEPT})

    async def stuck(self, *, limit: int) -> list[Stuck]:
        tables = self._database.tables
        owed = _owed(tables)
        return [
            Stuck(track.id, revision.id)
            for track in sorted(tables.tracks.values(), key=lambda track: track.id)
            for revision in track.revisions
            if revision.state in (RevisionState.RECEIVED, RevisionState.PROCESSING)
            if track.standing is not Standing.REMOVED and revision.id not in owed
        ][:limit]

    async def debts(self, *, overdue: datetime) -> DebtReport:
        due = [row.due for row in self._database.tables.deliveries.values()]
        late = [moment for moment in due if moment is not None and moment < overdue]
        return DebtReport(len(late), min(late, default=None), due.count(None))

    async def track_ids(self, *, after: UUID | None, limit: int) -> list[TrackId]:
        return sorted(one for one in self._database.tables.tracks if after is None or one > after)[:limit]

    async def track_of(self, upload_id: UploadId) -> TrackId | None:
        tracks = self._database.tables.tracks.values()
        return next((one.id for one in tracks if any(each.upload_id == upload_id for each in one.revisions)), None)

    async def bearer_of(self, artwork_id: ArtworkId) -> TrackId | None:
        tracks = self._database.tables.tracks.values()
        return next((one.id for one in tracks if one.artwork_id == artwork_id), None)


def _stored(tables: Tables, subject: UUID, name: str) -> int:
    if name not in KEPT:
        return tables.counted(subject, name)
    stored: int = getattr(tables.allowances.get(AccountId(subject), Usage()), name)
    return stored


def _counted(tables: Tables) -> Counter[tuple[UUID, str]]:
    rows: Counter[tuple[UUID, str]] = Counter()
    for follower, followee in tables.follows:
        rows[follower, "followings"] += 1
        rows[followee, "followers"] += 1
    for who, what in tables.likes:
        rows[who, "likes"] += 1
        rows[what, "likes"] += 1
    for track in tables.tracks.values():
        rows[track.owner_id, "tracks"] += listed(track)
        for name in KEPT:
            rows[track.owner_id, name] += getattr(track.takes, name)
    for playlist in tables.playlists.values():
        rows[playlist.owner_id, "playlists"] += shown(playlist)
    return rows


def _owed(tables: Tables) -> set[RevisionId]:
    """The revisions that anyone is still owed the processing of, dead letters included."""
    events = [tables.events[event_id] for event_id, _ in tables.deliveries]
    bodies = [SUBSCRIPTIONS.decode(one.name, one.body) for one in events if one.name == RevisionReceived.name]
    return {one.revision_id for one in bodies if isinstance(one, RevisionReceived)}
