"""Uploads, tracks as they are read and changed, and what is removed with them."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import (
    a_debt,
    join,
    moderate,
    once,
    promote,
    publish,
    stored_track,
    tiny_wav,
    upload,
    walk,
)

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.limits import Caps
from soundgraph.application.people import ReadProfile
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import (
    AbandonUpload,
    BeginDirect,
    BeginResumable,
    BeginUpload,
    CreateTrack,
    DeleteTrack,
    EditTrack,
    ExpireUploads,
    FindUpload,
    ListTracksOf,
    ReadTrack,
    RemoveTrackMedia,
    RetryTrack,
    TrackReader,
)
from soundgraph.application.views import TrackView
from soundgraph.domain.errors import Conflict, Invalid, LimitReached, NotFound, Stale, Unavailable
from soundgraph.domain.events import PeriodicDue
from soundgraph.domain.ids import AccountId, TrackId, UploadId
from soundgraph.domain.tracks import UPLOAD_LIFETIME, TrackDetails, TrackRemoved, Upload, UploadKind
from soundgraph.domain.visibility import ANYONE, Actor, Audience, Role, Standing, Viewer

DETAILS = TrackDetails(title="Take")


async def begin(app: World, actor: Actor) -> Upload:
    begun = await app.use(BeginUpload)(actor=actor, filename="take.wav")
    await app.store.put(begun.key, once(tiny_wav()))
    return begun


async def create(
    app: World,
    actor: Actor,
    begun: Upload,
    details: TrackDetails = DETAILS,
    *,
    size: int = 3,
    permalink: str | None = None,
) -> TrackId:
    return await app.use(CreateTrack)(
        actor=actor, upload_id=begun.id, size_bytes=size, sha256="abc", details=details, permalink=permalink
    )


async def view(app: World, track_id: TrackId, viewer: Viewer = ANYONE) -> TrackView:
    return await app.use(ReadTrack)(viewer=viewer, track_id=track_id)


async def test_an_upload_becomes_a_track_once(app: World) -> None:
    ada = await join(app, "ada")
    begun = await begin(app, ada)
    track_id = await create(app, ada, begun)
    seen = await view(app, track_id)
    assert (seen.title, seen.permalink, seen.state, seen.user.handle) == ("Take", "take", "processing", "ada")
    with pytest.raises(Conflict) as refusal:
        await create(app, ada, begun)
    assert refusal.value.code == "upload_completed"


async def test_only_ones_own_live_upload_becomes_a_track(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    begun = await begin(app, ada)
    with pytest.raises(NotFound):
        await create(app, bob, begun)
    with pytest.raises(NotFound):
        await create(app, ada, replace(begun, id=UploadId(uuid4())))
    app.clock.advance(UPLOAD_LIFETIME)
    with pytest.raises(NotFound):
        await create(app, ada, begun)


async def test_a_refused_track_names_every_broken_rule_and_leaves_the_upload_open(app: World) -> None:
    ada = await join(app, "ada")
    begun = await begin(app, ada)
    with pytest.raises(Invalid) as refusal:
        await create(app, ada, begun, TrackDetails(title="", license="mine"), size=0)
    assert [one.field for one in refusal.value.errors] == ["title", "license", "audio"]
    await create(app, ada, begun)


async def test_tracks_of_one_title_get_permalinks_of_their_own() -> None:
    app = memory_app({Caps: Caps(None)})
    ada, bob = await join(app, "ada"), await join(app, "bob")
    mine = [(await view(app, await upload(app, ada, "The Song"))).permalink for _ in range(3)]
    assert mine[0] == "the-song"
    assert len(set(mine)) == 3
    assert all(one.startswith("the-song-") for one in mine[1:])
    assert (await view(app, await upload(app, bob, "The Song"))).permalink == "the-song"


async def test_two_tracks_may_be_in_processing(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    early = await begin(app, ada)
    first, _ = await create(app, ada, await begin(app, ada)), await create(app, ada, await begin(app, ada))
    for refused in (begin(app, ada), create(app, ada, early)):
        with pytest.raises(LimitReached) as refusal:
            await refused
        assert (refusal.value.code, refusal.value.retry_after) == ("too_many_processing", 30)
    await begin(app, bob)
    await app.use(DeleteTrack)(actor=ada, track_id=first)
    await create(app, ada, early)


async def test_so_many_uploads_may_wait_for_their_bytes() -> None:
    app = memory_app({Caps: Caps(None, 3)})
    ada, bob = await join(app, "ada"), await join(app, "bob")

    async def announce(actor: Actor, kind: UploadKind = UploadKind.RESUMABLE) -> UploadId:
        return await app.use(BeginResumable)(actor=actor, filename="a.wav", length=9, metadata="", kind=kind)

    first = await announce(ada)
    await announce(ada, UploadKind.PART)
    await app.use(BeginDirect)(actor=ada, filename="a.wav")
    for refused in (announce(ada), app.use(BeginDirect)(actor=ada, filename="a.wav")):
        with pytest.raises(Invalid) as refusal:
            await refused
        assert refusal.value.code == "limit_reached"
    await announce(bob)
    dropped, _ = await app.use(FindUpload)(actor=ada, upload_id=first)
    await app.use(AbandonUpload)(actor=ada, upload=dropped)
    await announce(ada)
    app.clock.advance(UPLOAD_LIFETIME)
    await announce(ada)


async def test_a_chosen_permalink_is_kept_or_refused_and_never_changed(app: World) -> None:
    ada = await join(app, "ada")
    begun = await begin(app, ada)
    with pytest.raises(Invalid) as refusal:
        await create(app, ada, begun, permalink="The Song")
    assert [one.field for one in refusal.value.errors] == ["permalink"]
    assert (await view(app, await create(app, ada, begun, permalink="the-song"))).permalink == "the-song"
    another = await begin(app, ada)
    with pytest.raises(Conflict) as conflict:
        await create(app, ada, another, permalink="the-song")
    assert conflict.value.code == "permalink_taken"
    assert (await view(app, await create(app, ada, another))).permalink == "take"


async def test_the_permalink_of_a_deleted_track_is_not_given_again(app: World) -> None:
    ada = await join(app, "ada")
    await app.use(DeleteTrack)(actor=ada, track_id=await upload(app, ada, "The Song"))
    assert (await view(app, await upload(app, ada, "The Song"))).permalink != "the-song"


async def test_an_abandoned_upload_goes_with_its_bytes_once(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    begun = await begin(app, ada)
    await app.use(AbandonUpload)(actor=bob, upload=begun)
    assert await app.store.size(begun.key) is not None
    for _ in range(2):
        await app.use(AbandonUpload)(actor=ada, upload=begun)
    assert await app.store.size(begun.key) is None
    with pytest.raises(NotFound):
        await create(app, ada, begun)


class Stuck(MemoryStore):
    """Cannot remove anything for a while."""

    stuck = True

    async def remove(self, key: str) -> None:
        if self.stuck:
            raise Unavailable("storage_away", "The store does not answer.")
        await super().remove(key)


async def test_an_upload_that_could_not_be_removed_becomes_no_track_and_is_swept() -> None:
    store = Stuck()
    app = memory_app({ObjectStore: store})
    ada = await join(app, "ada")
    begun = await app.use(BeginUpload)(actor=ada, filename="take.wav")
    await store.put(begun.key, once(tiny_wav()))
    with pytest.raises(Unavailable):
        await app.use(AbandonUpload)(actor=ada, upload=begun)
    with pytest.raises(NotFound):
        await create(app, ada, begun)
    store.stuck = False
    await app.use(ExpireUploads)(PeriodicDue(chore="tracks.expire_uploads"), a_debt())
    assert await store.size(begun.key) is None


async def test_an_upload_that_became_a_track_is_not_abandoned(app: World) -> None:
    ada = await join(app, "ada")
    begun = await begin(app, ada)
    await create(app, ada, begun)
    await app.use(AbandonUpload)(actor=ada, upload=begun)
    assert await app.store.size(begun.key) is not None


async def test_the_chore_removes_what_was_uploaded_in_part(app: World) -> None:
    ada = await join(app, "ada")
    old, used = await begin(app, ada), await begin(app, ada)
    await create(app, ada, used)
    app.clock.advance(timedelta(hours=1))
    young = await begin(app, ada)
    app.clock.advance(UPLOAD_LIFETIME - timedelta(hours=1))
    await app.use(ExpireUploads)(PeriodicDue(chore="tracks.expire_uploads"), a_debt())
    assert [await app.store.size(one.key) is None for one in (old, used, young)] == [True, False, False]
    async with app.work() as work:
        assert await work.uploads.get(old.id) is None
        assert await work.uploads.get(young.id) is not None


async def test_editing_changes_what_is_said(app: World) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada, "Take one")
    await app.use(EditTrack)(actor=ada, track_id=track_id, change=lambda old: replace(old, title="Take two"))
    seen = await view(app, track_id)
    assert (seen.title, seen.permalink) == ("Take two", "take-one")
    with pytest.raises(Invalid):
        await app.use(EditTrack)(actor=ada, track_id=track_id, change=lambda old: replace(old, title=""))
    assert (await view(app, track_id)).version == seen.version


@pytest.mark.parametrize("as_moderator", [False, True])
async def test_nobody_changes_the_track_of_another(app: World, as_moderator: bool) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    other = await promote(app, bob, Role.MODERATOR) if as_moderator else bob
    track_id = await publish(app, ada)
    with pytest.raises(NotFound):
        await app.use(EditTrack)(actor=other, track_id=track_id, change=lambda old: old)
    with pytest.raises(NotFound):
        await app.use(DeleteTrack)(actor=other, track_id=track_id)
    with pytest.raises(NotFound):
        await app.use(RetryTrack)(actor=other, track_id=track_id)
    assert (await view(app, track_id)).state == "ready"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
async def test_a_track_is_deleted_once_and_its_objects_with_it(app: World, role: Role) -> None:
    ada = await promote(app, await join(app, "ada"), role)
    track_id = await publish(app, ada)
    track = await stored_track(app, track_id)
    assert track.live is not None
    keys = [track.original_key(track.live), *(one.key for one in track.live.renditions)]
    assert None not in [await app.store.size(key) for key in keys]
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    with pytest.raises(NotFound):
        await view(app, track_id)
    with pytest.raises(NotFound):
        await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert [await app.store.size(key) for key in keys] == [None] * len(keys)
    assert (await app.use(ReadProfile)(viewer=ANYONE, id_or_handle=ada.id)).counts.tracks == 0


async def test_removing_the_media_of_a_track_that_nobody_knows_does_nothing(app: World) -> None:
    ada = await join(app, "ada")
    gone = TrackRemoved(track_id=TrackId(uuid4()), owner_id=ada.id)
    await app.use(RemoveTrackMedia)(gone, a_debt())


async def test_a_hidden_track_is_not_found_even_by_its_owner(app: World) -> None:
    ada = await promote(app, await join(app, "ada"), Role.MODERATOR)
    track_id = await publish(app, ada)
    await moderate(app, track_id, Standing.HIDDEN)
    with pytest.raises(NotFound):
        await view(app, track_id, Viewer(ada.id))
    assert (await view(app, track_id, ada)).title == "A track"
    with pytest.raises(NotFound):
        await app.use(EditTrack)(actor=ada, track_id=track_id, change=lambda old: old)


async def test_a_private_track_is_its_owners_until_it_is_made_public(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id = await publish(app, ada, audience=Audience.PRIVATE)
    with pytest.raises(NotFound):
        await view(app, track_id, bob)
    assert (await view(app, track_id, ada)).published_at is None
    assert (await view(app, track_id, Viewer(grants=frozenset({track_id})))).title == "A track"
    app.clock.advance(timedelta(days=1))
    await app.use(EditTrack)(actor=ada, track_id=track_id, change=lambda old: replace(old, audience=Audience.PUBLIC))
    assert (await view(app, track_id, bob)).published_at == app.clock.now()
    assert (await app.use(ReadProfile)(viewer=bob, id_or_handle=ada.id)).counts.tracks == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
async def test_lists_of_tracks_are_newest_first_and_pages_meet(app: World, limit: int) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    for number in range(4):
        await publish(app, ada, f"Track {number}")
    await publish(app, ada, "Private", audience=Audience.PRIVATE)
    app.clock.advance(timedelta(seconds=1))
    removed = await upload(app, ada, "Removed")
    await app.use(DeleteTrack)(actor=ada, track_id=removed)
    await upload(app, ada, "Waiting")
    listing, reader = app.use(ListTracksOf), app.use(TrackReader)
    shown = await walk(lambda after: listing(viewer=bob, account_id=ada.id, after=after, limit=limit))
    published = [f"Track {number}" for number in (3, 2, 1, 0)]
    assert [one.title for one in shown] == published
    own = await walk(lambda after: reader.mine(ada, after=after, limit=limit))
    assert [one.title for one in own] == ["Waiting", "Private", *published]


async def test_the_list_of_someone_who_cannot_be_seen_is_not_found(app: World) -> None:
    with pytest.raises(NotFound):
        await app.use(ListTracksOf)(viewer=ANYONE, account_id=AccountId(uuid4()), after=None, limit=9)


async def test_a_change_may_name_the_version_it_is_meant_for(app: World) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada)
    version = (await stored_track(app, track_id)).version
    edit, remove = app.use(EditTrack), app.use(DeleteTrack)
    await edit(actor=ada, track_id=track_id, change=lambda old: replace(old, title="Once"), version=version)
    with pytest.raises(Stale):
        await edit(actor=ada, track_id=track_id, change=lambda old: replace(old, title="Twice"), version=version)
    with pytest.raises(Stale):
        await remove(actor=ada, track_id=track_id, version=version)
    assert (await stored_track(app, track_id)).details.title == "Once"
    await remove(actor=ada, track_id=track_id, version=version + 1)
