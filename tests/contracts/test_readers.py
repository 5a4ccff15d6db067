"""Readers of both worlds show the same: one story, told twice, gives the same views field by field."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

import msgspec
import pytest
from tests.builders import CLIENT, PASSWORD, App, join, moderate, promote, publish, stand, stored_track, upload
from tests.worlds import postgres_world

from soundgraph.adapters.memory.app import memory_app
from soundgraph.application.discovery import ReadFeed
from soundgraph.application.engagement import EngagementReader, LikeTrack
from soundgraph.application.identity import AccessClaims, IdentityReader, LogIn, LogOut, Tokens
from soundgraph.application.people import Block, EditProfile, Follow, PeopleReader
from soundgraph.application.playback import PlaybackReader
from soundgraph.application.tracks import EditTrack, Progress, ProgressBoard, TrackReader
from soundgraph.application.views import Page, Position
from soundgraph.domain.errors import Forbidden
from soundgraph.domain.identity import FAMILY_LIFETIME
from soundgraph.domain.ids import AccountId, FamilyId, TrackId
from soundgraph.domain.visibility import ANYONE, AccountStanding, Actor, Audience, Role, Standing, Viewer

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Item = TypeVar("Item")


class Transcript:
    """What was seen, with every id replaced by the order in which it first appeared."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def note(self, what: str, seen: object) -> None:
        text = msgspec.json.encode(seen, enc_hook=repr, order="sorted").decode()
        self.lines.append(f"{what}: {ID.sub(self._name, text)}")

    def _name(self, match: re.Match[str]) -> str:
        return self._names.setdefault(match[0], f"id-{len(self._names)}")

    async def walk(self, what: str, read: Callable[..., Awaitable[Page[Item]]]) -> None:
        """Note every page, and where the next one starts."""
        after: Position | None = None
        while True:
            page = await read(after=after)
            self.note(what, page)
            after = page.next
            if after is None:
                return


class People:
    """Everyone in the story."""

    def __init__(self, ada: Actor, bob: Actor, eve: Actor, mod: Actor) -> None:
        self.ada, self.bob, self.eve, self.mod = ada, bob, eve, mod

    def viewers(self) -> dict[str, Viewer]:
        return {"visitor": ANYONE, "ada": self.ada, "bob": self.bob, "eve": self.eve, "mod": self.mod}


async def tell(app: App) -> tuple[People, list[TrackId]]:
    """A story in which everything happens that readers show."""
    ada, bob, eve = [await join(app, handle) for handle in ("ada", "bob", "eve")]
    mod = await promote(app, await join(app, "mod"), Role.MODERATOR)
    await app.use(EditProfile)(actor=ada, display_name="Ada L.", bio="Counts.\n日本 🎵", city="London")
    tracks = [await publish(app, ada, f"Track {number}") for number in range(4)]
    tracks.append(await publish(app, ada, "Private", audience=Audience.PRIVATE))
    app.clock.advance(timedelta(seconds=1))
    tracks.append(await upload(app, ada, "Broken", b"no audio"))
    await app.settle()
    await moderate(app, tracks[1], Standing.HIDDEN)
    await app.use(EditTrack)(
        actor=ada,
        track_id=tracks[0],
        change=lambda old: replace(old, description="Said more.", tags=("one", "two"), license="cc-by", genre="noise"),
    )
    for fan in (bob, eve, mod):
        app.clock.advance(timedelta(seconds=1))
        await app.use(Follow)(actor=fan, account_id=ada.id)
        for track_id in tracks[2:4]:
            await app.use(LikeTrack)(actor=fan, track_id=track_id)
    await app.use(Follow)(actor=ada, account_id=bob.id)
    await app.settle()
    await app.use(Block)(actor=eve, account_id=bob.id)
    app.clock.advance(timedelta(seconds=1))
    tracks.append(await upload(app, ada, "Waiting"))
    return People(ada, bob, eve, mod), tracks


async def describe(app: App, people: People, tracks: list[TrackId]) -> list[str]:
    """Everything that every reader shows to everyone."""
    seen = Transcript()
    for name, viewer in people.viewers().items():
        await describe_people(app, seen, name, viewer, people)
        await describe_tracks(app, seen, name, viewer, people, tracks)
    for actor in (people.ada, people.bob, people.eve):
        seen.note("me", await app.use(IdentityReader).me(actor))
        await seen.walk("mine", partial(app.use(TrackReader).mine, actor, limit=2))
        await seen.walk("blocks", partial(app.use(PeopleReader).blocked_by, actor, limit=2))
        await seen.walk("feed", partial(app.use(ReadFeed), actor=actor, limit=2))
    return seen.lines


