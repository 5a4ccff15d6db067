"""Profiles, follows and blocks in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, bindparam, delete, exists, func, select, update
from sqlalchemy.sql.elements import KeyedColumnElement

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.read import Query, Row
from soundgraph.adapters.postgres.schema import ID, accounts, blocks, counters, follows, profiles
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.adapters.postgres.visibility import VIEWER_ID, account_visible, viewer_parameters
from soundgraph.application.identity import NewProfiles
from soundgraph.application.people import Blocks, Follows, PeopleReader, Profiles
from soundgraph.application.views import Links, MiniUser, Page, Position, UserCounts, UserView, UserViewer
from soundgraph.domain.ids import AccountId
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import Actor, Viewer


class PostgresProfiles(Profiles, NewProfiles):
    """Profiles in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, account_id: AccountId) -> Profile | None:
        found = select(profiles).where(profiles.c.id == account_id).with_for_update(key_share=True)
        row = await self._session.row(found)
        return None if row is None else Profile(**dict(row._mapping) | {"links": tuple(row.links)})

    async def add(self, profile: Profile) -> None:
        await self._session.add(profiles, asdict(profile) | {"links": list(profile.links)})

    async def save(self, profile: Profile) -> None:
        changed = asdict(profile) | {"links": list(profile.links), "version": profile.version + 1}
        await self._session.save(
            update(profiles).where(profiles.c.id == profile.id, profiles.c.version == profile.version).values(changed)
        )
        profile.version += 1


class PostgresFollows(Follows):
    """Follows in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, follower: AccountId, followee: AccountId, *, at: datetime) -> bool:
        new = await self._session.add_edge(follows, {"follower": follower, "followee": followee, "at": at})
        self._count(follower, followee, int(new))
        return new

    async def remove(self, follower: AccountId, followee: AccountId) -> bool:
        edge = delete(follows).where(follows.c.follower == follower, follows.c.followee == followee)
        removed = await self._session.execute(edge) == 1
        self._count(follower, followee, -int(removed))
        return removed

    async def count(self, follower: AccountId) -> int:
        rows = await self._session.rows(select(func.count()).where(follows.c.follower == follower))
        return int(rows[0][0])

    def _count(self, follower: AccountId, followee: AccountId, delta: int) -> None:
        self._session.count(follower, "followings", delta)
        self._session.count(followee, "followers", delta)


class PostgresBlocks(Blocks):
    """Blocks in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, blocker: AccountId, blocked: AccountId, *, at: datetime) -> bool:
        return await self._session.add_edge(blocks, {"blocker": blocker, "blocked": blocked, "at": at})

    async def remove(self, blocker: AccountId, blocked: AccountId) -> bool:
        edge = delete(blocks).where(blocks.c.blocker == blocker, blocks.c.blocked == blocked)
        return await self._session.execute(edge) == 1


COUNTERS = ("followers", "followings", "tracks", "playlists", "likes")
MINI_COLUMNS = (profiles.c.id.label("user_id"), profiles.c.handle, profiles.c.display_name)


def mini_user(row: Row, links: Links) -> MiniUser:
    """A person in passing, of a row that has `MINI_COLUMNS`."""
    return MiniUser(
        id=row["user_id"],
        handle=row["handle"],
        display_name=row["display_name"],
        avatar_url=None,
        permalink_url=links.person(row["handle"]),
    )


def counted(name: str) -> KeyedColumnElement[int]:
    """A counter of whatever was outer-joined, nought where it has no row."""
    return func.coalesce(counters.c[name], 0).label(name)


def edge(table: Table, source: str, target: str, one: Any, other: Any) -> ColumnElement[bool]:
    """Whether an edge leads from one to the other."""
    edges = table.alias()
    return exists().where(edges.c[source] == one, edges.c[target] == other)


_PROFILE = (
    select(
        profiles,
        accounts.c.plan,
        accounts.c.created_at,
        *(counted(name) for name in COUNTERS),
        edge(follows, "follower", "followee", VIEWER_ID, profiles.c.id).label("following"),
        edge(follows, "follower", "followee", profiles.c.id, VIEWER_ID).label("followed_by"),
        edge(blocks, "blocker", "blocked", VIEWER_ID, profiles.c.id).label("blocking"),
    )
    .join(accounts, accounts.c.id == profiles.c.id)
    .outerjoin(counters, counters.c.id == profiles.c.id)
    .where(account_visible(accounts))
)


def user_view(row: Row, links: Links) -> UserView:
    """A profile, of a row of the query above."""
    return UserView(
        id=row["id"],
        handle=row["handle"],
        display_name=row["display_name"],
        bio=row["bio"],
        city=row["city"],
        country_code=row["country_code"],
        links=row["links"],
        avatar_url=None,
        banner_url=None,
        verified=False,
        plan=row["plan"],
        counts=UserCounts(**{name: row[name] for name in COUNTERS}),
        created_at=row["created_at"],
        permalink_url=links.person(row["handle"]),
        viewer=UserViewer(**{name: row[name] for name in ("following", "followed_by", "blocking")}),
        version=row["version"],
    )


def people_along(table: FromClause, anchor: str, other: str) -> Select[Any]:
    """The people at the other ends of the edges of `anchor`, newest first."""
    statement = (
        select(*MINI_COLUMNS, table.c.at, profiles.c.id)
        .join_from(table, profiles, profiles.c.id == table.c[other])
        .join(accounts, accounts.c.id == profiles.c.id)
        .where(table.c[anchor] == bindparam("anchor", type_=ID))
    )
    return paged(statement, table.c.at, table.c[other])


class PostgresPeopleReader(PeopleReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool, links: Links) -> None:
        self._pool = pool
        by_id = _PROFILE.where(profiles.c.id == bindparam("account_id", type_=ID))
        by_handle = _PROFILE.where(profiles.c.handle == bindparam("wanted"))
        followers = people_along(follows, "followee", "follower").where(account_visible(accounts))
        followings = people_along(follows, "follower", "followee").where(account_visible(accounts))
        self._by_id = Query("people.by_id", by_id, lambda row: user_view(row, links))
        self._by_handle = Query("people.by_handle", by_handle, lambda row: user_view(row, links))
        self._followers = Query("people.followers", followers, lambda row: mini_user(row, links))
        self._followings = Query("people.followings", followings, lambda row: mini_user(row, links))
        self._blocked = Query(
            "people.blocked", people_along(blocks, "blocker", "blocked"), lambda row: mini_user(row, links)
        )

    async def by_id(self, viewer: Viewer, account_id: AccountId) -> UserView | None:
        return await self._by_id.one(self._pool, account_id=account_id, **viewer_parameters(viewer))

    async def by_handle(self, viewer: Viewer, handle: str) -> UserView | None:
        return await self._by_handle.one(self._pool, wanted=handle, **viewer_parameters(viewer))

    async def followers(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        return await self._page(self._followers, viewer, account_id, after, limit)

    async def followings(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        return await self._page(self._followings, viewer, account_id, after, limit)

    async def blocked_by(self, actor: Actor, *, after: Position | None, limit: int) -> Page[MiniUser]:
        return await self._page(self._blocked, actor, actor.id, after, limit)

    async def _page(
        self, query: Query[MiniUser], viewer: Viewer, anchor: AccountId, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        return await page_of(
            query, self._pool, limit, anchor=anchor, **paging(after, limit), **viewer_parameters(viewer)
        )
