"""Uploads that take more than one request, or none of ours, until they are a track."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from soundgraph.application.idempotency import KEPT, Once
from soundgraph.application.limits import Caps
from soundgraph.application.ports import (
    Clock,
    Ids,
    ObjectListing,
    ObjectStore,
    Stored,
)
from soundgraph.application.tracks.pieces import Piece, PieceWriter, arrived, end_of, joined
from soundgraph.application.tracks.ports import TracksWork
from soundgraph.application.tracks.uploads import refuse_more_processing
from soundgraph.domain.errors import Conflict, Corrupt, Forbidden, Invalid, NotFound
from soundgraph.domain.ids import AccountId, TrackId, UploadId
from soundgraph.domain.tracks import Upload, UploadKind
from soundgraph.domain.visibility import Actor

CHECKSUMS: Final = ("sha1", "sha256", "md5")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request must add up to. `algorithm` is one of CHECKSUMS."""

    algorithm: str
    digest: bytes


class BeginResumable:
    """Announce `length` bytes that come in pieces, as an upload or as a part of one. Anyone logged in.

    `once` settles the idempotency key of the request. Raises LimitReached(too_many_processing), Invalid(limit_reached).
    """

    def __init__(self, work: Callable[[], TracksWork], ids: Ids, clock: Clock, caps: Caps) -> None:
        self._work, self._ids, self._clock, self._caps = work, ids, clock, caps

    async def __call__(
        self,
        *,
        actor: Actor,
        filename: str,
        length: int,
        metadata: str,
        kind: UploadKind,
        once: Once | None = None,
    ) -> UploadId:
        upload = Upload.begin(
            UploadId(self._ids.new()),
            actor.id,
            filename=filename,
            at=self._clock.now(),
            kind=kind,
            length=length,
            metadata=metadata,
        )
        async with self._work() as work:
            await refuse_more_processing(work, actor.id, self._caps)
            await refuse_more_unfinished(work, actor.id, self._caps, now=self._clock.now())
            await begun(work, upload, once, self._clock.now())
            await work.commit()
        return upload.id


async def refuse_more_unfinished(work: TracksWork, owner_id: AccountId, caps: Caps, *, now: datetime) -> None:
    """Raise Invalid(limit_reached) where its owner has begun as many as may wait for bytes, in an open unit of work."""
    most = caps.unfinished_uploads
    if most is not None and await work.uploads.unfinished(owner_id, now=now) >= most:
        raise Invalid("limit_reached", f"{most} uploads wait for their bytes. Finish or delete one, or wait a day.")


async def begun(work: TracksWork, upload: Upload, once: Once | None, now: datetime) -> None:
    """Keep a new upload, in an open unit of work, and settle the key of the request that began it."""
    await work.uploads.add(upload)
    if once is not None:
        await work.idempotency_keys.settle(once, made=upload.id, until=now + KEPT)


class JoinUploads:
    """Make one upload of parts that have all arrived, in this order. Whoever began them.

    `once` settles the idempotency key of the request.
    Raises NotFound, Gone(upload_expired), Conflict(upload_incomplete), Invalid(not_joinable).
    """

    def __init__(self, work: Callable[[], TracksWork], listing: ObjectListing, ids: Ids, clock: Clock) -> None:
        self._work, self._listing, self._ids, self._clock = work, listing, ids, clock

    async def __call__(
        self, *, actor: Actor, parts: Sequence[UploadId], filename: str, metadata: str, once: Once | None = None
    ) -> UploadId:
        found = [await own_upload(self._work, actor, one) for one in parts]
        made = Upload.join(UploadId(self._ids.new()), found, metadata=metadata, filename=filename)
        for part in found:
            part.refuse_spent(at=self._clock.now())
            await complete_pieces(self._listing, part)
        async with self._work() as work:
            await begun(work, made, once, self._clock.now())
            await work.commit()
        return made.id


class FindUpload:
    """An upload, and how many of its bytes have arrived. Whoever began it. Raises NotFound, Gone(upload_expired)."""

    def __init__(self, work: Callable[[], TracksWork], listing: ObjectListing, clock: Clock) -> None:
        self._work, self._listing, self._clock = work, listing, clock

    async def __call__(self, *, actor: Actor, upload_id: UploadId) -> tuple[Upload, int]:
        upload = await own_upload(self._work, actor, upload_id)
        if upload.sha256 is not None or upload.kind is UploadKind.JOINED:
            return upload, upload.length or 0
        upload.refuse_spent(at=self._clock.now())
        return upload, end_of(await arrived(self._listing, upload))


