"""What was there when something began, and is gone or another by the time it goes on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import (
    CLIENT,
    PASSWORD,
    a_debt,
    join,
    once,
    owed,
    stand,
    stored_track,
    upload,
)

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.identity import QuickPasswords
from soundgraph.adapters.memory.privacy import MemoryPersonalRows
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.identity import (
    ChangePassword,
    ChangeStanding,
    CompleteSignIn,
    DeleteAccount,
    LogIn,
    Passwords,
    RequestEmailChange,
    RestoreAccount,
    SendEmailChange,
    SendReset,
    TellOfEmailChange,
    TellOfNewDevice,
    TellOfPassword,
    TellOfProvider,
    Tokens,
    UnlinkIdentity,
    digest,
)
from soundgraph.application.ports import Debt, ObjectListing, ObjectStore, Stored
from soundgraph.application.privacy import (
    BuildExport,
    Copy,
    Fact,
    GiveUpOnExport,
    MailExport,
    PersonalRows,
    ReadExport,
    RequestExport,
)
from soundgraph.application.privacy.exports import Progress
from soundgraph.application.tracks.pieces import arrived
from soundgraph.domain.errors import Conflict, NotFound, Unauthenticated, Unavailable
from soundgraph.domain.events import DeliveryExhausted, Event
from soundgraph.domain.federation import Arrival
from soundgraph.domain.identity import (
    EmailChanged,
    EmailChangeRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    ProviderLinked,
)
from soundgraph.domain.ids import (
    AccountId,
    ArtworkId,
    EmailChangeId,
    EventId,
    ExportId,
    FamilyId,
    ResetId,
    RevisionId,
    TrackId,
    UploadId,
)
from soundgraph.domain.privacy import ExportReady, ExportRequested, ExportState
from soundgraph.domain.tracks import RevisionReceived, TrackScheduled, Upload, UploadKind, artwork_key
from soundgraph.domain.visibility import AccountStanding, Actor, Role

NOBODY = AccountId(uuid4())
OTHER = "another horse battery"

LETTERS_TO_NOBODY = [
    (SendReset, PasswordResetRequested(reset_id=ResetId(uuid4()))),
    (SendEmailChange, EmailChangeRequested(change_id=EmailChangeId(uuid4()))),
    (TellOfEmailChange, EmailChanged(account_id=NOBODY, change_id=EmailChangeId(uuid4()))),
    (TellOfPassword, PasswordChanged(account_id=NOBODY)),
    (TellOfProvider, ProviderLinked(account_id=NOBODY, provider="google")),
    (TellOfNewDevice, NewDeviceSeen(account_id=NOBODY, family_id=FamilyId(uuid4()))),
    (MailExport, ExportReady(export_id=ExportId(uuid4()), account_id=NOBODY)),
]


@pytest.mark.parametrize(("subscriber", "event"), LETTERS_TO_NOBODY, ids=lambda one: getattr(one, "__name__", "about"))
async def test_nobody_is_told_of_an_account_that_is_gone(
    app: World, subscriber: type[Callable[[object, Debt], Awaitable[None]]], event: object
) -> None:
    await app.use(subscriber)(event, a_debt())
    assert app.outbox.sent == []


class Interrupted(QuickPasswords):
    """Something happens each time a password is checked, while it is."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def verify(self, encoded: str | None, password: str) -> bool:
        right = await super().verify(encoded and encoded.partition("#")[0], password)
        if self.meanwhile is not None:
            await self.meanwhile()
        return right


@pytest.fixture
def passwords() -> Interrupted:
    return Interrupted()


@pytest.fixture
def slow(passwords: Interrupted) -> World:
    return memory_app({Passwords: passwords})


