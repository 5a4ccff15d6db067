"""Likes in PostgreSQL."""

from datetime import datetime

from sqlalchemy import bindparam, delete

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.people import mini_user, people_along
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.schema import ID, accounts, likes, tracks
from soundgraph.adapters.postgres.track_views import TRACKS_SEEN, seen_by
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.adapters.postgres.visibility import account_visible, viewer_parameters
from soundgraph.application.engagement import EngagementReader, Likes
from soundgraph.application.views import Links, MiniUser, Page, Position, TrackView
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.visibility import Viewer


class PostgresLikes(Likes):
    """Likes in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, account_id: AccountId, track_id: TrackId, *, at: datetime) -> bool:
        new = await self._session.add_edge(likes, {"account_id": account_id, "track_id": track_id, "at": at})
        self._count(account_id, track_id, int(new))
        return new

    async def remove(self, account_id: AccountId, track_id: TrackId) -> bool:
        edge = delete(likes).where(likes.c.account_id == account_id, likes.c.track_id == track_id)
        removed = await self._session.execute(edge) == 1
        self._count(account_id, track_id, -int(removed))
        return removed

    def _count(self, account_id: AccountId, track_id: TrackId, delta: int) -> None:
        self._session.count(account_id, "likes", delta)
        self._session.count(track_id, "likes", delta)


class PostgresEngagementReader(EngagementReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        self._pool, self._links = pool, links
        likers = people_along(likes, "track_id", "account_id").where(account_visible(accounts))
        liked = (
            TRACKS_SEEN.add_columns(likes.c.at)
            .join(likes, likes.c.track_id == tracks.c.id)
            .where(likes.c.account_id == bindparam("anchor", type_=ID), tracks.c.live_id.is_not(None))
        )
        self._likers = Query("engagement.likers", likers, lambda row: mini_user(row, links))
        self._liked = Query("engagement.liked_by", paged(liked, likes.c.at, likes.c.track_id), lambda row: row)

    async def likers(self, viewer: Viewer, track_id: TrackId, *, after: Position | None, limit: int) -> Page[MiniUser]:
        parameters = paging(after, limit) | viewer_parameters(viewer)
        return await page_of(self._likers, self._pool, limit, anchor=track_id, **parameters)

    async def liked_by(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[TrackView]:
        parameters = paging(after, limit) | viewer_parameters(viewer)
        liked = self._liked.showing(seen_by(viewer, self._links))
        return await page_of(liked, self._pool, limit, anchor=account_id, **parameters)