class AppendToUpload:
    """Add bytes at the end of an upload. Whoever began it. Returns where it ends now.

    What arrived before the bytes stopped coming is kept, but for a request with a checksum, which counts whole or not
    at all. Raises NotFound, Forbidden(upload_joined), Gone(upload_expired), Conflict(wrong_offset | upload_completed),
    Invalid(too_many_bytes), Corrupt.
    """

    def __init__(
        self, work: Callable[[], TracksWork], store: ObjectStore, listing: ObjectListing, ids: Ids, clock: Clock
    ) -> None:
        self._work, self._store, self._listing, self._ids, self._clock = work, store, listing, ids, clock

    async def __call__(
        self,
        *,
        actor: Actor,
        upload_id: UploadId,
        offset: int,
        chunks: AsyncIterator[bytes],
        checksum: Checksum | None = None,
    ) -> int:
        upload = await own_upload(self._work, actor, upload_id)
        if upload.kind is UploadKind.JOINED:
            raise Forbidden("upload_joined", "This upload was joined of parts. Nothing can be added to it.")
        upload.refuse_spent(at=self._clock.now())
        pieces = await arrived(self._listing, upload)
        if offset != end_of(pieces):
            raise Conflict("wrong_offset", "This upload does not end there. Ask with HEAD where it does.")
        holder = None if checksum is None else self._ids.new()
        writer = PieceWriter(self._store, upload, pieces[-1] if pieces else None, holder)
        await writer.open()
        if checksum is None:
            await self._receive(writer, chunks)
        else:
            await self._receive_checked(writer, chunks, checksum)
        return writer.end

    async def _receive(self, writer: PieceWriter, chunks: AsyncIterator[bytes]) -> None:
        try:
            await self._write(writer, chunks)
        finally:
            # Shielded: a client that hangs up cancels this, and what it sent must not have to be sent again.
            await asyncio.shield(writer.flush())

    async def _receive_checked(self, writer: PieceWriter, chunks: AsyncIterator[bytes], checksum: Checksum) -> None:
        digest = hashlib.new(checksum.algorithm, usedforsecurity=False)

        async def digested() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                digest.update(chunk)
                yield chunk

        try:
            await self._write(writer, digested())
            _refuse_other(digest.digest(), checksum)
            await writer.flush()
            await writer.publish()
        except BaseException:
            await asyncio.shield(writer.discard())
            raise

    async def _write(self, writer: PieceWriter, chunks: AsyncIterator[bytes]) -> None:
        upload = writer.upload
        async for chunk in chunks:
            if writer.end + len(chunk) > (upload.length or 0):
                raise Invalid("too_many_bytes", f"This upload was announced with {upload.length} bytes.")
            upload.refuse_spent(at=self._clock.now())
            await writer.write(chunk)


class SealUpload:
    """Copy what has arrived to where no client can write, and tell what it is. Whoever began the upload.

    What is told was computed of the bytes that were copied, so nobody can put others in their place afterwards. Whoever
    asks removes the copy if nothing comes of it. Raises NotFound, Invalid(partial_upload), Gone(upload_expired),
    Conflict(upload_completed | upload_incomplete).
    """

    def __init__(
        self, work: Callable[[], TracksWork], store: ObjectStore, listing: ObjectListing, ids: Ids, clock: Clock
    ) -> None:
        self._work, self._store, self._listing, self._ids, self._clock = work, store, listing, ids, clock

    async def __call__(self, *, actor: Actor, upload_id: UploadId) -> Stored:
        upload = await own_upload(self._work, actor, upload_id)
        upload.refuse_part()
        upload.refuse_spent(at=self._clock.now())
        keys = await self._keys(actor, upload)
        return await self._store.put(f"{upload.prefix}sealed/{self._ids.new()}", joined(self._store, keys))

    async def _keys(self, actor: Actor, upload: Upload) -> list[str]:
        if upload.kind is UploadKind.DIRECT:
            if await self._store.size(upload.key) is None:
                raise _incomplete()
            return [upload.key]
        keys = []
        for one in [await own_upload(self._work, actor, part) for part in upload.parts] or [upload]:
            keys += [piece.key for piece in await complete_pieces(self._listing, one)]
        return keys


class TrackOfUpload:
    """The track that an upload became, if it has. Whoever began the upload. Raises NotFound."""

    def __init__(self, work: Callable[[], TracksWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, upload_id: UploadId) -> TrackId | None:
        async with self._work() as work:
            upload = await work.uploads.get(upload_id)
            if upload is None or upload.owner_id != actor.id:
                raise NotFound
            return await work.tracks.of_upload(upload_id)


class TidyUpload:
    """Remove the bytes and parts of an upload that became a track, now that all is elsewhere. Whoever began it."""

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore) -> None:
        self._work, self._store = work, store

    async def __call__(self, *, actor: Actor, upload_id: UploadId) -> None:
        upload = await own_upload(self._work, actor, upload_id)
        parts = [await own_upload(self._work, actor, part) for part in upload.parts]
        for one in [upload, *parts]:
            await self._store.remove_under(one.incoming)
        async with self._work() as work:
            for one in parts:
                await work.uploads.remove(one.id)
            await work.commit()


class DropSealed:
    """Remove a sealed copy of which nothing came. Whoever began the upload. One that became a track stays."""

    def __init__(self, work: Callable[[], TracksWork], store: ObjectStore) -> None:
        self._work, self._store = work, store

    async def __call__(self, *, actor: Actor, upload_id: UploadId, key: str) -> None:
        upload = await own_upload(self._work, actor, upload_id)
        if upload.key != key and key.startswith(upload.prefix):
            await self._store.remove(key)


async def own_upload(make: Callable[[], TracksWork], actor: Actor, upload_id: UploadId) -> Upload:
    """The actor's own upload, unless it came in a form. Raises NotFound."""
    async with make() as work:
        upload = await work.uploads.get(upload_id)
    if upload is None or upload.owner_id != actor.id or upload.kind is UploadKind.FORM:
        raise NotFound
    return upload


async def complete_pieces(listing: ObjectListing, upload: Upload) -> list[Piece]:
    """All pieces of an upload. Raises Conflict(upload_incomplete)."""
    pieces = await arrived(listing, upload)
    if end_of(pieces) != upload.length:
        raise _incomplete()
    return pieces


def _refuse_other(digest: bytes, wanted: Checksum) -> None:
    if not hmac.compare_digest(digest, wanted.digest):
        raise Corrupt("checksum_mismatch", "What arrived does not have this checksum. Send it again.")


def _incomplete() -> Conflict:
    return Conflict("upload_incomplete", "Not all bytes of this upload have arrived.")