def changing(app: World, actor: Actor, *, same: bool = False) -> Callable[[], Awaitable[object]]:
    """Another password, each time another one, or the `same` under another hash."""

    async def change() -> None:
        async with app.work() as work:
            account = await work.accounts.get(actor.id)
            assert account is not None
            kept = str(account.password_hash).partition("#")[0]
            account.password_hash = f"{kept}#{uuid4()}" if same else f"quick${uuid4()}"
            await work.accounts.save(account)
            await work.commit()

    return change


async def family_of(app: World) -> FamilyId:
    session = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    return app.use(Tokens).read_refresh(session.refresh_token)[0]


async def test_nobody_gets_in_with_a_password_that_changes_while_it_is_checked(
    slow: World, passwords: Interrupted
) -> None:
    ada = await join(slow, "ada")
    passwords.meanwhile = changing(slow, ada)
    with pytest.raises(Unauthenticated):
        await slow.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)


async def test_a_hash_that_is_made_anew_each_time_lets_nobody_in(slow: World, passwords: Interrupted) -> None:
    ada = await join(slow, "ada")
    passwords.meanwhile = changing(slow, ada, same=True)
    with pytest.raises(Unauthenticated):
        await slow.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)


async def test_nobody_changes_a_password_that_changes_while_it_is_checked(slow: World, passwords: Interrupted) -> None:
    ada = await join(slow, "ada")
    family_id = await family_of(slow)
    passwords.meanwhile = changing(slow, ada)
    with pytest.raises(Unauthenticated):
        await slow.use(ChangePassword)(actor=ada, family_id=family_id, current_password=PASSWORD, new_password=OTHER)


async def test_nobody_moves_with_a_password_that_changes_while_it_is_checked(
    slow: World, passwords: Interrupted
) -> None:
    ada = await join(slow, "ada")
    passwords.meanwhile = changing(slow, ada)
    with pytest.raises(Unauthenticated):
        await slow.use(RequestEmailChange)(actor=ada, email="ada@elsewhere.example", password=PASSWORD)
    async with slow.work() as work:
        assert await work.email_changes.get(EmailChangeId(uuid4())) is None
    assert slow.database.tables.email_changes == {}


async def test_nobody_comes_back_with_a_password_that_changes_while_it_is_checked(
    slow: World, passwords: Interrupted
) -> None:
    ada = await join(slow, "ada")
    await slow.use(DeleteAccount)(actor=ada, password=PASSWORD, family_id=await family_of(slow))
    passwords.meanwhile = changing(slow, ada)
    with pytest.raises(Unauthenticated):
        await slow.use(RestoreAccount)(login="ada", password=PASSWORD, client=CLIENT)


async def test_deleting_while_another_does_is_deleting_once(slow: World, passwords: Interrupted) -> None:
    ada = await join(slow, "ada")
    family_id = await family_of(slow)
    passwords.meanwhile = lambda: stand(slow, ada, AccountStanding.DELETED)
    await slow.use(DeleteAccount)(actor=ada, password=PASSWORD, family_id=family_id)
    async with slow.work() as work:
        assert await work.deletions.get(ada.id) is None, "the other one has noted it, or will"


async def test_an_account_without_a_note_of_its_deletion_comes_back_all_the_same(app: World) -> None:
    ada = await join(app, "ada")
    await stand(app, ada, AccountStanding.DELETED)
    session = await app.use(RestoreAccount)(login="ada", password=PASSWORD, client=CLIENT)
    assert session.account_id == ada.id


async def test_an_account_that_is_gone_is_not_found(app: World) -> None:
    nobody, admin = Actor(NOBODY), Actor(AccountId(uuid4()), Role.ADMIN)
    with pytest.raises(NotFound):
        await app.use(DeleteAccount)(actor=nobody, password=PASSWORD, family_id=FamilyId(uuid4()))
    with pytest.raises(NotFound):
        await app.use(UnlinkIdentity)(actor=nobody, provider="google")
    with pytest.raises(NotFound):
        await app.use(ChangeStanding)(actor=admin, account_id=NOBODY, standing=AccountStanding.SUSPENDED)


