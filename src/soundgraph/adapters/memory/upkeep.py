"""What must hold, looked up in memory."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from soundgraph.adapters.memory.database import MemoryDatabase, Tables
from soundgraph.adapters.memory.playlists import shown
from soundgraph.adapters.memory.tracks import listed
from soundgraph.application.upkeep import COUNTERS, DebtReport, Drift, Invariants, Stuck
from soundgraph.domain.ids import TrackId, UploadId
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
            Drift(subject, name, tables.counted(subject, name), rows[subject, name])
            for subject in subjects[:limit]
            for name in COUNTERS
            if tables.counted(subject, name) != rows[subject, name]
        ]
        return found, subjects[limit - 1] if len(subjects) > limit else None

    async def recount(self, subject: UUID) -> None:
        async with self._database.lock:
            rows = _counted(self._database.tables)
            for name in COUNTERS:
                self._database.tables.counters[subject, name] = rows[subject, name]

    async def stuck(self, *, limit: int) -> list[Stuck]:
        tables = self._database.tables
        owed = _owed(tables)
        return [
            Stuck(track.id, revision.id)
            for track in sorted(tables.tracks.values(), key=lambda track: track.id)
            for revision in track.revisions
            if revision.state in (RevisionState.RECEIVED, RevisionState.PROCESSING)
            if track.standing is not Standing.REMOVED and str(track.id) not in owed
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
    for playlist in tables.playlists.values():
        rows[playlist.owner_id, "playlists"] += shown(playlist)
    return rows


def _owed(tables: Tables) -> set[str]:
    """The keys of the tracks that anyone is still owed the processing of, dead letters included."""
    events = [tables.events[event_id] for event_id, _ in tables.deliveries]
    return {event.key for event in events if event.name == RevisionReceived.name}
