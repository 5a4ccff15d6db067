"""People, uploads and tracks for tests, made through the front door, in any world that has the shape of `App`."""

import contextlib
import hashlib
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, TypeVar
from uuid import uuid4

from soundgraph.adapters.memory.clock import EPOCH, ManualClock
from soundgraph.adapters.memory.federation import PlainProviders
from soundgraph.adapters.memory.identity import Outbox
from soundgraph.application.audit import Audit
from soundgraph.application.deliveries import DeadLetter, DeadLetters, Deliveries, Dispatcher, Hint
from soundgraph.application.discovery import Fans, ReadFeed
from soundgraph.application.engagement import Likes
from soundgraph.application.idempotency import IdempotencyKeys
from soundgraph.application.identity import (
    Accounts,
    Client,
    Deletions,
    EmailChanges,
    ExternalIdentities,
    Families,
    Mail,
    PasswordResets,
    Register,
    Registrations,
    SignIns,
    VerifyEmail,
)
from soundgraph.application.people import Blocks, Follows, Profiles
from soundgraph.application.plans import ChangePlan, Subscribers
from soundgraph.application.playback import Plays, SecretLinks
from soundgraph.application.playlists import Playlists
from soundgraph.application.ports import Debt, ObjectStore, UnitOfWork
from soundgraph.application.privacy import Exports
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.tracks import Allowances, BeginUpload, CreateTrack, ReplaceAudio, Tracks, Uploads
from soundgraph.application.views import Page, Position
from soundgraph.domain.identity import Account
from soundgraph.domain.ids import AccountId, EventId, RevisionId, TrackId, UploadId
from soundgraph.domain.people import Profile
from soundgraph.domain.plans import entitlements
from soundgraph.domain.tracks import Track, TrackDetails, Upload
from soundgraph.domain.visibility import AccountStanding, Actor, Audience, Role, Standing

T = TypeVar("T")
Item = TypeVar("Item")

PASSWORD = "correct horse battery"
CLIENT = Client("a browser", "192.0.2.1")


class Use(Protocol):
    """Builds use cases, and hands out the adapter of a port."""

    def __call__(self, wanted: type[T], /) -> T: ...


class Work(UnitOfWork, Protocol):
    """A unit of work with the collections of every module."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def families(self) -> Families: ...
    @property
    def password_resets(self) -> PasswordResets: ...
    @property
    def email_changes(self) -> EmailChanges: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def external_identities(self) -> ExternalIdentities: ...
    @property
    def sign_ins(self) -> SignIns: ...
    @property
    def deletions(self) -> Deletions: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def profiles(self) -> Profiles: ...
    @property
    def follows(self) -> Follows: ...
    @property
    def blocks(self) -> Blocks: ...
    @property
    def uploads(self) -> Uploads: ...
    @property
    def tracks(self) -> Tracks: ...
    @property
    def allowances(self) -> Allowances: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def playlists(self) -> Playlists: ...
    @property
    def likes(self) -> Likes: ...
    @property
    def plays(self) -> Plays: ...
    @property
    def secret_links(self) -> SecretLinks: ...
    @property
    def fans(self) -> Fans: ...
    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...


class App(Protocol):
    """A world that a story can be told in: everything in memory, or PostgreSQL with the rest in memory."""

    @property
    def use(self) -> Use: ...
    @property
    def clock(self) -> ManualClock: ...
    @property
    def store(self) -> ObjectStore: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def providers(self) -> PlainProviders: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def dispatcher(self) -> Dispatcher: ...

    def work(self) -> Work: ...
    async def settle(self) -> int: ...


def tiny_wav(seconds: float = 0.5, *, rate: int = 8_000, channels: int = 1, width: int = 2) -> bytes:
    """A WAV file of a rising saw: `rate` frames a second of `width` bytes a sample."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        frames = int(seconds * rate) * channels
        writer.writeframes(b"".join((index % 251).to_bytes(width, "little") for index in range(frames)))
    return file.getvalue()


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Some bytes as a stream of one chunk."""
    yield data


async def stored(app: App, key: str) -> bytes:
    """The bytes of an object."""
    return b"".join([chunk async for chunk in app.store.read(key)])


def token_in(mail: Mail) -> str:
    """The token of the one link that a mail asks to open."""
    (line,) = (line for line in mail.text.splitlines() if "token=" in line)
    return line.partition("token=")[2]


async def register(app: App, handle: str, *, email: str | None = None, password: str = PASSWORD) -> str:
    """Ask for an account; the token from the mail."""
    await app.use(Register)(email=email or f"{handle}@example.org", handle=handle, password=password)
    await app.settle()
    return token_in(app.outbox.sent[-1])


async def join(app: App, handle: str) -> Actor:
    """A person with a verified account."""
    session = await app.use(VerifyEmail)(token=await register(app, handle), client=CLIENT)
    return Actor(session.account_id)


async def promote(app: App, actor: Actor, role: Role) -> Actor:
    """The same person in another role."""
    async with app.work() as work:
        account = await work.accounts.get(actor.id)
        assert account is not None
        account.role = role
        await work.accounts.save(account)
        await work.commit()
    return replace(actor, role=role)


async def stand(app: App, actor: Actor, standing: AccountStanding) -> None:
    """Suspend an account, or restore it."""
    async with app.work() as work:
        account = await work.accounts.get(actor.id)
        assert account is not None
        account.standing = standing
        await work.accounts.save(account)
        await work.commit()


async def moderate(app: App, track_id: TrackId, standing: Standing) -> None:
    """Hide a track, or show it again."""
    async with app.work() as work:
        track = await work.tracks.get(track_id)
        assert track is not None
        track.standing = standing
        await work.tracks.save(track)
        await work.commit()


async def upload(
    app: App,
    actor: Actor,
    title: str = "A track",
    audio: bytes | None = None,
    *,
    audience: Audience = Audience.PUBLIC,
) -> TrackId:
    """A track whose processing is still owed."""
    data = tiny_wav() if audio is None else audio
    begun = await app.use(BeginUpload)(actor=actor, filename="take.wav")
    kept = await app.store.put(begun.key, once(data))
    return await app.use(CreateTrack)(
        actor=actor,
        upload_id=begun.id,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        details=TrackDetails(title=title, audience=audience),
    )


async def put_on_plan(app: App, actor: Actor, plan: str, login: str = "ada") -> Actor:
    """The same person on another plan."""
    await app.use(ChangePlan)(login=login, plan=plan)
    return replace(actor, entitlements=entitlements(plan))


async def replace_audio(app: App, actor: Actor, track_id: TrackId, audio: bytes) -> bool:
    """Give a track other audio, whose processing is still owed."""
    begun = await app.use(BeginUpload)(actor=actor, filename="take.wav")
    kept = await app.store.put(begun.key, once(audio))
    return await app.use(ReplaceAudio)(
        actor=actor, track_id=track_id, upload_id=begun.id, size_bytes=kept.size_bytes, sha256=kept.sha256
    )


async def begun_upload(app: App, actor: Actor) -> Upload:
    """An upload whose bytes are still to come."""
    return await app.use(BeginUpload)(actor=actor, filename="take.wav")


async def publish(app: App, actor: Actor, title: str = "A track", *, audience: Audience = Audience.PUBLIC) -> TrackId:
    """A track that plays and is in the feeds, a second after whatever came before."""
    app.clock.advance(timedelta(seconds=1))
    track_id = await upload(app, actor, title, audience=audience)
    await app.settle()
    return track_id


async def stored_track(app: App, track_id: TrackId) -> Track:
    """The track as it is stored."""
    async with app.work() as work:
        track = await work.tracks.get(track_id)
    assert track is not None
    return track


async def walk(read: Callable[[Position | None], Awaitable[Page[Item]]]) -> list[Item]:
    """Every item of every page."""
    page = await read(None)
    items = [*page.items]
    while page.next is not None:
        page = await read(page.next)
        items += page.items
    return items


async def feed(app: App, actor: Actor, *, limit: int = 50) -> list[str]:
    """The titles in someone's feed, walked page by page."""
    read = app.use(ReadFeed)
    return [one.item.title for one in await walk(lambda after: read(actor=actor, after=after, limit=limit))]


