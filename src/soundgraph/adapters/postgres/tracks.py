"""Uploads, tracks and their processing in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ARRAY, Row, any_, bindparam, delete, exists, func, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from soundgraph.adapters.postgres.engine import ReadPool, translated
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.people import MINI_COLUMNS, counted, edge, mini_user
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.read import Row as ReadRow
from soundgraph.adapters.postgres.schema import (
    ID,
    accounts,
    counters,
    likes,
    profiles,
    progress,
    revisions,
    tracks,
    uploads,
)
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.adapters.postgres.visibility import VIEWER_ID, track_visible, viewer_parameters
from soundgraph.application.discovery import FeedReader
from soundgraph.application.playback import Playable, PlaybackReader
from soundgraph.application.tracks import Progress, ProgressBoard, TrackReader, Tracks, Uploads
from soundgraph.application.views import FailureView, Links, Page, Position, TrackCounts, TrackView, TrackViewer
from soundgraph.domain.ids import AccountId, RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import (
    Analysis,
    Failure,
    Rendition,
    Revision,
    RevisionState,
    Track,
    TrackDetails,
    TrackState,
    Upload,
)
from soundgraph.domain.visibility import Actor, Audience, Standing, Viewer

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
        return None if row is None else Upload(**row._mapping)

    async def add(self, upload: Upload) -> None:
        await self._session.add(uploads, asdict(upload))

    async def save(self, upload: Upload) -> None:
        changed = asdict(upload) | {"version": upload.version + 1}
        await self._session.save(
            update(uploads).where(uploads.c.id == upload.id, uploads.c.version == upload.version).values(changed)
        )
        upload.version += 1

    async def remove(self, upload_id: UploadId) -> None:
        await self._session.execute(delete(uploads).where(uploads.c.id == upload_id))

    async def abandoned(self, *, now: datetime, limit: int) -> list[Upload]:
        unfinished = select(uploads).where(uploads.c.sha256.is_(None), uploads.c.expires_at <= now)
        rows = await self._session.rows(unfinished.order_by(uploads.c.expires_at).limit(limit))
        return [Upload(**row._mapping) for row in rows]


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
        "version": track.version,
    }


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
        for revision in track.revisions:
            await self._session.add(revisions, revision_row(track, revision))

    async def save(self, track: Track) -> None:
        before = await self._session.row(
            select(tracks.c.published_at, tracks.c.standing).where(tracks.c.id == track.id)
        )
        await self._session.save(
            update(tracks)
            .where(tracks.c.id == track.id, tracks.c.version == track.version)
            .values(track_row(track) | {"version": track.version + 1})
        )
        track.version += 1
        for revision in track.revisions:
            row = revision_row(track, revision)
            await self._session.execute(
                upsert(revisions).values(row).on_conflict_do_update(index_elements=["id"], set_=row)
            )
        was = before is not None and _listed(before.published_at, before.standing)
        self._session.count(track.owner_id, "tracks", int(_listed(track.published_at, track.standing)) - int(was))

    async def permalink_taken(self, owner_id: AccountId, permalink: str) -> bool:
        taken = exists().where(tracks.c.owner_id == owner_id, tracks.c.permalink == permalink)
        return bool((await self._session.rows(select(taken)))[0][0])


def _listed(published_at: datetime | None, standing: str) -> bool:
    return published_at is not None and standing == Standing.OK


_LIVE = revisions.alias("live")
_NEWEST = (
    select(revisions.c.id, revisions.c.state, revisions.c.failure)
    .where(revisions.c.track_id == tracks.c.id)
    .order_by(revisions.c.number.desc())
    .limit(1)
    .lateral("newest")
)

TRACKS_SEEN = (
    select(
        tracks,
        *MINI_COLUMNS,
        counted("likes"),
        _LIVE.c.analysis,
        _LIVE.c.renditions,
        _NEWEST.c.state.label("newest_state"),
        _NEWEST.c.failure,
        progress.c.stage,
        progress.c.percent,
        edge(likes, "account_id", "track_id", VIEWER_ID, tracks.c.id).label("liked"),
    )
    .select_from(tracks)
    .join(accounts, accounts.c.id == tracks.c.owner_id)
    .join(profiles, profiles.c.id == tracks.c.owner_id)
    .join(_NEWEST, true())
    .outerjoin(_LIVE, _LIVE.c.id == tracks.c.live_id)
    .outerjoin(counters, counters.c.id == tracks.c.id)
    .outerjoin(progress, progress.c.revision_id == _NEWEST.c.id)
    .where(track_visible(tracks, accounts))
)


def track_view(row: ReadRow, links: Links) -> TrackView:
    """A track as the viewer meets it, of a row of the query above."""
    state = TrackState.PROCESSING
    if row["live_id"] is not None:
        state = TrackState.READY
    elif row["newest_state"] == RevisionState.FAILED:
        state = TrackState.FAILED
    analysis = ANALYSIS.decode(row["analysis"] or "null")
    return TrackView(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        genre=row["genre"],
        tags=row["tags"],
        license=row["license"],
        visibility=row["audience"],
        publish_at=None,
        state=state,
        progress=100 if state is TrackState.READY else row["percent"] or 0,
        stage=(row["stage"] or "received") if state is TrackState.PROCESSING else None,
        failure=msgspec.json.decode(row["failure"], type=FailureView) if row["failure"] else None,
        duration_ms=analysis.duration_ms if analysis else None,
        permalink=row["permalink"],
        permalink_url=links.track(row["handle"], row["permalink"]),
        artwork_url=None,
        user=mini_user(row, links),
        counts=TrackCounts(likes=row["likes"]),
        waveform_url=links.waveform(row["id"]) if analysis else None,
        downloadable=row["downloadable"],
        comments_enabled=row["comments_enabled"],
        embeddable=row["embeddable"],
        access="playable",
        viewer=TrackViewer(liked=row["liked"]),
        version=row["version"],
        created_at=row["created_at"],
        published_at=row["published_at"],
    )


def playable_of(row: ReadRow) -> Playable:
    """What plays, of a row of the query above."""
    analysis = ANALYSIS.decode(row["analysis"] or "null")
    if analysis is None:
        return Playable(row["permalink"])
    renditions = RENDITIONS.decode(row["renditions"])
    return Playable(row["permalink"], analysis.duration_ms, analysis.waveform_key, renditions)


_WANTED = tracks.c.id == bindparam("track_id", type_=ID)
_OWNED = tracks.c.owner_id == bindparam("owner_id", type_=ID)
_MANY = bindparam("track_ids", type_=ARRAY(ID))


class PostgresTrackReader(TrackReader, FeedReader, PlaybackReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        def query(name: str, statement: Any) -> Query[TrackView]:
            return Query(f"tracks.{name}", statement, lambda row: track_view(row, links))

        listed = TRACKS_SEEN.where(_OWNED, tracks.c.published_at.is_not(None), tracks.c.live_id.is_not(None))
        mine = TRACKS_SEEN.where(_OWNED, tracks.c.standing != Standing.REMOVED.value)
        many = TRACKS_SEEN.where(tracks.c.id == any_(_MANY), tracks.c.live_id.is_not(None))
        self._pool = pool
        self._get = query("get", TRACKS_SEEN.where(_WANTED))
        self._many = query("many", many.order_by(func.array_position(_MANY, tracks.c.id)))
        self._listed = query(
            "by_owner",
            paged(listed.add_columns(tracks.c.published_at.label("at")), tracks.c.published_at, tracks.c.id),
        )
        self._mine = query(
            "mine", paged(mine.add_columns(tracks.c.created_at.label("at")), tracks.c.created_at, tracks.c.id)
        )
        self._playable = Query("playback.playable", TRACKS_SEEN.where(_WANTED), playable_of)

    async def get(self, viewer: Viewer, track_id: TrackId) -> TrackView | None:
        return await self._get.one(self._pool, track_id=track_id, **viewer_parameters(viewer))

    async def many(self, viewer: Viewer, track_ids: Sequence[TrackId]) -> list[TrackView]:
        return await self._many.all(self._pool, track_ids=list(track_ids), **viewer_parameters(viewer))

    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        parameters = paging(after, limit) | viewer_parameters(viewer)
        return await page_of(self._listed, self._pool, limit, owner_id=owner_id, **parameters)

    async def mine(self, actor: Actor, *, after: Position | None, limit: int) -> Page[TrackView]:
        parameters = paging(after, limit) | viewer_parameters(actor)
        return await page_of(self._mine, self._pool, limit, owner_id=actor.id, **parameters)

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        return await self._playable.one(self._pool, track_id=track_id, **viewer_parameters(viewer))


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
