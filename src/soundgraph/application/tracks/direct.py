"""Uploads that go straight to the store."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from soundgraph.application.idempotency import Once
from soundgraph.application.limits import Caps
from soundgraph.application.ports import Clock, Ids, Presigner, SignedForm
from soundgraph.application.tracks.ports import TracksWork
from soundgraph.application.tracks.resumable import begun, own_upload, refuse_more_unfinished
from soundgraph.application.tracks.uploads import refuse_more_processing
from soundgraph.domain.ids import UploadId
from soundgraph.domain.tracks import MAX_UPLOAD_BYTES, Upload, UploadKind
from soundgraph.domain.visibility import Actor

FORM_LIFETIME: Final = timedelta(hours=1)


class BeginDirect:
    """Open an upload that goes straight to the store. Anyone logged in.

    `once` settles the idempotency key of the request. Raises LimitReached(too_many_processing), Invalid(limit_reached).
    """

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock, caps: Caps) -> None:
        self._work, self._ids, self._clock, self._caps = work, ids, clock, caps

    async def __call__(self, *, actor: Actor, filename: str, once: Once | None = None) -> UploadId:
        upload = Upload.begin(
            UploadId(self._ids.new()), actor.id, filename=filename, at=self._clock.now(), kind=UploadKind.DIRECT
        )
        async with self._work() as work:
            await refuse_more_processing(work, actor.id, self._caps)
            await refuse_more_unfinished(work, actor.id, self._caps, now=self._clock.now())
            await begun(work, upload, once, self._clock.now())
            await work.commit()
        return upload.id


class SignDirect:
    """A form, good for an hour, that takes the file of a direct upload. Whoever began it.

    Raises NotFound, Gone(upload_expired), Conflict(upload_completed).
    """

    def __init__(self, work: Callable[[], TracksWork], presigner: Presigner, clock: Clock) -> None:
        self._work, self._presigner, self._clock = work, presigner, clock

    async def __call__(self, *, actor: Actor, upload_id: UploadId) -> SignedForm:
        upload = await own_upload(self._work, actor, upload_id)
        upload.refuse_spent(at=self._clock.now())
        return self._presigner.signed_form(upload.key, max_bytes=MAX_UPLOAD_BYTES, lifetime=FORM_LIFETIME)
