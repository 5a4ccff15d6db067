"""Deleting an account and taking one's data along, in memory and on PostgreSQL."""

import hashlib
import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.builders import (
    CLIENT,
    PASSWORD,
    App,
    feed,
    join,
    publish,
    register,
    stand,
    stored,
    tiny_wav,
    token_in,
    upload,
)

from soundgraph.application.discovery import feed_of
from soundgraph.application.engagement import LikeTrack
from soundgraph.application.identity import (
    ChangeStanding,
    ConfirmEmailChange,
    DeleteAccount,
    ForgetPassword,
    LogIn,
    RequestEmailChange,
    ResetPassword,
    RestoreAccount,
    Tokens,
)
from soundgraph.application.people import Block, Follow
from soundgraph.application.playback import ReportPlay
from soundgraph.application.playlists import CreatePlaylist
from soundgraph.application.ports import ObjectListing, Timelines
from soundgraph.application.privacy import ExpireExports, PersonalRows, ReadExport, RequestExport, answers
from soundgraph.application.upkeep import CheckCounters
from soundgraph.domain.audit import OPERATOR
from soundgraph.domain.errors import Conflict, DomainError, Forbidden, Gone, NotFound, Unauthenticated
from soundgraph.domain.federation import ExternalIdentity
from soundgraph.domain.identity import EMAIL_CHANGE_LIFETIME
from soundgraph.domain.ids import AccountId, ExportId, FamilyId, TrackId, account_ref, track_ref
from soundgraph.domain.playlists import PlaylistDetails
from soundgraph.domain.privacy import Deletion, Export, ExportState
from soundgraph.domain.visibility import ANYONE, AccountStanding, Actor

GRACE = timedelta(days=30)
OTHER = "another horse battery"


async def session_of(app: App, login: str = "annika") -> FamilyId:
    """A fresh session."""
    session = await app.use(LogIn)(login=login, password=PASSWORD, client=CLIENT)
    return app.use(Tokens).read_access(session.access_token, at=app.clock.now()).family_id


async def delete(app: App, actor: Actor, password: str | None = PASSWORD) -> None:
    await app.use(DeleteAccount)(actor=actor, password=password, family_id=await session_of(app))


async def deletion_of(app: App, account_id: AccountId) -> Deletion | None:
    async with app.work() as work:
        return await work.deletions.get(account_id)


async def lived(app: App) -> tuple[Actor, Actor, TrackId, TrackId]:
    """Ann and Bob, each with a track, who did everything with each other that there is to do."""
    ann, bob = await join(app, "annika"), await join(app, "robert")
    await app.use(Follow)(actor=ann, account_id=bob.id)
    await app.use(Follow)(actor=bob, account_id=ann.id)
    await app.settle()
    hers, his = await publish(app, ann, "Hers"), await publish(app, bob, "His")
    await app.use(LikeTrack)(actor=ann, track_id=his)
    await app.use(LikeTrack)(actor=bob, track_id=hers)
    for actor, playlist_of in ((ann, (hers, his)), (bob, (hers, his))):
        await app.use(CreatePlaylist)(actor=actor, details=PlaylistDetails(title="Both"), track_ids=playlist_of)
    await app.use(ReportPlay)(viewer=ann, visitor="", track_id=his, position_ms=500, context="at home")
    await app.use(ReportPlay)(viewer=bob, visitor="", track_id=hers, position_ms=500)
    await app.settle()
    return ann, bob, hers, his


async def counters_hold(app: App) -> bool:
    return await app.use(CheckCounters)(repair=False) == []


async def test_a_deleted_account_is_hidden_at_once(app: App) -> None:
    ann, bob, hers, _ = await lived(app)
    await delete(app, ann)
    async with app.work() as work:
        assert await work.gate.admit(ANYONE, [account_ref(ann.id), track_ref(hers)]) == []
        assert await work.gate.admit(bob, [account_ref(ann.id), track_ref(hers)]) == []
    assert await feed(app, bob) == []
    with pytest.raises(Forbidden) as caught:
        await app.use(LogIn)(login="annika", password=PASSWORD, client=CLIENT)
    assert caught.value.code == "account_deleted"
    assert await counters_hold(app)