async def test_a_handle_that_was_taken_while_one_chose_it_can_be_chosen_anew(app: World) -> None:
    await join(app, "ada")
    await welcome(app, "ann@elsewhere.example")

    async def choose(handle: str) -> object:
        return await app.use(CompleteSignIn)(
            token="token", browser="browser", handle=handle, display_name=None, client=CLIENT
        )

    with pytest.raises(Conflict) as caught:
        await choose("ada")
    assert caught.value.code == "handle_taken"
    assert await choose("annika")


async def test_an_address_that_got_an_account_while_one_chose_a_handle_is_not_taken(app: World) -> None:
    await welcome(app, "ada@example.org")
    await join(app, "ada")
    with pytest.raises(Conflict) as caught:
        await app.use(CompleteSignIn)(
            token="token", browser="browser", handle="annika", display_name=None, client=CLIENT
        )
    assert caught.value.code == "link_required"


async def welcome(app: World, email: str) -> None:
    """Somebody whom a provider vouches for has yet to choose a handle."""
    arrival = Arrival(
        id=digest("token"),
        browser=digest("browser"),
        provider="google",
        issuer="https://accounts.example",
        subject="1",
        email=email,
        name="Ann",
        next="/",
        expires_at=app.clock.now() + timedelta(minutes=5),
    )
    async with app.work() as work:
        await work.sign_ins.welcome(arrival)
        await work.commit()


class WatchedStore(MemoryStore):
    """Something happens while an archive is stored."""

    meanwhile: Callable[[], Awaitable[object]] | None = None
    failures = 0

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        stored = await super().put(key, chunks)
        if key.startswith("exports/"):
            if self.failures:
                self.failures -= 1
                raise Unavailable("storage_away", "The line is cut.")
            if self.meanwhile is not None:
                await self.meanwhile()
        return stored


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def watched(store: WatchedStore) -> World:
    return memory_app({ObjectStore: store, ObjectListing: store})


async def archives(store: MemoryStore) -> list[str]:
    return [one.key async for one in store.under("exports/")]


async def test_an_archive_of_who_deletes_the_account_is_not_made(watched: World, store: WatchedStore) -> None:
    ada = await join(watched, "ada")
    await watched.use(RequestExport)(actor=ada)
    await stand(watched, ada, AccountStanding.DELETED)
    await watched.settle()
    assert await archives(store) == []
    with pytest.raises(NotFound):
        await watched.use(ReadExport)(actor=ada)


async def test_an_archive_that_nobody_waits_for_any_more_goes(watched: World, store: WatchedStore) -> None:
    ada = await join(watched, "ada")
    await watched.use(RequestExport)(actor=ada)

    async def forget() -> None:
        watched.database.tables.exports.clear()

    store.meanwhile = forget
    await watched.settle()
    assert await archives(store) == []


async def test_the_second_attempt_at_an_archive_removes_what_the_first_has_left(
    watched: World, store: WatchedStore
) -> None:
    ada = await join(watched, "ada")
    await watched.use(RequestExport)(actor=ada)
    store.failures = 1
    await watched.settle()
    assert len(await archives(store)) == 1
    watched.clock.advance(timedelta(hours=1))
    await watched.settle()
    (key,) = await archives(store)
    assert key.endswith("/2.zip")
    assert (await watched.use(ReadExport)(actor=ada)).state == "ready"


async def test_an_archive_that_is_ready_or_gone_is_neither_made_nor_given_up(app: World) -> None:
    ada = await join(app, "ada")
    await app.use(RequestExport)(actor=ada)
    await app.settle()
    (export,) = app.database.tables.exports.values()
    await app.use(BuildExport)(ExportRequested(export_id=export.id, account_id=ada.id), a_debt())
    exhausted = DeliveryExhausted(
        event_id=EventId(uuid4()),
        event_name=ExportRequested.name,
        event_key=str(ada.id),
        subscriber="privacy.build_export",
        error="",
    )
    await app.use(GiveUpOnExport)(exhausted, a_debt())
    assert (await app.use(ReadExport)(actor=ada)).state == "ready"
    progress = Progress(app.work, ExportId(uuid4()), app.clock, modules=1)
    app.clock.advance(timedelta(seconds=2))
    await progress.seen(Copy("audio/x.wav", "x", 50))
    assert app.database.tables.exports[export.id].state is ExportState.READY