async def owed(app: App) -> list[Hint]:
    """What is due by the world's clock."""
    return await app.deliveries.due(SUBSCRIPTIONS.names(), now=app.clock.now(), limit=1_000)


async def dead_letters(app: App) -> list[DeadLetter]:
    """What nobody could pay."""
    return await app.use(DeadLetters).list(limit=100)


def an_account(handle: str) -> Account:
    """An account as verification would make it."""
    return Account(
        id=AccountId(uuid4()), email=f"{handle}@example.org", handle=handle, password_hash="hash", created_at=EPOCH
    )


def a_profile(account: Account) -> Profile:
    """The profile of a new account."""
    return Profile(id=account.id, handle=account.handle, display_name=account.handle.title())


def an_upload(owner_id: AccountId, *, complete: bool = True) -> Upload:
    """An upload that began at the epoch of the manual clock."""
    begun = Upload.begin(UploadId(uuid4()), owner_id, filename="take.wav", at=EPOCH)
    if complete:
        begun.complete(size_bytes=4, sha256=hashlib.sha256(b"take").hexdigest())
    return begun


def a_track(owner_id: AccountId, permalink: str = "a-track", *, upload: Upload | None = None) -> Track:
    """A track whose first revision was received."""
    track, _ = Track.create(
        TrackId(uuid4()),
        RevisionId(uuid4()),
        upload or an_upload(owner_id),
        details=TrackDetails(title="A track", tags=("one", "two")),
        permalink=permalink,
        at=EPOCH,
    )
    return track


def a_debt(subscriber: str = "tests") -> Debt:
    """A debt that nobody is owed, for subscribers that never look at theirs."""
    return Debt(EventId(uuid4()), subscriber, attempts=1, budget=1)


async def inhabit(app: App, *handles: str) -> list[AccountId]:
    """Accounts with profiles, straight into the collections."""
    accounts = [an_account(handle) for handle in handles]
    async with app.work() as work:
        for account in accounts:
            await work.accounts.add(account)
            await work.profiles.add(a_profile(account))
        await work.commit()
    return [account.id for account in accounts]


class Interrupted(Exception):
    """Thrown on purpose."""


async def roll_back(app: App, change: Callable[[Work], Awaitable[object]]) -> None:
    """Make a change in a unit of work that is left without a commit, and again in one that an exception ends."""
    async with app.work() as work:
        await change(work)
    with contextlib.suppress(Interrupted):
        async with app.work() as work:
            await change(work)
            raise Interrupted