async def test_deleting_ends_every_session(app: App) -> None:
    ann = await join(app, "annika")
    families = [await session_of(app) for _ in range(3)]
    await delete(app, ann)
    async with app.work() as work:
        for family_id in families:
            family = await work.families.get(family_id)
            assert family is not None
            assert family.ended_at == app.clock.now()


async def test_deleting_needs_the_password(app: App) -> None:
    ann = await join(app, "annika")
    for wrong in ("something else", "", None):
        with pytest.raises(Unauthenticated):
            await delete(app, ann, wrong)
    assert await deletion_of(app, ann.id) is None


async def test_without_a_password_a_recent_sign_in_will_do(app: App) -> None:
    ann = await join(app, "annika")
    family_id = await session_of(app)
    async with app.work() as work:
        account = await work.accounts.get(ann.id)
        assert account is not None
        account.password_hash = None
        await work.accounts.save(account)
        await work.commit()
    app.clock.advance(timedelta(minutes=11))
    with pytest.raises(Forbidden) as caught:
        await app.use(DeleteAccount)(actor=ann, password=None, family_id=family_id)
    assert caught.value.code == "recent_sign_in_required"
    app.clock.advance(-timedelta(minutes=1))
    await app.use(DeleteAccount)(actor=ann, password=None, family_id=family_id)
    assert await deletion_of(app, ann.id) is not None


async def test_a_deletion_can_be_undone_for_thirty_days(app: App) -> None:
    ann, bob, hers, _ = await lived(app)
    await delete(app, ann)
    app.clock.advance(GRACE - timedelta(seconds=1))
    await app.settle()
    session = await app.use(RestoreAccount)(login="annika@example.org", password=PASSWORD, client=CLIENT)
    assert session.account_id == ann.id
    assert await deletion_of(app, ann.id) is None
    async with app.work() as work:
        assert await work.gate.admit(bob, [track_ref(hers)]) == [track_ref(hers)]
    # The purge that was owed finds nothing to do.
    app.clock.advance(timedelta(days=1))
    await app.settle()
    assert await stored(app, await an_original(app, hers))
    with pytest.raises(Conflict) as caught:
        await app.use(RestoreAccount)(login="annika", password=PASSWORD, client=CLIENT)
    assert caught.value.code == "not_deleted"
    with pytest.raises(Unauthenticated):
        await app.use(RestoreAccount)(login="annika", password="something else", client=CLIENT)


async def test_deleting_again_starts_the_grace_again(app: App) -> None:
    ann = await join(app, "annika")
    await delete(app, ann)
    app.clock.advance(timedelta(days=20))
    await app.use(RestoreAccount)(login="annika", password=PASSWORD, client=CLIENT)
    await delete(app, ann)
    app.clock.advance(timedelta(days=20))
    await app.settle()
    await app.use(RestoreAccount)(login="annika", password=PASSWORD, client=CLIENT)


async def an_original(app: App, track_id: TrackId) -> str:
    async with app.work() as work:
        track = await work.tracks.get(track_id)
    assert track is not None
    return track.original_key(track.revisions[0])


async def everything_is_gone(app: App, ann: Actor, bob: Actor, hers: TrackId) -> None:
    async with app.work() as work:
        assert await work.accounts.get(ann.id) is None
        assert await work.profiles.get(ann.id) is None
        assert await work.tracks.get(hers) is None
    listing = app.use(ObjectListing)
    for prefix in ("originals", "renditions"):
        assert [one async for one in listing.under(f"{prefix}/{hers}/")] == []
    assert [one async for one in listing.under("exports/")] == []
    assert await app.use(Timelines).page(feed_of(ann.id), before=None, limit=10) == []
    assert await feed(app, bob) == []
    assert await counters_hold(app)


async def test_after_thirty_days_nothing_is_left_but_the_report(app: App) -> None:
    ann, bob, hers, his = await lived(app)
    await upload(app, ann, "Not processed yet")
    await app.use(RequestExport)(actor=ann)
    await app.settle()
    await delete(app, ann)
    app.clock.advance(GRACE)
    await app.settle()
    await everything_is_gone(app, ann, bob, hers)
    report = await deletion_of(app, ann.id)
    assert report is not None
    assert report.finished_at == app.clock.now()
    expected = {
        "discovery.feed": 1,
        "engagement.likes": 2,
        "identity.accounts": 1,
        "people.follows": 2,
        "people.profiles": 1,
        "playback.history": 2,
        "playback.plays": 2,
        "plans.allowances": 1,
        "playlists.playlists": 1,
        "privacy.exports": 1,
        "tracks.tracks": 2,
        "tracks.revisions": 2,
        "tracks.uploads": 2,
    }
    assert {name: report.removed.get(name) for name in expected} == expected
    # Bob's things stand, and what he heard of her is in nobody's name.
    async with app.work() as work:
        assert await work.tracks.get(his) is not None


