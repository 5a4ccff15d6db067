"""Uploads, tracks and their processing in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from soundgraph.adapters.postgres.engine import translated
from soundgraph.adapters.postgres.plans import RESERVED_MS, USED_MS, take
from soundgraph.adapters.postgres.schema import (
    HOLDS_BYTES,
    permalinks,
    progress,
    revisions,
    tracks,
    uploads,
)
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.tracks import Progress, ProgressBoard, Tracks, Uploads
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import AccountId, RevisionId, TrackId, UploadId
from soundgraph.domain.plans import Usage
from soundgraph.domain.tracks import (
    IN_PROCESSING,
    Analysis,
    Failure,
    Rendition,
    Revision,
    RevisionState,
    StreamPolicy,
    Track,
    TrackDetails,
    Upload,
    UploadKind,
)
from soundgraph.domain.visibility import Audience, Standing

RENDITIONS: Final = msgspec.json.Decoder(tuple[Rendition, ...])
ANALYSIS: Final = msgspec.json.Decoder(Analysis | None)
FAILURE: Final = msgspec.json.Decoder(Failure | None)


class PostgresUploads(Uploads):
    """Uploads in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, upload_id: UploadId) -> Upload | None:
        found = select(uploads).where(uploads.c.id == upload_id).with_for_update(key_share=True)
        row = await self._session.row(found)
        return None if row is None else upload_of(row)

    async def add(self, upload: Upload) -> None:
        await self._session.add(uploads, upload_row(upload))

    async def save(self, upload: Upload) -> None:
        changed = upload_row(upload) | {"version": upload.version + 1}
        await self._session.save(
            update(uploads).where(uploads.c.id == upload.id, uploads.c.version == upload.version).values(changed)
        )
        upload.version += 1

    async def remove(self, upload_id: UploadId) -> None:
        await self._session.execute(delete(uploads).where(uploads.c.id == upload_id))

    async def abandoned(self, *, now: datetime, limit: int) -> list[Upload]:
        expired = select(uploads).where(text(f"({HOLDS_BYTES})"), uploads.c.expires_at <= now)
        rows = await self._session.rows(expired.order_by(uploads.c.expires_at).limit(limit))
        return [upload_of(row) for row in rows]

    async def unfinished(self, owner_id: AccountId, *, now: datetime) -> int:
        own = select(func.count()).select_from(uploads).where(uploads.c.owner_id == owner_id)
        waiting = own.where(
            uploads.c.sha256.is_(None), uploads.c.kind != UploadKind.FORM.value, uploads.c.expires_at > now
        )
        return int((await self._session.rows(waiting))[0][0])


def upload_row(upload: Upload) -> dict[str, object]:
    """The row of an upload."""
    return asdict(upload) | {"kind": upload.kind.value, "parts": list(upload.parts)}


def upload_of(row: Row[Any]) -> Upload:
    """The upload in a row."""
    return Upload(**{**row._mapping, "kind": UploadKind(row.kind), "parts": tuple(map(UploadId, row.parts))})


def revision_row(track: Track, revision: Revision) -> dict[str, object]:
    """The row of a revision."""
    return {
        "id": revision.id,
        "track_id": track.id,
        "upload_id": revision.upload_id,
        "number": revision.number,
        "sha256": revision.sha256,
        "quarantine_key": revision.quarantine_key,
        "state": revision.state.value,
        "analysis": revision.analysis,
        "renditions": revision.renditions,
        "failure": revision.failure,
        "created_at": revision.created_at,
        "reserved_ms": revision.reserved_ms,
    }


def revision_of(row: Row[Any]) -> Revision:
    """The revision in a row."""
    return Revision(
        id=row.id,
        upload_id=row.upload_id,
        number=row.number,
        sha256=row.sha256,
        quarantine_key=row.quarantine_key,
        created_at=row.created_at,
        state=RevisionState(row.state),
        analysis=ANALYSIS.decode(row.analysis or "null"),
        renditions=RENDITIONS.decode(row.renditions),
        failure=FAILURE.decode(row.failure or "null"),
        reserved_ms=row.reserved_ms,
    )


def track_row(track: Track) -> dict[str, object]:
    """The row of a track, without its revisions."""
    details = asdict(track.details)
    return details | {
        "id": track.id,
        "owner_id": track.owner_id,
        "permalink": track.permalink,
        "tags": list(track.details.tags),
        "standing": track.standing.value,
        "live_id": track.live_id,
        "created_at": track.created_at,
        "published_at": track.published_at,
        "artwork_id": track.artwork_id,
        "version": track.version,
    }


def permalink_row(track: Track) -> dict[str, object]:
    """The row of the permalink that a track has now."""
    return {"owner_id": track.owner_id, "permalink": track.permalink, "track_id": track.id}


