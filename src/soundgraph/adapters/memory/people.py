"""Profiles, follows and blocks in memory."""

from datetime import datetime
from uuid import UUID

from soundgraph.adapters.memory.database import Edges, MemoryDatabase, Tables, add_edge, kept, page_of, save
from soundgraph.application.identity import NewProfiles
from soundgraph.application.people import Blocks, Follows, PeopleReader, Profiles
from soundgraph.application.views import Links, MiniUser, Page, Position, UserCounts, UserView, UserViewer
from soundgraph.domain.ids import AccountId, account_ref
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import Actor, Viewer

COUNTERS = ("followers", "followings", "tracks", "playlists", "likes")


class MemoryProfiles(Profiles, NewProfiles):
    """Profiles among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, account_id: AccountId) -> Profile | None:
        return kept(self._tables.profiles.get(account_id))

    async def add(self, profile: Profile) -> None:
        self._tables.profiles[profile.id] = kept(profile)

    async def save(self, profile: Profile) -> None:
        save(self._tables.profiles, profile.id, profile)


class MemoryFollows(Follows):
    """Follows among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, follower: AccountId, followee: AccountId, *, at: datetime) -> bool:
        new = add_edge(self._tables.follows, follower, followee, at)
        self._count(follower, followee, int(new))
        return new

    async def remove(self, follower: AccountId, followee: AccountId) -> bool:
        removed = self._tables.follows.pop((follower, followee), None) is not None
        self._count(follower, followee, -int(removed))
        return removed

    async def count(self, follower: AccountId) -> int:
        return self._tables.counted(follower, "followings")

    def _count(self, follower: AccountId, followee: AccountId, delta: int) -> None:
        self._tables.count(follower, "followings", delta)
        self._tables.count(followee, "followers", delta)


class MemoryBlocks(Blocks):
    """Blocks among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, blocker: AccountId, blocked: AccountId, *, at: datetime) -> bool:
        return add_edge(self._tables.blocks, blocker, blocked, at)

    async def remove(self, blocker: AccountId, blocked: AccountId) -> bool:
        return self._tables.blocks.pop((blocker, blocked), None) is not None


def mini_user(tables: Tables, account_id: AccountId, links: Links) -> MiniUser:
    """A person in passing."""
    profile = tables.profiles[account_id]
    return MiniUser(
        id=profile.id,
        handle=profile.handle,
        display_name=profile.display_name,
        avatar_url=None,
        permalink_url=links.person(profile.handle),
    )


class MemoryPeopleReader(PeopleReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase, links: Links) -> None:
        self._database, self._links = database, links

    async def by_id(self, viewer: Viewer, account_id: AccountId) -> UserView | None:
        tables = self._database.tables
        if not tables.visible(account_ref(account_id), viewer):
            return None
        account, profile = tables.accounts[account_id], tables.profiles[account_id]
        counts = {name: tables.counted(account_id, name) for name in COUNTERS}
        return UserView(
            id=profile.id,
            handle=profile.handle,
            display_name=profile.display_name,
            bio=profile.bio,
            city=profile.city,
            country_code=profile.country_code,
            links=profile.links,
            avatar_url=None,
            banner_url=None,
            verified=False,
            plan=account.plan,
            counts=UserCounts(**counts),
            created_at=account.created_at,
            permalink_url=self._links.person(profile.handle),
            viewer=UserViewer(
                following=(viewer.id, account_id) in tables.follows,
                followed_by=(account_id, viewer.id) in tables.follows,
                blocking=(viewer.id, account_id) in tables.blocks,
            ),
            version=profile.version,
        )

    async def by_handle(self, viewer: Viewer, handle: str) -> UserView | None:
        found = (one.id for one in self._database.tables.profiles.values() if one.handle == handle)
        account_id = next(found, None)
        return None if account_id is None else await self.by_id(viewer, account_id)

    async def followers(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        return self._people(viewer, self._database.tables.follows, account_id, 1, after, limit)

    async def followings(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        return self._people(viewer, self._database.tables.follows, account_id, 0, after, limit)

    async def blocked_by(self, actor: Actor, *, after: Position | None, limit: int) -> Page[MiniUser]:
        return self._people(None, self._database.tables.blocks, actor.id, 0, after, limit)

    def _people(
        self, viewer: Viewer | None, edges: Edges, anchor: UUID, side: int, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        """The other ends of the edges that have `anchor` on one side; all of them where there is no viewer."""
        tables = self._database.tables
        others = [(at, AccountId(edge[1 - side])) for edge, at in edges.items() if edge[side] == anchor]
        seen = [(at, one) for at, one in others if viewer is None or tables.visible(account_ref(one), viewer)]
        ids, following = page_of(seen, after, limit)
        return Page([mini_user(tables, one, self._links) for one in ids], following)