async def test_the_address_is_free_again_and_the_handle_never(app: App) -> None:
    ann = await join(app, "annika")
    await delete(app, ann)
    with pytest.raises(DomainError):
        await register(app, "annika", email="other@example.org")
    app.clock.advance(GRACE)
    await app.settle()
    with pytest.raises(Conflict) as caught:
        await register(app, "annika", email="other@example.org")
    assert caught.value.code == "handle_taken"
    assert await register(app, "another", email="annika@example.org")
    with pytest.raises(Unauthenticated):
        await app.use(RestoreAccount)(login="annika", password=PASSWORD, client=CLIENT)


async def test_a_purge_that_was_killed_half_way_is_gone_on_with(app: App) -> None:
    ann, bob, hers, _ = await lived(app)
    await delete(app, ann)
    app.clock.advance(GRACE)
    work: Any = app.work
    modules = answers(app.use(PersonalRows), work, app.store, app.use(Timelines))
    for killed_after in range(len(modules)):
        # As much as a worker does that dies before it notes anything: the first modules, and no report.
        for module in modules[: killed_after + 1]:
            await module.purge(ann.id)
    await app.settle()
    await everything_is_gone(app, ann, bob, hers)


async def test_suspending_what_is_deleted_neither_puts_its_purge_off_nor_brings_it_back(app: App) -> None:
    ann, bob, hers, _ = await lived(app)
    await delete(app, ann)

    async def refused(standing: AccountStanding) -> None:
        with pytest.raises(Gone) as caught:
            await app.use(ChangeStanding)(actor=OPERATOR, account_id=ann.id, standing=standing)
        assert caught.value.code == "account_deleted"

    await refused(AccountStanding.SUSPENDED)
    await stand(app, ann, AccountStanding.SUSPENDED)
    await refused(AccountStanding.ACTIVE)
    app.clock.advance(GRACE - timedelta(seconds=1))
    await app.settle()
    async with app.work() as work:
        assert await work.accounts.get(ann.id) is not None
    app.clock.advance(timedelta(seconds=1))
    await app.settle()
    await everything_is_gone(app, ann, bob, hers)


async def begin_purging(app: App, actor: Actor) -> None:
    async with app.work() as work:
        deletion = await work.deletions.get(actor.id)
        assert deletion is not None
        assert deletion.start(at=app.clock.now() + GRACE)
        await work.deletions.put(deletion)
        await work.commit()


async def test_once_the_purge_began_there_is_no_way_back(app: App) -> None:
    ann = await join(app, "annika")
    await delete(app, ann)
    await begin_purging(app, ann)
    with pytest.raises(Gone) as caught:
        await app.use(RestoreAccount)(login="annika", password=PASSWORD, client=CLIENT)
    assert caught.value.code == "account_purged"


async def mailed(app: App, to: str) -> str:
    await app.settle()
    return token_in([one for one in app.outbox.sent if one.to == to][-1])


async def test_what_was_asked_for_before_a_deletion_is_void_after_it(app: App) -> None:
    ann, reset = await join(app, "annika"), app.use(ResetPassword)
    await app.use(RequestEmailChange)(actor=ann, email="new@example.org", password=PASSWORD)
    links = [await mailed(app, f"{name}@example.org") for name in ("annika", "new")]
    await app.use(ForgetPassword)(email="annika@example.org")
    forgotten = await mailed(app, "annika@example.org")
    await delete(app, ann)
    for verb in (*[app.use(ConfirmEmailChange)(token=one) for one in links], reset(token=forgotten, password=OTHER)):
        with pytest.raises(Gone) as caught:
            await verb
        assert caught.value.code == "token_spent"
    await app.use(RestoreAccount)(login="annika@example.org", password=PASSWORD, client=CLIENT)


