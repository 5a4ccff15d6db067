"""Profiles, follows and blocks."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from soundgraph.application.ports import Clock, Gate, UnitOfWork
from soundgraph.application.views import MiniUser, Page, Position, UserView
from soundgraph.domain.errors import NotFound, refuse_stale
from soundgraph.domain.ids import AccountId, account_ref
from soundgraph.domain.people import (
    PersonBlocked,
    PersonFollowed,
    PersonUnblocked,
    PersonUnfollowed,
    Profile,
    refuse_over_cap,
    refuse_self,
)
from soundgraph.domain.visibility import Actor, Viewer


class Profiles(ABC):
    """Every person's profile, by the id of their account."""

    @abstractmethod
    async def get(self, account_id: AccountId) -> Profile | None: ...

    @abstractmethod
    async def add(self, profile: Profile) -> None: ...

    @abstractmethod
    async def save(self, profile: Profile) -> None:
        """Raises Conflict(version_conflict)."""


class Follows(ABC):
    """Who follows whom. Adding and removing keep both counters, and wait for a block between the two to be decided."""

    @abstractmethod
    async def add(self, follower: AccountId, followee: AccountId, *, at: datetime) -> bool:
        """Whether it is new."""

    @abstractmethod
    async def remove(self, follower: AccountId, followee: AccountId) -> bool:
        """Whether it was there."""

    @abstractmethod
    async def count(self, follower: AccountId) -> int:
        """How many people someone follows."""


class Blocks(ABC):
    """Who blocks whom."""

    @abstractmethod
    async def add(self, blocker: AccountId, blocked: AccountId, *, at: datetime) -> bool:
        """Whether it is new."""

    @abstractmethod
    async def remove(self, blocker: AccountId, blocked: AccountId) -> bool:
        """Whether it was there."""


class PeopleWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def profiles(self) -> Profiles: ...

    @property
    def follows(self) -> Follows: ...

    @property
    def blocks(self) -> Blocks: ...


class PeopleReader(ABC):
    """Reads of people. What the viewer may not see is left out, or None."""

    @abstractmethod
    async def by_id(self, viewer: Viewer, account_id: AccountId) -> UserView | None: ...

    @abstractmethod
    async def by_handle(self, viewer: Viewer, handle: str) -> UserView | None: ...

    @abstractmethod
    async def followers(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        """Newest first."""

    @abstractmethod
    async def followings(
        self, viewer: Viewer, account_id: AccountId, *, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        """Newest first."""

    @abstractmethod
    async def blocked_by(self, actor: Actor, *, after: Position | None, limit: int) -> Page[MiniUser]:
        """Everyone the actor blocks, newest first, whether visible or not."""


def pair_key(one: AccountId, other: AccountId) -> str:
    """What a follow and a block between the same two people both hold, so that they cannot cross."""
    low, high = sorted((one, other))
    return f"pair:{low}:{high}"


class EditProfile:
    """Change one's own profile. Its owner.

    Raises Stale unless `version` is the present one or None, Invalid naming every broken rule.
    """

    def __init__(self, work: Callable[[], PeopleWork]) -> None:
        self._work = work

    async def __call__(
        self,
        *,
        actor: Actor,
        display_name: str | None = None,
        bio: str | None = None,
        city: str | None = None,
        version: int | None = None,
    ) -> None:
        async with self._work() as work:
            profile = await work.profiles.get(actor.id)
            if profile is None:
                raise NotFound
            refuse_stale(profile.version, version)
            profile.edit(display_name=display_name, bio=bio, city=city)
            await work.profiles.save(profile)
            await work.commit()


class Follow:
    """Follow a person. Anyone who can see them. Following twice is following once.

    Raises Invalid(self | limit_reached), NotFound.
    """

    def __init__(self, work: Callable[[], PeopleWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, actor: Actor, account_id: AccountId) -> None:
        refuse_self(actor.id, account_id, "follow")
        async with self._work() as work:
            await work.serialise(f"followings:{actor.id}")
            await work.serialise(pair_key(actor.id, account_id))
            await work.gate.require(actor, account_ref(account_id))
            followings = await work.follows.count(actor.id)
            if await work.follows.add(actor.id, account_id, at=self._clock.now()):
                refuse_over_cap(followings)
                work.record(PersonFollowed(follower=actor.id, followee=account_id))
            await work.commit()


class Unfollow:
    """Stop following a person. Anyone; for someone not followed nothing happens."""

    def __init__(self, work: Callable[[], PeopleWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, account_id: AccountId) -> None:
        async with self._work() as work:
            if await work.follows.remove(actor.id, account_id):
                work.record(PersonUnfollowed(follower=actor.id, followee=account_id))
            await work.commit()


class Block:
    """Block a person: both follows end, and neither sees the other anywhere. Anyone. Blocking twice is blocking once.

    Raises Invalid(self), NotFound for someone who does not exist. One may block back.
    """

    def __init__(self, work: Callable[[], PeopleWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, actor: Actor, account_id: AccountId) -> None:
        refuse_self(actor.id, account_id, "block")
        async with self._work() as work:
            await work.serialise(pair_key(actor.id, account_id))
            if await work.profiles.get(account_id) is None:
                raise NotFound
            if await work.blocks.add(actor.id, account_id, at=self._clock.now()):
                work.record(PersonBlocked(blocker=actor.id, blocked=account_id))
            for follower, followee in ((actor.id, account_id), (account_id, actor.id)):
                if await work.follows.remove(follower, followee):
                    work.record(PersonUnfollowed(follower=follower, followee=followee))
            await work.commit()


class Unblock:
    """Lift a block. Whoever set it; where there is none nothing happens. Follows do not come back."""

    def __init__(self, work: Callable[[], PeopleWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, account_id: AccountId) -> None:
        async with self._work() as work:
            await work.serialise(pair_key(actor.id, account_id))
            if await work.blocks.remove(actor.id, account_id):
                work.record(PersonUnblocked(blocker=actor.id, blocked=account_id))
            await work.commit()


class ReadProfile:
    """A person, by id or handle. Anyone who can see them. Raises NotFound."""

    def __init__(self, reader: PeopleReader) -> None:
        self._reader = reader

    async def __call__(self, *, viewer: Viewer, id_or_handle: AccountId | str) -> UserView:
        if isinstance(id_or_handle, str):
            view = await self._reader.by_handle(viewer, id_or_handle.lower())
        else:
            view = await self._reader.by_id(viewer, id_or_handle)
        if view is None:
            raise NotFound
        return view


class ListFollowers:
    """Who follows a person, newest first. Anyone who can see that person. Raises NotFound."""

    def __init__(self, gate: Gate, reader: PeopleReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, account_id: AccountId, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        await self._gate.require(viewer, account_ref(account_id))
        return await self._reader.followers(viewer, account_id, after=after, limit=limit)


class ListFollowings:
    """Whom a person follows, newest first. Anyone who can see that person. Raises NotFound."""

    def __init__(self, gate: Gate, reader: PeopleReader) -> None:
        self._gate, self._reader = gate, reader

    async def __call__(
        self, *, viewer: Viewer, account_id: AccountId, after: Position | None, limit: int
    ) -> Page[MiniUser]:
        await self._gate.require(viewer, account_ref(account_id))
        return await self._reader.followings(viewer, account_id, after=after, limit=limit)
