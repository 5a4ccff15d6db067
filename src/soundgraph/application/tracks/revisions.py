"""Other audio for a track, and earlier audio again."""

from collections.abc import Callable, Sequence

from soundgraph.application.limits import Caps
from soundgraph.application.ports import Clock, Debt, Ids, ObjectStore
from soundgraph.application.tracks.editing import own
from soundgraph.application.tracks.ports import TrackReader, TracksWork
from soundgraph.application.tracks.uploads import refuse_more_processing
from soundgraph.application.views import RevisionView
from soundgraph.domain.errors import FieldError, Invalid, NotFound, refuse_stale
from soundgraph.domain.ids import RevisionId, TrackId, UploadId
from soundgraph.domain.plans import Feature
from soundgraph.domain.tracks import RevisionDropped, Track
from soundgraph.domain.visibility import Actor


async def _replaceable(work: TracksWork, actor: Actor, track_id: TrackId, version: int | None) -> Track:
    track = await own(work, actor, track_id)
    actor.entitlements.refuse_without(Feature.REPLACE_AUDIO)
    refuse_stale(track.version, version)
    return track


class CheckReplacement:
    """Ask, before the first byte is sent, whether `ReplaceAudio` would refuse it whatever it is. The track's owner.

    Raises NotFound, Forbidden(plan_limit), Stale, Conflict(audio_in_processing).
    """

    def __init__(self, work: Callable[[], TracksWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, track_id: TrackId, version: int | None = None) -> None:
        async with self._work() as work:
            (await _replaceable(work, actor, track_id, version)).refuse_in_processing()


class ReplaceAudio:
    """Give one's own track other audio: one's own completed upload. The track's owner, if their plan brings it.

    The bytes are at `key`, if not where the upload said. What plays goes on until the other is ready, and also if it
    fails. False, and nothing changes, for the bytes that the track has already. Raises NotFound, also for an upload
    that has expired, Forbidden(plan_limit), Stale, Invalid, Conflict(audio_in_processing | upload_completed),
    LimitReached(too_many_processing).
    """

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock, caps: Caps) -> None:
        self._work, self._ids, self._clock, self._caps = work, ids, clock, caps

    async def __call__(
        self,
        *,
        actor: Actor,
        track_id: TrackId,
        upload_id: UploadId,
        size_bytes: int,
        sha256: str,
        key: str | None = None,
        version: int | None = None,
    ) -> bool:
        if size_bytes == 0:
            raise Invalid.fields([FieldError("audio", "empty", "This file is empty.")])
        now = self._clock.now()
        async with self._work() as work:
            track = await _replaceable(work, actor, track_id, version)
            if track.has_audio(sha256):
                return False
            upload = await work.uploads.get(upload_id)
            if upload is None or upload.owner_id != actor.id or upload.expires_at <= now:
                raise NotFound
            upload.complete(size_bytes=size_bytes, sha256=sha256, key=key)
            await work.uploads.save(upload)
            work.record(*track.replace_audio(RevisionId(self._ids.new()), upload, at=now))
            await refuse_more_processing(work, actor.id, self._caps)
            await work.tracks.save(track)
            await work.commit()
        return True


class ListRevisions:
    """The audio that one's own track had and has, newest first. Its owner. Raises NotFound."""

    def __init__(self, reader: TrackReader) -> None:
        self._reader = reader

    async def __call__(self, *, actor: Actor, track_id: TrackId) -> Sequence[RevisionView]:
        revisions = await self._reader.revisions(actor, track_id)
        if not revisions:
            raise NotFound
        return revisions


class RestoreRevision:
    """Play a revision that is kept, named by its id or its number, again at once. Its owner, if their plan brings it.

    Raises NotFound, Forbidden(plan_limit), Stale, Conflict(audio_in_processing | not_restorable).
    """

    def __init__(self, work: Callable[[], TracksWork]) -> None:
        self._work = work

    async def __call__(
        self, *, actor: Actor, track_id: TrackId, revision: RevisionId | int, version: int | None = None
    ) -> None:
        async with self._work() as work:
            track = await _replaceable(work, actor, track_id, version)
            wanted = next((one.id for one in track.revisions if revision in (one.id, one.number)), None)
            if wanted is None:
                raise NotFound
            work.record(*track.restore(wanted, await work.allowances.get(actor.id)))
            await work.tracks.save(track)
            await work.commit()


class RemoveRevisionMedia:
    """Subscriber: remove the objects of a revision that is no longer kept."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def __call__(self, event: RevisionDropped, debt: Debt) -> None:  # noqa: ARG002 - removing twice is once
        for prefix in ("originals", "renditions"):
            await self._store.remove_under(f"{prefix}/{event.track_id}/{event.revision_id}/")
        await self._store.remove(event.quarantine_key)