async def test_a_deleted_account_does_not_move(app: App) -> None:
    ann = await join(app, "annika")
    await app.use(RequestEmailChange)(actor=ann, email="new@example.org", password=PASSWORD)
    links = [await mailed(app, f"{name}@example.org") for name in ("annika", "new")]
    # As where it is deleted while the change is asked for.
    await stand(app, ann, AccountStanding.DELETED)
    for link in links:
        with pytest.raises(Gone):
            await app.use(ConfirmEmailChange)(token=link)


async def test_who_forgot_the_password_of_a_deleted_account_comes_back_with_another(app: App) -> None:
    ann = await join(app, "annika")
    await delete(app, ann)
    app.clock.advance(GRACE - timedelta(minutes=1))
    await app.use(ForgetPassword)(email="annika@example.org")
    owner = await app.use(ResetPassword)(token=await mailed(app, "annika@example.org"), password=OTHER)
    assert (owner.account_id, owner.email, owner.handle) == (ann.id, "annika@example.org", "annika")
    with pytest.raises(Forbidden) as caught:
        await app.use(LogIn)(login="annika", password=OTHER, client=CLIENT)
    assert caught.value.code == "account_deleted"
    await app.use(RestoreAccount)(login="annika", password=OTHER, client=CLIENT)
    await app.use(LogIn)(login="annika", password=OTHER, client=CLIENT)


async def test_once_the_purge_began_a_forgotten_password_stays_forgotten(app: App) -> None:
    ann = await join(app, "annika")
    await delete(app, ann)
    await app.use(ForgetPassword)(email="annika@example.org")
    link = await mailed(app, "annika@example.org")
    await begin_purging(app, ann)
    with pytest.raises(Gone) as caught:
        await app.use(ResetPassword)(token=link, password=OTHER)
    assert caught.value.code == "token_spent"


async def archive_of(app: App, actor: Actor) -> zipfile.ZipFile:
    async with app.work() as work:
        export = await work.exports.of(actor.id)
    assert export is not None
    assert export.key is not None
    data = await stored(app, export.key)
    assert (len(data), hashlib.sha256(data).hexdigest()) == (export.size_bytes, export.sha256)
    return zipfile.ZipFile(io.BytesIO(data))


def rows(archive: zipfile.ZipFile, file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(archive.read(f"{file}.json"))
    return found


async def test_an_archive_holds_what_the_person_made_wrote_and_sent(app: App) -> None:
    ann, bob, hers, his = await lived(app)
    await app.use(Block)(actor=bob, account_id=ann.id)
    await app.use(RequestExport)(actor=ann)
    assert (await app.use(ReadExport)(actor=ann)).state == "preparing"
    await app.settle()
    view = await app.use(ReadExport)(actor=ann)
    assert (view.state, view.progress) == ("ready", 100)
    assert view.url
    archive = await archive_of(app, ann)
    assert archive.testzip() is None
    (account,) = rows(archive, "account")
    assert (account["handle"], account["email"]) == ("annika", "annika@example.org")
    assert [one["title"] for one in rows(archive, "tracks")] == ["Hers"]
    assert [one["track_id"] for one in rows(archive, "likes")] == [str(his)]
    assert [(one["track_id"], one["context"]) for one in rows(archive, "plays")] == [(str(his), "at home")]
    assert [one["title"] for one in rows(archive, "playlists")] == ["Both"]
    assert {one["track_id"] for one in rows(archive, "playlist_items")} == {str(hers), str(his)}
    assert archive.read("audio/hers-1.wav") == tiny_wav()
    # What others think of her is theirs, and no secret leaves.
    text = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".json"))
    assert b"blocks.json" not in text
    assert b"password" not in text
    assert PASSWORD.encode() not in text


async def test_an_archive_holds_changes_of_address_while_they_are_kept(app: App) -> None:
    ann, bob = await join(app, "annika"), await join(app, "robert")
    for actor in (ann, bob):
        await app.use(RequestEmailChange)(actor=actor, email=f"{actor.id}@new.example", password=PASSWORD)
    await app.use(RequestExport)(actor=ann)
    await app.settle()
    (change,) = rows(await archive_of(app, ann), "email_changes")
    until = change.pop("expires_at")
    assert datetime.fromisoformat(until) == app.clock.now() + EMAIL_CHANGE_LIFETIME
    assert change == {
        "old_email": "annika@example.org",
        "new_email": f"{ann.id}@new.example",
        "old_confirmed": False,
        "new_confirmed": False,
    }


