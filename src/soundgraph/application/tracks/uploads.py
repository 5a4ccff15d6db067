"""Bytes on their way in, until they are a track."""

from collections.abc import Callable
from datetime import datetime

from soundgraph.application.idempotency import KEPT, Once
from soundgraph.application.limits import Caps
from soundgraph.application.ports import Clock, Debt, Ids, ObjectStore
from soundgraph.application.tracks.ports import TracksWork
from soundgraph.application.tracks.publishing import refuse_unplanned
from soundgraph.domain.errors import FieldError, Invalid, LimitReached, NotFound
from soundgraph.domain.ids import AccountId, ArtworkId, RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import (
    Track,
    TrackDetails,
    Upload,
    UploadKind,
    permalink_errors,
    slugify,
)
from soundgraph.domain.visibility import Actor

# Processing takes about so long.
RETRY_SECONDS = 30


async def refuse_more_processing(work: TracksWork, owner_id: AccountId, caps: Caps) -> None:
    """Raise LimitReached(too_many_processing) where as much of the owner's is in processing as may be.

    Holds the owner's tracks until the block ends, so that of two tracks made at once each counts the other.
    """
    await work.serialise(f"tracks-of:{owner_id}")
    most = caps.tracks_in_processing
    if most is not None and await work.tracks.in_processing(owner_id) >= most:
        message = f"{most} of your tracks are in processing. Send more when one is ready."
        raise LimitReached("too_many_processing", message, retry_after=RETRY_SECONDS)


def refuse_broken(actor: Actor, details: TrackDetails, permalink: str | None, size_bytes: int, *, at: datetime) -> None:
    """Raise Invalid naming every rule that a new track breaks, or Forbidden(plan_limit)."""
    refuse_unplanned(actor, details)
    errors = details.errors() + permalink_errors(permalink) + details.schedule_errors(at=at)
    if size_bytes == 0:
        errors.append(FieldError("audio", "empty", "This file is empty."))
    if errors:
        raise Invalid.fields(errors)


class BeginUpload:
    """Open an upload, before its first byte. Anyone logged in. Its bytes go under `upload.key`.

    Raises LimitReached(too_many_processing), so that nobody sends for nothing what `CreateTrack` would refuse.
    """

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock, caps: Caps) -> None:
        self._work, self._ids, self._clock, self._caps = work, ids, clock, caps

    async def __call__(self, *, actor: Actor, filename: str) -> Upload:
        upload = Upload.begin(UploadId(self._ids.new()), actor.id, filename=filename, at=self._clock.now())
        async with self._work() as work:
            await refuse_more_processing(work, actor.id, self._caps)
            await work.uploads.add(upload)
            await work.commit()
        return upload


class CreateTrack:
    """Turn one's own completed upload into a track. Whoever began the upload.

    The bytes are at `key`, if not where the upload said; `once` settles the idempotency key of the request. Raises
    Invalid naming every broken rule, NotFound for an upload that is someone else's or has expired,
    Conflict(upload_completed | permalink_taken | idempotency_in_flight), LimitReached(too_many_processing),
    Forbidden(plan_limit) for a schedule.
    """

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock, caps: Caps) -> None:
        self._work, self._ids, self._clock, self._caps = work, ids, clock, caps

    async def __call__(
        self,
        *,
        actor: Actor,
        upload_id: UploadId,
        size_bytes: int,
        sha256: str,
        details: TrackDetails,
        key: str | None = None,
        permalink: str | None = None,
        once: Once | None = None,
        artwork_id: ArtworkId | None = None,
    ) -> TrackId:
        now = self._clock.now()
        refuse_broken(actor, details, permalink, size_bytes, at=now)
        track_id, revision_id = TrackId(self._ids.new()), RevisionId(self._ids.new())
        async with self._work() as work:
            upload = await work.uploads.get(upload_id)
            # The chore that removes expired bytes takes no lock, so nothing may be made of them any more.
            if upload is None or upload.owner_id != actor.id or upload.expires_at <= now:
                raise NotFound
            upload.complete(size_bytes=size_bytes, sha256=sha256, key=key)
            await work.uploads.save(upload)
            # Also holds the permalinks that are free.
            await refuse_more_processing(work, actor.id, self._caps)
            chosen = permalink or slugify(details.title)
            if permalink is None and await work.tracks.permalink_taken(actor.id, chosen):
                chosen = f"{chosen}-{track_id.hex[-8:]}"
            track, received = Track.create(
                track_id, revision_id, upload, details=details.in_utc(), permalink=chosen, at=now
            )
            track.artwork_id = artwork_id
            await work.tracks.add(track)
            work.record(received, *track.schedule())
            if once is not None:
                await work.idempotency_keys.settle(once, made=track_id, until=now + KEPT)
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
        await _remove_bytes(self._store, upload)
        async with self._work() as work:
            await work.uploads.remove(upload.id)
            await work.commit()


class ExpireUploads:
    """Chore: remove what was uploaded in part, and what came after the rest had become a track."""

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore, clock: Clock) -> None:
        self._work, self._store, self._clock = work, store, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            abandoned = await work.uploads.abandoned(now=self._clock.now(), limit=200)
        for upload in abandoned:
            await _remove_bytes(self._store, upload)
            async with self._work() as work:
                if upload.sha256 is None:
                    await work.uploads.remove(upload.id)
                else:
                    upload.tidied = True
                    await work.uploads.save(upload)
                await work.commit()


async def _remove_bytes(store: ObjectStore, upload: Upload) -> None:
    """All that a client sent, but not what a track was made of."""
    if upload.kind is UploadKind.FORM:
        await store.remove(upload.key)
    else:
        await store.remove_under(upload.prefix if upload.sha256 is None else upload.incoming)