async def test_only_pieces_count_as_what_has_arrived(app: World) -> None:
    ada = await join(app, "ada")
    begun = Upload.begin(UploadId(uuid4()), ada.id, filename="", at=app.clock.now(), kind=UploadKind.DIRECT)
    await app.store.put(begun.key, once(b"whole"))
    assert await arrived(app.use(ObjectListing), begun) == []


class StaleRows(PersonalRows):
    """Names a track and an upload that are gone by the time somebody looks."""

    inner: PersonalRows

    def read(self, module: str, account_id: AccountId) -> AsyncIterator[Fact]:
        return self.inner.read(module, account_id)

    async def remove(self, module: str, account_id: AccountId) -> dict[str, int]:
        return await self.inner.remove(module, account_id)

    async def tracks(self, account_id: AccountId, *, after: TrackId | None, limit: int) -> list[TrackId]:
        found = await self.inner.tracks(account_id, after=after, limit=limit)
        return found if after else [TrackId(uuid4()), *found]

    async def uploads(self, account_id: AccountId, *, after: UploadId | None, limit: int) -> list[UploadId]:
        found = await self.inner.uploads(account_id, after=after, limit=limit)
        return found if after else [UploadId(uuid4()), *found]


async def test_what_goes_while_a_person_is_exported_and_purged_is_passed_over() -> None:
    rows = StaleRows()
    app = memory_app({PersonalRows: rows})
    rows.inner = MemoryPersonalRows(app.database)
    ada = await join(app, "ada")
    track_id, cover = await upload(app, ada), ArtworkId(uuid4())
    await app.settle()
    async with app.work() as work:
        track = await work.tracks.get(track_id)
        assert track is not None
        track.artwork_id = cover
        await work.tracks.save(track)
        await work.commit()
    await app.store.put(artwork_key(cover, 1_000), once(b"cover"))
    await app.store.remove(track.original_key(track.revisions[0]))
    await app.use(RequestExport)(actor=ada)
    await app.settle()
    assert (await app.use(ReadExport)(actor=ada)).state == "ready"
    await app.use(DeleteAccount)(actor=ada, password=PASSWORD, family_id=await family_of(app))
    app.clock.advance(timedelta(days=31))
    await app.settle()
    assert app.database.tables.tracks == {}
    assert await app.store.size(artwork_key(cover, 1_000)) is None


async def recorded(app: World, event: Event) -> None:
    """It happened, and whatever is owed for it was paid."""
    async with app.work() as work:
        work.record(event)
        await work.commit()
    await app.settle()
    assert await owed(app) == []


async def test_a_track_that_is_gone_is_not_published(app: World) -> None:
    await recorded(app, TrackScheduled(track_id=TrackId(uuid4()), publish_at=app.clock.now()))


async def test_audio_that_made_way_for_other_is_not_given_up_on(app: World) -> None:
    ada = await join(app, "ada")
    track_id = await upload(app, ada)
    await app.settle()
    await recorded(app, RevisionReceived(track_id=track_id, revision_id=RevisionId(uuid4())))
    event_id = next(
        one for one, row in reversed(app.database.tables.events.items()) if row.name == RevisionReceived.name
    )
    await recorded(
        app,
        DeliveryExhausted(
            event_id=event_id,
            event_name=RevisionReceived.name,
            event_key=str(track_id),
            subscriber="tracks.process",
            error="",
        ),
    )
    (revision,) = (await stored_track(app, track_id)).revisions
    assert revision.failure is None