async def describe_people(app: App, seen: Transcript, name: str, viewer: Viewer, people: People) -> None:
    reader = app.use(PeopleReader)
    for person in (people.ada, people.bob, people.eve):
        seen.note(f"{name} by id", await reader.by_id(viewer, person.id))
    for handle in ("ada", "bob", "nobody"):
        seen.note(f"{name} by handle", await reader.by_handle(viewer, handle))
    await seen.walk(f"{name} followers", partial(reader.followers, viewer, people.ada.id, limit=2))
    await seen.walk(f"{name} followings", partial(reader.followings, viewer, people.ada.id, limit=2))


async def describe_tracks(
    app: App, seen: Transcript, name: str, viewer: Viewer, people: People, tracks: list[TrackId]
) -> None:
    reader, likes = app.use(TrackReader), app.use(EngagementReader)
    for track_id in tracks:
        seen.note(f"{name} track", await reader.get(viewer, track_id))
        playable = await app.use(PlaybackReader).playable(viewer, track_id)
        seen.note(f"{name} plays", playable)
        await seen.walk(f"{name} likers", partial(likes.likers, viewer, track_id, limit=2))
    shuffled = [*tracks[3:], TrackId(people.ada.id), *tracks[:3]]
    seen.note(f"{name} many", await reader.many(viewer, shuffled))
    seen.note(f"{name} none", await reader.many(viewer, []))
    await seen.walk(f"{name} by owner", partial(reader.by_owner, viewer, people.ada.id, limit=2))
    await seen.walk(f"{name} liked", partial(likes.liked_by, viewer, people.bob.id, limit=2))


async def test_both_worlds_show_the_same(database_url: str) -> None:
    memory = memory_app()
    expected = await describe(memory, *await tell(memory))
    async with postgres_world(database_url) as postgres:
        shown = await describe(postgres, *await tell(postgres))
    assert len(expected) > 100
    for one, other in zip(shown, expected, strict=True):
        assert one == other


async def test_many_keeps_the_order_of_the_question(app: App) -> None:
    ada = await join(app, "ada")
    tracks = [await publish(app, ada, f"Track {number}") for number in range(3)]
    asked = [tracks[1], TrackId(uuid4()), tracks[0], tracks[2]]
    shown = await app.use(TrackReader).many(ANYONE, asked)
    assert [one.id for one in shown] == [tracks[1], tracks[0], tracks[2]]


async def test_progress_is_what_was_said_last(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await upload(app, ada)
    revision_id = (await stored_track(app, track_id)).revisions[-1].id
    board, reader = app.use(ProgressBoard), app.use(TrackReader)
    for stage, percent in (("probing", 1), ("transcoding", 42)):
        await board.report(revision_id, Progress(stage, percent))
        view = await reader.get(ada, track_id)
        assert view is not None
        assert (view.stage, view.progress) == (stage, percent)


async def claims_of(app: App) -> AccessClaims:
    session = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    return app.use(Tokens).read_access(session.access_token, at=app.clock.now())


@pytest.fixture
def reader(app: App) -> IdentityReader:
    return app.use(IdentityReader)


async def test_a_session_says_who_it_is_until_it_ends(app: App, reader: IdentityReader) -> None:
    ada = await join(app, "ada")
    claims = await claims_of(app)
    assert await reader.actor(claims, now=app.clock.now()) == ada
    await promote(app, ada, Role.ADMIN)
    assert await reader.actor(claims, now=app.clock.now()) == Actor(ada.id, Role.ADMIN)
    end = app.clock.now() + FAMILY_LIFETIME
    assert await reader.actor(claims, now=end - timedelta(microseconds=1)) is not None
    assert await reader.actor(claims, now=end) is None
    await app.use(LogOut)(family_id=claims.family_id)
    assert await reader.actor(claims, now=app.clock.now()) is None


async def test_a_session_is_only_that_of_its_own_account(app: App, reader: IdentityReader) -> None:
    await join(app, "ada")
    bob = await join(app, "bob")
    claims, now = await claims_of(app), app.clock.now()
    assert await reader.actor(replace(claims, account_id=bob.id), now=now) is None
    assert await reader.actor(replace(claims, account_id=AccountId(uuid4())), now=now) is None
    assert await reader.actor(replace(claims, family_id=FamilyId(uuid4())), now=now) is None


async def test_a_suspended_account_is_told_so_and_a_deleted_one_is_nobody(app: App, reader: IdentityReader) -> None:
    ada = await join(app, "ada")
    claims = await claims_of(app)
    await stand(app, ada, AccountStanding.SUSPENDED)
    with pytest.raises(Forbidden) as refusal:
        await reader.actor(claims, now=app.clock.now())
    assert refusal.value.code == "account_suspended"
    await stand(app, ada, AccountStanding.DELETED)
    assert await reader.actor(claims, now=app.clock.now()) is None