async def test_the_manifest_names_every_file_with_its_checksum(app: App) -> None:
    ann, *_ = await lived(app)
    await app.use(RequestExport)(actor=ann)
    await app.settle()
    archive = await archive_of(app, ann)
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["handle"] == "annika"
    said = {one["path"]: (one["size_bytes"], one["sha256"]) for one in manifest["files"]}
    held = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    assert said == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in held.items()}


async def test_asking_while_one_is_made_is_asking_once_and_later_is_another(app: App) -> None:
    ann = await join(app, "annika")
    await app.use(RequestExport)(actor=ann)
    await app.use(RequestExport)(actor=ann)
    app.outbox.sent.clear()
    await app.settle()
    assert [(mail.to, mail.subject) for mail in app.outbox.sent] == [("annika@example.org", "Your data")]
    assert "/account/export" in app.outbox.sent[0].text
    assert "tracks.json" not in (await archive_of(app, ann)).namelist()
    await upload(app, ann, "Made meanwhile")
    await app.use(RequestExport)(actor=ann)
    assert (await app.use(ReadExport)(actor=ann)).state == "preparing"
    await app.settle()
    assert [one["title"] for one in rows(await archive_of(app, ann), "tracks")] == ["Made meanwhile"]
    listing = app.use(ObjectListing)
    assert len([one async for one in listing.under("exports/")]) == 1


async def test_an_archive_goes_after_a_week(app: App) -> None:
    ann = await join(app, "annika")
    await app.use(RequestExport)(actor=ann)
    await app.settle()
    app.clock.advance(timedelta(days=7))
    with pytest.raises(NotFound):
        await app.use(ReadExport)(actor=ann)
    await app.use(ExpireExports)(None, None)  # type: ignore[arg-type]  # a chore needs only the time
    assert [one async for one in app.use(ObjectListing).under("exports/")] == []
    async with app.work() as work:
        assert await work.exports.of(ann.id) is None


async def test_exports_keep_what_they_are_told(app: App) -> None:
    ann = await join(app, "annika")
    export, _ = Export.request(ExportId(uuid4()), ann.id, at=app.clock.now())
    other, _ = Export.request(ExportId(uuid4()), ann.id, at=app.clock.now())
    async with app.work() as work:
        await work.exports.put(export)
        export.progress, export.state = 7, ExportState.FAILED
        await work.exports.put(export)
        await work.commit()
    async with app.work() as work:
        assert await work.exports.get(export.id) == export
        assert await work.exports.of(ann.id) == export
        assert await work.exports.expired(now=export.expires_at, limit=9) == [export]
        assert await work.exports.expired(now=app.clock.now(), limit=9) == []
        with pytest.raises(Conflict) as caught:
            await work.exports.put(other)
    assert caught.value.code == "export_exists"


async def test_external_identities_keep_what_they_are_told(app: App) -> None:
    ann, bob = await join(app, "annika"), await join(app, "robert")

    def identity(subject: str, provider: str, actor: Actor) -> ExternalIdentity:
        return ExternalIdentity(
            issuer="https://one.example",
            subject=subject,
            provider=provider,
            account_id=actor.id,
            email="x@example.org",
            linked_at=app.clock.now(),
        )

    one, two = identity("1", "one", ann), identity("2", "two", ann)
    async with app.work() as work:
        await work.external_identities.add(two)
        await work.external_identities.add(one)
        await work.commit()
    async with app.work() as work:
        assert await work.external_identities.find("https://one.example", "1") == one
        assert await work.external_identities.find("https://two.example", "1") is None
        assert await work.external_identities.of(ann.id) == [one, two]
    for taken, code in ((identity("1", "three", bob), "identity_taken"), (identity("3", "one", ann), "already_linked")):
        async with app.work() as work:
            with pytest.raises(Conflict) as caught:
                await work.external_identities.add(taken)
        assert caught.value.code == code
    async with app.work() as work:
        await work.external_identities.remove(ann.id, "one")
        assert await work.external_identities.of(ann.id) == [two]


async def test_a_suspended_account_stays_suspended(app: App) -> None:
    ann = await join(app, "annika")
    await delete(app, ann)
    await stand(app, ann, AccountStanding.SUSPENDED)
    with pytest.raises(Conflict):
        await app.use(RestoreAccount)(login="annika", password=PASSWORD, client=CLIENT)
