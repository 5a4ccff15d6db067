"""What `Invariants` promises, in memory and on PostgreSQL, and what upkeep does with it."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from tests.builders import App, a_track, an_upload, inhabit, join, once, owed, publish, upload

from soundgraph.application.engagement import LikeTrack
from soundgraph.application.people import Follow, Unfollow
from soundgraph.application.tracks import DeleteTrack, SetArtwork
from soundgraph.application.upkeep import CheckCounters, CheckObjects, Drift, Invariants, OweAgain
from soundgraph.domain.ids import AccountId, ArtworkId
from soundgraph.domain.tracks import ARTWORK_SIZES, RevisionReceived, Track, artwork_key
from soundgraph.domain.visibility import Actor

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


async def every_drift(app: App, limit: int = 2) -> list[Drift]:
    """All drift, page by page."""
    invariants = app.use(Invariants)
    found, after = await invariants.drift(after=None, limit=limit)
    while after is not None:
        more, after = await invariants.drift(after=after, limit=limit)
        found += more
    return found


async def add_track(app: App, owner_id: AccountId) -> Track:
    track = a_track(owner_id, f"track-{uuid4().hex}")
    async with app.work() as work:
        await work.tracks.add(track)
        await work.commit()
    return track


async def miscount(app: App, subject: AccountId, other: AccountId) -> None:
    """Make a counter wrong: an edge is removed, and the same transaction counts it twice."""
    async with app.work() as work:
        await work.follows.add(subject, other, at=app.clock.now())
        await work.commit()
    raw = getattr(app, "engine", None)
    if raw is None:
        app.database.tables.counters[subject, "followings"] = 7  # type: ignore[attr-defined]  # memory's own
        return
    async with raw.begin() as connection:
        await connection.exec_driver_sql("UPDATE counters SET followings = 7 WHERE id = $1", (subject,))


async def test_nothing_drifts_by_itself(app: App) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track = await publish(app, ada)
    gone = await publish(app, ada, "Gone")
    await app.use(Follow)(actor=bob, account_id=ada.id)
    await app.use(LikeTrack)(actor=bob, track_id=track)
    await app.use(DeleteTrack)(actor=ada, track_id=gone)
    await app.use(Unfollow)(actor=bob, account_id=ada.id)
    for limit in (1, 2, 3, 500):
        assert await every_drift(app, limit) == []


async def test_drift_is_found_wherever_it_is_and_mended(app: App) -> None:
    people = await inhabit(app, "ada", "bob", "eve")
    ada, bob, _ = people
    await miscount(app, ada, bob)
    expected = [Drift(ada, "followings", 7, 1)]
    for limit in (1, 2, 3, 500):
        assert await every_drift(app, limit) == expected
    assert await app.use(CheckCounters)(repair=False) == expected
    assert await app.use(CheckCounters)(repair=True) == expected
    assert await app.use(CheckCounters)(repair=False) == []


async def test_someone_who_was_never_counted_can_be_recounted(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    await app.use(Invariants).recount(ada)
    assert await every_drift(app) == []


async def test_recounting_while_people_follow_loses_no_follow(app: App) -> None:
    star, *fans = await inhabit(app, "star", *(f"fan{number}" for number in range(20)))
    await miscount(app, star, fans[0])
    invariants = app.use(Invariants)

    async def follow(fan: AccountId) -> None:
        await app.use(Follow)(actor=Actor(fan), account_id=star)

    await asyncio.gather(*(follow(fan) for fan in fans), *(invariants.recount(star) for _ in range(20)))
    await asyncio.gather(*(follow(fan) for fan in fans), invariants.recount(star))
    assert await every_drift(app) == []


async def test_a_revision_that_nobody_owes_is_stuck_and_owed_again_once(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    track = await add_track(app, ada)
    (stuck,) = await app.use(Invariants).stuck(limit=10)
    assert (stuck.track_id, stuck.revision_id) == (track.id, track.revisions[0].id)
    assert await app.use(OweAgain)(repair=False) == [stuck]
    both = await asyncio.gather(*(app.use(OweAgain)(repair=True) for _ in range(5)))
    assert sorted(map(len, both)) == [0, 0, 0, 0, 1]
    assert await app.use(Invariants).stuck(limit=10) == []
    assert [hint.subscriber for hint in await owed(app)] == ["tracks.process"]


async def test_what_is_owed_ready_or_removed_is_not_stuck(app: App) -> None:
    ada = await join(app, "ada")
    await publish(app, ada)
    await upload(app, ada, "Owed")
    lost = await add_track(app, ada.id)
    await app.use(DeleteTrack)(actor=ada, track_id=lost.id)
    assert await app.use(Invariants).stuck(limit=10) == []


async def test_overdue_debts_and_dead_letters_are_counted(app: App) -> None:
    invariants, begun = app.use(Invariants), app.clock.now()
    report = await invariants.debts(overdue=begun + HOUR)
    assert (report.overdue, report.oldest, report.dead) == (0, None, 0)
    (ada,) = await inhabit(app, "ada")
    track = await add_track(app, ada)
    async with app.work() as work:
        work.record(RevisionReceived(track_id=track.id, revision_id=track.revisions[0].id))
        await work.commit()
    assert (await invariants.debts(overdue=begun)).overdue == 0
    late = await invariants.debts(overdue=begun + HOUR)
    assert (late.overdue, late.oldest, late.dead) == (1, begun, 0)
    # No audio: every try fails, until the debt lies with the dead letters.
    for _ in range(10):
        await app.settle()
        app.clock.advance(DAY)
    assert (await invariants.debts(overdue=app.clock.now() + DAY)).dead == 1


async def test_tracks_are_walked_in_order_and_found_by_their_upload(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    first, second = an_upload(ada), an_upload(ada)
    made = [a_track(ada, "one", upload=first), a_track(ada, "two", upload=second)]
    async with app.work() as work:
        for track in made:
            await work.tracks.add(track)
        await work.commit()
    invariants = app.use(Invariants)
    ids = sorted(track.id for track in made)
    assert await invariants.track_ids(after=None, limit=10) == ids
    assert await invariants.track_ids(after=ids[0], limit=10) == ids[1:]
    assert await invariants.track_ids(after=None, limit=1) == ids[:1]
    assert await invariants.track_of(second.id) == made[1].id
    assert await invariants.track_of(an_upload(ada).id) is None


async def test_the_bearer_of_a_cover_is_found(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    bare, dressed = a_track(ada, "bare"), a_track(ada, "dressed")
    dressed.artwork_id = ArtworkId(uuid4())
    async with app.work() as work:
        await work.tracks.add(bare)
        await work.tracks.add(dressed)
        await work.commit()
    assert await app.use(Invariants).bearer_of(dressed.artwork_id) == dressed.id
    assert await app.use(Invariants).bearer_of(ArtworkId(uuid4())) is None


async def test_covers_that_no_track_bears_are_orphans(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada)
    borne, dropped = ArtworkId(uuid4()), ArtworkId(uuid4())
    for one in (borne, dropped):
        for size in ARTWORK_SIZES:
            await app.store.put(artwork_key(one, size), once(b"picture"))
    await app.use(SetArtwork)(actor=ada, track_id=track_id, artwork_id=borne)
    app.clock.advance(DAY + HOUR)
    report = await app.use(CheckObjects)(repair=True)
    assert (report.orphans, report.removed) == (len(ARTWORK_SIZES), len(ARTWORK_SIZES))
    assert await app.store.size(artwork_key(borne, 100)) == 7
    assert await app.store.size(artwork_key(dropped, 100)) is None


async def test_only_old_objects_that_nothing_names_are_removed(app: App) -> None:
    ada = await join(app, "ada")
    await publish(app, ada)
    await upload(app, ada, "Still owed")
    nobody = uuid4()
    orphans = [f"quarantine/{nobody}", f"originals/{nobody}/{nobody}/x", f"renditions/{nobody}/{nobody}/1/y"]
    orphans += ["originals/no-id/x", "quarantine/no-id"]
    for key in orphans:
        await app.store.put(key, once(b"lost"))
    assert (await app.use(CheckObjects)(repair=True)).orphans == 0

    app.clock.advance(DAY + HOUR)
    await app.store.put(f"renditions/{nobody}/{nobody}/2/z", once(b"young"))
    seen = await app.use(CheckObjects)(repair=False)
    assert (seen.orphans, seen.orphan_bytes, seen.removed, seen.dangling) == (5, 20, 0, 0)
    assert sorted(seen.orphan_keys) == sorted(orphans)
    assert (await app.use(CheckObjects)(repair=True)).removed == 5
    after = await app.use(CheckObjects)(repair=False)
    assert (after.orphans, after.objects) == (0, seen.objects - 5)
    assert await app.store.size(f"renditions/{nobody}/{nobody}/2/z") == 5
    await app.settle()
    assert (await app.use(CheckObjects)(repair=False)).dangling == 0
