"""What each module answers. A new module adds itself here; `docs/how-to/personal-data.md` says how."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import PurePath
from typing import Final

from soundgraph.application.discovery import feed_of, posted_by
from soundgraph.application.ports import ObjectStore, Timelines
from soundgraph.application.privacy.ports import Copy, Fact, PersonalData, PersonalRows, PrivacyWork
from soundgraph.domain.ids import AccountId, TrackId, UploadId
from soundgraph.domain.tracks import ARTWORK_SIZES, Track, artwork_key, artwork_prefix

PAGE: Final = 200
KIND: Final = re.compile(r"\.[a-z0-9]{1,5}")


class RowsOf(PersonalData):
    """A module all of whose data are rows in the store of the truth."""

    def __init__(self, name: str, rows: PersonalRows) -> None:
        self.name, self._rows = name, rows

    async def purge(self, account_id: AccountId) -> dict[str, int]:
        return await self._rows.remove(self.name, account_id)

    async def export(self, account_id: AccountId) -> AsyncIterator[Fact | Copy]:
        async for fact in self._rows.read(self.name, account_id):
            yield fact


class TracksData(PersonalData):
    """Tracks: their rows, and what the store holds of them and of uploads."""

    name = "tracks"

    def __init__(self, rows: PersonalRows, work: Callable[[], PrivacyWork], store: ObjectStore) -> None:
        self._rows, self._work, self._store = rows, work, store

    async def purge(self, account_id: AccountId) -> dict[str, int]:
        # Objects before rows: what no row names is not found again.
        async for track in self._tracks(account_id):
            for revision in track.revisions:
                await self._store.remove(revision.quarantine_key)
            if track.artwork_id is not None:
                await self._store.remove_under(artwork_prefix(track.artwork_id))
            await self._store.remove_under(f"originals/{track.id}/")
            await self._store.remove_under(track.media_prefix)
        async for key in self._upload_keys(account_id):
            await self._store.remove(key)
        return await self._rows.remove(self.name, account_id)

    async def export(self, account_id: AccountId) -> AsyncIterator[Fact | Copy]:
        total = 0
        async for fact in self._rows.read(self.name, account_id):
            total += fact.file == "tracks"
            yield fact
        done = 0
        async for track in self._tracks(account_id):
            done += 1
            for path, keys in await self._objects(track):
                stored = [key for key in keys if await self._store.size(key) is not None]
                if stored:
                    yield Copy(path, stored[0], min(100, 100 * done // max(total, 1)))

    async def _objects(self, track: Track) -> list[tuple[str, list[str]]]:
        """The files of a track, and where each may be: what was just sent is still in quarantine."""
        found = []
        async with self._work() as work:
            for one in track.revisions:
                upload = await work.uploads.get(one.upload_id)
                kind = PurePath(upload.filename if upload else "").suffix.lower()
                ending = kind if KIND.fullmatch(kind) else ""
                path = f"audio/{track.permalink}-{one.number}{ending}"
                found.append((path, [track.original_key(one), one.quarantine_key]))
        if track.artwork_id is not None:
            found.append((f"artwork/{track.permalink}.jpg", [artwork_key(track.artwork_id, max(ARTWORK_SIZES))]))
        return found

    async def _tracks(self, account_id: AccountId) -> AsyncIterator[Track]:
        after: TrackId | None = None
        while ids := await self._rows.tracks(account_id, after=after, limit=PAGE):
            for track_id in ids:
                async with self._work() as work:
                    track = await work.tracks.get(track_id)
                if track is not None:
                    yield track
            after = ids[-1]

    async def _upload_keys(self, account_id: AccountId) -> AsyncIterator[str]:
        after: UploadId | None = None
        while ids := await self._rows.uploads(account_id, after=after, limit=PAGE):
            for upload_id in ids:
                async with self._work() as work:
                    upload = await work.uploads.get(upload_id)
                if upload is not None:
                    yield upload.key
            after = ids[-1]


class DiscoveryData(PersonalData):
    """Timelines: the person's own feed, and their lines in the feeds of others."""

    name = "discovery"

    def __init__(self, timelines: Timelines) -> None:
        self._timelines = timelines

    async def purge(self, account_id: AccountId) -> dict[str, int]:
        await self._timelines.remove_about(posted_by(account_id))
        stream, removed = feed_of(account_id), 0
        while entries := await self._timelines.page(stream, before=None, limit=PAGE):
            for entry in entries:
                await self._timelines.remove(stream, entry.key)
            removed += len(entries)
        return {"feed": removed}

    async def export(self, account_id: AccountId) -> AsyncIterator[Fact | Copy]:
        before: tuple[datetime, str] | None = None
        while entries := await self._timelines.page(feed_of(account_id), before=before, limit=PAGE):
            for entry in entries:
                yield Fact("feed", {"track_id": entry.key, "at": entry.sort, **entry.body})
            before = (entries[-1].sort, entries[-1].key)


class ExportsData(RowsOf):
    """This module: archives that were made before are removed with everything else, and are in none."""

    def __init__(self, rows: PersonalRows, work: Callable[[], PrivacyWork], store: ObjectStore) -> None:
        super().__init__("privacy", rows)
        self._work, self._store = work, store

    async def purge(self, account_id: AccountId) -> dict[str, int]:
        async with self._work() as work:
            export = await work.exports.of(account_id)
        if export is not None:
            await self._store.remove_under(export.prefix)
        return await super().purge(account_id)


def answers(
    rows: PersonalRows, work: Callable[[], PrivacyWork], store: ObjectStore, timelines: Timelines
) -> tuple[PersonalData, ...]:
    """Every module, in the order they are purged in: what refers to others first, the account itself last."""
    return (
        ExportsData(rows, work, store),
        DiscoveryData(timelines),
        RowsOf("engagement", rows),
        RowsOf("playback", rows),
        RowsOf("playlists", rows),
        TracksData(rows, work, store),
        RowsOf("plans", rows),
        RowsOf("people", rows),
        RowsOf("identity", rows),
    )