def track_of(row: Row[Any], rows: Sequence[Row[Any]]) -> Track:
    """The track in a row, with its revisions, oldest first."""
    return Track(
        id=row.id,
        owner_id=row.owner_id,
        details=TrackDetails(
            title=row.title,
            description=row.description,
            genre=row.genre,
            tags=tuple(row.tags),
            license=row.license,
            audience=Audience(row.audience),
            publish_at=row.publish_at,
            policy=StreamPolicy(row.policy),
            downloadable=row.downloadable,
            comments_enabled=row.comments_enabled,
            embeddable=row.embeddable,
        ),
        permalink=row.permalink,
        created_at=row.created_at,
        revisions=[revision_of(one) for one in rows],
        live_id=row.live_id,
        standing=Standing(row.standing),
        published_at=row.published_at,
        artwork_id=row.artwork_id,
        version=row.version,
    )


class PostgresTracks(Tracks):
    """Tracks with their revisions in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, track_id: TrackId) -> Track | None:
        row = await self._session.row(select(tracks).where(tracks.c.id == track_id).with_for_update(key_share=True))
        if row is None:
            return None
        own = select(revisions).where(revisions.c.track_id == track_id).order_by(revisions.c.number)
        return track_of(row, await self._session.rows(own))

    async def add(self, track: Track) -> None:
        await self._session.add(tracks, track_row(track))
        await self._session.add(permalinks, permalink_row(track))
        for revision in track.revisions:
            await self._session.add(revisions, revision_row(track, revision))

    async def save(self, track: Track) -> None:
        before = await self._session.row(
            select(
                tracks.c.published_at, tracks.c.standing, USED_MS.label("used_ms"), RESERVED_MS.label("reserved_ms")
            ).where(tracks.c.id == track.id)
        )
        await self._session.save(
            update(tracks)
            .where(tracks.c.id == track.id, tracks.c.version == track.version)
            .values(track_row(track) | {"version": track.version + 1})
        )
        track.version += 1
        await self._hold_permalink(track)
        for revision in track.revisions:
            row = revision_row(track, revision)
            await self._session.execute(
                upsert(revisions).values(row).on_conflict_do_update(index_elements=["id"], set_=row)
            )
        dropped = revisions.c.id.not_in([one.id for one in track.revisions])
        await self._session.execute(delete(revisions).where(revisions.c.track_id == track.id, dropped))
        taken = Usage() if before is None else Usage(before.used_ms, before.reserved_ms)
        await take(self._session, track.owner_id, track.takes - taken)
        was = before is not None and _listed(before.published_at, before.standing)
        self._session.count(track.owner_id, "tracks", int(_listed(track.published_at, track.standing)) - int(was))

    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        taken = exists().where(permalinks.c.owner_id == owner_id, permalinks.c.permalink == permalink)
        return bool((await self._session.rows(select(taken)))[0][0])

    async def _hold_permalink(self, track: Track) -> None:
        """What it is called now is its own from now on, unless that is another's. Raises Conflict(permalink_taken)."""
        row = permalink_row(track)
        held = upsert(permalinks).values(row)
        own = held.on_conflict_do_update(
            index_elements=["owner_id", "permalink"],
            set_={"track_id": track.id},
            where=permalinks.c.track_id == track.id,
        )
        if await self._session.execute(own) != 1:
            raise Conflict("permalink_taken", "A track of yours is or was under this permalink.")

    async def of_upload(self, upload_id: UploadId) -> TrackId | None:
        rows = await self._session.rows(select(revisions.c.track_id).where(revisions.c.upload_id == upload_id))
        return TrackId(rows[0].track_id) if rows else None

    async def in_processing(self, owner_id: AccountId) -> int:
        found = (
            select(func.count())
            .select_from(revisions.join(tracks, tracks.c.id == revisions.c.track_id))
            .where(
                tracks.c.owner_id == owner_id,
                tracks.c.standing != Standing.REMOVED.value,
                revisions.c.state.in_([one.value for one in IN_PROCESSING]),
            )
        )
        return int((await self._session.rows(found))[0][0])


def _listed(published_at: datetime | None, standing: str) -> bool:
    return published_at is not None and standing == Standing.OK


class PostgresProgressBoard(ProgressBoard):
    """An unlogged table: what is said here need not survive anything."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def report(self, revision_id: RevisionId, progress_made: Progress) -> None:
        row = {"stage": progress_made.stage, "percent": progress_made.percent}
        statement = upsert(progress).values(revision_id=revision_id, **row)
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(statement.on_conflict_do_update(index_elements=["revision_id"], set_=row))
