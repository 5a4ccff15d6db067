"""How tracks are read: what a viewer may see of them, and what plays."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, any_, bindparam, func, select, true

from soundgraph.adapters.postgres.engine import ReadPool
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
)
from soundgraph.adapters.postgres.tracks import ANALYSIS, RENDITIONS
from soundgraph.adapters.postgres.visibility import VIEWER_ID, owned_thing_visible, viewer_parameters
from soundgraph.application.discovery import FeedReader
from soundgraph.application.playback import Playable, PlaybackReader
from soundgraph.application.tracks import TrackReader
from soundgraph.application.views import FailureView, Links, Page, Position, TrackCounts, TrackView, TrackViewer
from soundgraph.domain.ids import AccountId, ArtworkId, TrackId
from soundgraph.domain.tracks import (
    RevisionState,
    TrackState,
)
from soundgraph.domain.visibility import Actor, Standing, Viewer

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
        counted("plays"),
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
    .where(owned_thing_visible(tracks, accounts))
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
        artwork_url=links.artwork(row["id"], row["artwork_id"]),
        user=mini_user(row, links),
        counts=TrackCounts(plays=row["plays"], likes=row["likes"]),
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
        self._artwork = Query[ArtworkId | None](
            "tracks.artwork", TRACKS_SEEN.where(_WANTED), lambda row: row["artwork_id"]
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

    async def artwork(self, viewer: Viewer, track_id: TrackId) -> ArtworkId | None:
        return await self._artwork.one(self._pool, track_id=track_id, **viewer_parameters(viewer))

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        return await self._playable.one(self._pool, track_id=track_id, **viewer_parameters(viewer))
