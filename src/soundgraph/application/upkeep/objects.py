"""The store holds what rows name, and nothing else for long."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from soundgraph.application.ports import Clock, Found, ObjectListing, ObjectStore
from soundgraph.application.tracks import TracksWork
from soundgraph.application.upkeep.ports import Invariants
from soundgraph.domain.ids import ArtworkId, TrackId, UploadId

# Longer than any upload or attempt at processing may take: whatever is older belongs to none that still runs.
ORPHAN_AGE: Final = timedelta(hours=24)
QUARANTINE, ORIGINALS, RENDITIONS, ARTWORK = "quarantine/", "originals/", "renditions/", "artwork/"
BATCH = 500
SHOWN = 20


@dataclass(slots=True)
class ObjectReport:
    """What was compared and what did not match: how many, and the first keys of each kind."""

    objects: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    removed: int = 0
    dangling: int = 0
    orphan_keys: list[str] = field(default_factory=list)
    dangling_keys: list[str] = field(default_factory=list)

    def orphaned(self, one: Found) -> None:
        """Count an object that no row names."""
        self.orphans += 1
        self.orphan_bytes += one.size_bytes
        if len(self.orphan_keys) < SHOWN:
            self.orphan_keys.append(one.key)


class CheckObjects:
    """Compare objects with rows, and remove objects older than a day that no row names if asked to. An operator.

    A row whose object is missing can only be told: its audio has to come from a backup.
    """

    def __init__(
        self,
        work: Callable[[], TracksWork],
        store: ObjectStore,
        listing: ObjectListing,
        invariants: Invariants,
        clock: Clock,
    ) -> None:
        self._work, self._store, self._listing = work, store, listing
        self._invariants, self._clock = invariants, clock

    async def __call__(self, *, repair: bool) -> ObjectReport:
        report, before = ObjectReport(), self._clock.now() - ORPHAN_AGE
        for prefix in (QUARANTINE, ORIGINALS, RENDITIONS, ARTWORK):
            async for group in _by_owner(self._listing.under(prefix)):
                report.objects += len(group)
                old = [one for one in group if one.modified_at <= before]
                if old:
                    await self._look_at(old, report, before if repair else None)
        await self._look_for_missing(report)
        return report

    async def _look_at(self, old: list[Found], report: ObjectReport, remove_before: datetime | None) -> None:
        """Objects of one owner, whose row stays locked meanwhile, so that nothing can come to name them."""
        async with self._work() as work:
            needed = await self._needed(work, old[0].key)
            for one in old:
                if needed(one.key):
                    continue
                report.orphaned(one)
                again = await self._listing.find(one.key) if remove_before is not None else None
                # Inside the block against the rule: outside of it, processing might begin and write this key anew.
                if again is not None and remove_before is not None and again.modified_at <= remove_before:
                    await self._store.remove(one.key)
                    report.removed += 1

    async def _needed(self, work: TracksWork, key: str) -> Callable[[str], bool]:
        """What tells whether a key of the same owner is of use."""
        prefix, owner = key.split("/")[:2]
        try:
            owner_id = UUID(owner)
        except ValueError:
            return _never
        if f"{prefix}/" == ARTWORK:
            return await self._cover_needed(work, ArtworkId(owner_id))
        track_id: TrackId | None = TrackId(owner_id)
        if f"{prefix}/" == QUARANTINE:
            upload = await work.uploads.get(UploadId(owner_id))
            if upload is not None and upload.sha256 is None:
                # The chore that expires uploads removes these, bytes first.
                return _always
            track_id = await self._invariants.track_of(UploadId(owner_id))
        track = None if track_id is None else await work.tracks.get(track_id)
        return _never if track is None else track.may_need

    async def _cover_needed(self, work: TracksWork, artwork_id: ArtworkId) -> Callable[[str], bool]:
        track_id = await self._invariants.bearer_of(artwork_id)
        track = None if track_id is None else await work.tracks.get(track_id)
        return _never if track is None or track.artwork_id != artwork_id else _always

    async def _look_for_missing(self, report: ObjectReport) -> None:
        ids = await self._invariants.track_ids(after=None, limit=BATCH)
        while ids:
            for track_id in ids:
                missing = await self._missing(track_id)
                # A second look: what was removed between reading the row and the store is not missing.
                missing = missing and missing & await self._missing(track_id)
                report.dangling += len(missing)
                report.dangling_keys += sorted(missing)[: SHOWN - len(report.dangling_keys)]
            ids = await self._invariants.track_ids(after=ids[-1], limit=BATCH)

    async def _missing(self, track_id: TrackId) -> set[str]:
        async with self._work() as work:
            track = await work.tracks.get(track_id)
        needed = set() if track is None else track.needed_keys()
        for prefix in (ORIGINALS, RENDITIONS) if needed else ():
            needed -= {one.key async for one in self._listing.under(f"{prefix}{track_id}/")}
        return needed


async def _by_owner(listed: AsyncIterator[Found]) -> AsyncIterator[list[Found]]:
    """Neighbours in a listing that belong to the same track, upload or cover, together."""
    group: list[Found] = []
    async for one in listed:
        if group and group[0].key.split("/")[1] != one.key.split("/")[1]:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _never(_key: str) -> bool:
    return False


def _always(_key: str) -> bool:
    return True
