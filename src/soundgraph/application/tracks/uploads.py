"""Bytes on their way in, until they are a track."""

from collections.abc import Callable

from soundgraph.application.ports import Clock, Debt, Ids, ObjectStore
from soundgraph.application.tracks.ports import TracksWork
from soundgraph.domain.errors import FieldError, Invalid, NotFound
from soundgraph.domain.ids import ArtworkId, RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import (
    Track,
    TrackDetails,
    Upload,
    permalink_errors,
    slugify,
)
from soundgraph.domain.visibility import Actor


class BeginUpload:
    """Open an upload, before its first byte. Anyone logged in. Its bytes go under `upload.key`."""

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(self, *, actor: Actor, filename: str) -> Upload:
        upload = Upload.begin(UploadId(self._ids.new()), actor.id, filename=filename, at=self._clock.now())
        async with self._work() as work:
            await work.uploads.add(upload)
            await work.commit()
        return upload


class CreateTrack:
    """Turn one's own completed upload into a track. Whoever began the upload.

    Raises Invalid naming every broken rule, NotFound for an upload that is someone else's or has expired,
    Conflict(upload_completed).
    """

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock

    async def __call__(
        self,
        *,
        actor: Actor,
        upload_id: UploadId,
        size_bytes: int,
        sha256: str,
        details: TrackDetails,
        permalink: str | None = None,
        artwork_id: ArtworkId | None = None,
    ) -> TrackId:
        errors = details.errors() + permalink_errors(permalink)
        if size_bytes == 0:
            errors.append(FieldError("audio", "empty", "This file is empty."))
        if errors:
            raise Invalid.fields(errors)
        track_id, revision_id = TrackId(self._ids.new()), RevisionId(self._ids.new())
        now = self._clock.now()
        async with self._work() as work:
            upload = await work.uploads.get(upload_id)
            # The chore that removes expired bytes takes no lock, so nothing may be made of them any more.
            if upload is None or upload.owner_id != actor.id or upload.expires_at <= now:
                raise NotFound
            upload.complete(size_bytes=size_bytes, sha256=sha256)
            await work.uploads.save(upload)
            await work.serialise(f"permalinks:{actor.id}")
            chosen = permalink or slugify(details.title)
            if permalink is None and await work.tracks.permalink_taken(actor.id, chosen):
                chosen = f"{chosen}-{track_id.hex[-8:]}"
            track, received = Track.create(track_id, revision_id, upload, details=details, permalink=chosen, at=now)
            track.artwork_id = artwork_id
            await work.tracks.add(track)
            work.record(received)
            await work.commit()
        return track_id


class AbandonUpload:
    """Drop an upload that will not become a track, with its bytes. Whoever began it. Twice is once."""

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore, clock: Clock) -> None:
        self._work, self._store, self._clock = work, store, clock

    async def __call__(self, *, actor: Actor, upload: Upload) -> None:
        async with self._work() as work:
            stored = await work.uploads.get(upload.id)
            if stored is None or stored.owner_id != actor.id or stored.sha256 is not None:
                return
            # Expired first, so that it becomes no track; then the bytes; then the row: bytes without one are not swept.
            stored.abandon(at=self._clock.now())
            await work.uploads.save(stored)
            await work.commit()
        await self._store.remove(upload.key)
        async with self._work() as work:
            await work.uploads.remove(upload.id)
            await work.commit()


class ExpireUploads:
    """Chore: remove what was uploaded in part and never became a track."""

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore, clock: Clock) -> None:
        self._work, self._store, self._clock = work, store, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            abandoned = await work.uploads.abandoned(now=self._clock.now(), limit=200)
        for upload in abandoned:
            await self._store.remove(upload.key)
            async with self._work() as work:
                await work.uploads.remove(upload.id)
                await work.commit()
