"""How tracks are read: what a viewer may see of them, and what plays."""

from collections.abc import Callable, Sequence
from typing import Any, Final

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
from soundgraph.application.views import (
    FailureView,
    Links,
    Page,
    Position,
    RevisionView,
    TrackCounts,
    TrackView,
    TrackViewer,
)
from soundgraph.domain.ids import AccountId, ArtworkId, TrackId
from soundgraph.domain.playback import access_to
from soundgraph.domain.tracks import (
    IN_PROCESSING,
    RevisionState,
    StreamPolicy,
    TrackState,
    original_key,
)
from soundgraph.domain.visibility import Actor, Standing, Viewer

_FAILURE: Final = msgspec.json.Decoder(FailureView | None)
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
        _LIVE.c.sha256,
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


def seen_by(viewer: Viewer, links: Links) -> Callable[[ReadRow], TrackView]:
    """What makes a track, as this viewer meets it, of a row of the query above."""
    return lambda row: track_view(row, links, viewer)


def _state(row: ReadRow) -> TrackState:
    if row["live_id"] is not None:
        return TrackState.READY
    return TrackState.FAILED if row["newest_state"] == RevisionState.FAILED else TrackState.PROCESSING


def _processing(row: ReadRow) -> bool:
    """Whether more is to come: what plays may not be all there is."""
    rest = row["newest_state"] == RevisionState.READY and row["failure"] is None
    return row["newest_state"] in IN_PROCESSING or (rest and 0 < (row["percent"] or 0) < 100)


def track_view(row: ReadRow, links: Links, viewer: Viewer) -> TrackView:
    """A track as the viewer meets it, of a row of the query above."""
    token = viewer.token_for(row["id"])
    state = _state(row)
    processing = _processing(row)
    analysis = ANALYSIS.decode(row["analysis"] or "null")
    return TrackView(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        genre=row["genre"],
        tags=row["tags"],
        license=row["license"],
        visibility=row["audience"],
        publish_at=row["publish_at"],
        state=state,
        progress=row["percent"] or 0 if processing or state is not TrackState.READY else 100,
        stage=(row["stage"] or "received") if processing else None,
        failure=_FAILURE.decode(row["failure"] or "null"),
        duration_ms=analysis.duration_ms if analysis else None,
        permalink=row["permalink"],
        permalink_url=links.track(row["handle"], row["permalink"], token),
        artwork_url=links.artwork(row["id"], row["artwork_id"], token),
        user=mini_user(row, links),
        counts=TrackCounts(plays=row["plays"], likes=row["likes"]),
        waveform_url=links.waveform(row["id"], token) if analysis else None,
        downloadable=row["downloadable"],
        comments_enabled=row["comments_enabled"],
        embeddable=row["embeddable"],
        policy=row["policy"],
        access=access_to(viewer, row["owner_id"], StreamPolicy(row["policy"])),
        loudness=analysis.loudness if analysis else None,
        tags_found=analysis.tags if analysis else {},
        viewer=TrackViewer(liked=row["liked"]),
        version=row["version"],
        created_at=row["created_at"],
        published_at=row["published_at"],
    )


def revision_view(row: ReadRow) -> RevisionView:
    """A revision as its owner meets it."""
    analysis = ANALYSIS.decode(row["analysis"] or "null")
    return RevisionView(
        id=row["id"],
        number=row["number"],
        state=row["state"],
        created_at=row["created_at"],
        duration_ms=analysis.duration_ms if analysis else None,
        live=row["id"] == row["live_id"],
        failure=_FAILURE.decode(row["failure"] or "null"),
    )


def playable_of(row: ReadRow) -> Playable:
    """What plays, of a row of the query above."""
    analysis = ANALYSIS.decode(row["analysis"] or "null")
    policy = StreamPolicy(row["policy"])
    if analysis is None:
        return Playable(row["permalink"], row["owner_id"], policy=policy)
    return Playable(
        row["permalink"],
        row["owner_id"],
        title=row["title"],
        downloadable=row["downloadable"],
        policy=policy,
        original_key=original_key(row["id"], row["live_id"], row["sha256"]),
        codec=analysis.codec,
        duration_ms=analysis.duration_ms,
        waveform_key=analysis.waveform_key,
        renditions=RENDITIONS.decode(row["renditions"]),
        loudness=analysis.loudness,
    )


_WANTED = tracks.c.id == bindparam("track_id", type_=ID)
_OWNED = tracks.c.owner_id == bindparam("owner_id", type_=ID)
_REVISIONS = (
    select(revisions, tracks.c.live_id)
    .join(tracks, tracks.c.id == revisions.c.track_id)
    .where(_WANTED, _OWNED, tracks.c.standing != Standing.REMOVED.value)
    .order_by(revisions.c.number.desc())
)
_MANY = bindparam("track_ids", type_=ARRAY(ID))


class PostgresTrackReader(TrackReader, FeedReader, PlaybackReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        def query(name: str, statement: Any) -> Query[ReadRow]:
            return Query(f"tracks.{name}", statement, lambda row: row)

        listed = TRACKS_SEEN.where(_OWNED, tracks.c.published_at.is_not(None), tracks.c.live_id.is_not(None))
        mine = TRACKS_SEEN.where(_OWNED, tracks.c.standing != Standing.REMOVED.value)
        many = TRACKS_SEEN.where(tracks.c.id == any_(_MANY), tracks.c.live_id.is_not(None))
        self._pool, self._links = pool, links
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
        self._revisions = Query("tracks.revisions", _REVISIONS, revision_view)
        self._playable = Query("playback.playable", TRACKS_SEEN.where(_WANTED), playable_of)

    async def get(self, viewer: Viewer, track_id: TrackId) -> TrackView | None:
        return await self._get.showing(seen_by(viewer, self._links)).one(
            self._pool, track_id=track_id, **viewer_parameters(viewer)
        )

    async def many(self, viewer: Viewer, track_ids: Sequence[TrackId]) -> list[TrackView]:
        many = self._many.showing(seen_by(viewer, self._links))
        return await many.all(self._pool, track_ids=list(track_ids), **viewer_parameters(viewer))

    async def by_owner(
        self, viewer: Viewer, owner_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        parameters = paging(after, limit) | viewer_parameters(viewer)
        listed = self._listed.showing(seen_by(viewer, self._links))
        return await page_of(listed, self._pool, limit, owner_id=owner_id, **parameters)

    async def mine(self, actor: Actor, *, after: Position | None, limit: int) -> Page[TrackView]:
        parameters = paging(after, limit) | viewer_parameters(actor)
        mine = self._mine.showing(seen_by(actor, self._links))
        return await page_of(mine, self._pool, limit, owner_id=actor.id, **parameters)

    async def revisions(self, actor: Actor, track_id: TrackId) -> list[RevisionView]:
        return await self._revisions.all(self._pool, track_id=track_id, owner_id=actor.id)

    async def artwork(self, viewer: Viewer, track_id: TrackId) -> ArtworkId | None:
        return await self._artwork.one(self._pool, track_id=track_id, **viewer_parameters(viewer))

    async def playable(self, viewer: Viewer, track_id: TrackId) -> Playable | None:
        return await self._playable.one(self._pool, track_id=track_id, **viewer_parameters(viewer))
