"""Likes."""

from uuid import UUID

from litestar import delete, get, put
from litestar.params import FromPath

from soundgraph.application.engagement import LikeTrack, ListLikers, ListLikes, UnlikeTrack
from soundgraph.application.limits import LIKES
from soundgraph.application.views import MiniUser, TrackView
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.entrypoints.http.auth import CurrentActor, CurrentViewer
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.people import person
from soundgraph.entrypoints.http.policies import member_route, public_route
from soundgraph.entrypoints.http.services import Use


@put("/me/likes/tracks/{track_id:uuid}", **member_route(LikeTrack, NotFound, limits=(LIKES,)), status_code=204)
async def like_track(track_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Like a track."""
    await use(LikeTrack)(actor=actor, track_id=TrackId(track_id))


@delete("/me/likes/tracks/{track_id:uuid}", **member_route(UnlikeTrack, NotFound, limits=(LIKES,)), status_code=204)
async def unlike_track(track_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Take a like back."""
    await use(UnlikeTrack)(actor=actor, track_id=TrackId(track_id))


@get("/tracks/{track_id:uuid}/likers", **public_route(ListLikers, NotFound))
async def list_likers(
    track_id: FromPath[UUID], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[MiniUser]:
    """Who likes a track."""
    page = await use(ListLikers)(viewer=viewer, track_id=TrackId(track_id), after=window.after, limit=window.limit)
    return window.listing(page)


@get("/users/{id_or_handle:str}/likes", **public_route(ListLikes, NotFound))
async def list_likes(
    id_or_handle: FromPath[str], viewer: CurrentViewer, window: CurrentWindow, use: Use
) -> Listing[TrackView]:
    """Which tracks a person likes."""
    who = await person(use, viewer, id_or_handle)
    page = await use(ListLikes)(viewer=viewer, account_id=who, after=window.after, limit=window.limit)
    return window.listing(page)


ROUTES = (like_track, unlike_track, list_likers, list_likes)
