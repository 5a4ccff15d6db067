"""Upkeep over what cannot happen by itself: lost objects, miscounted people, forgotten debts."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import a_debt, a_track, inhabit, join, once, publish, stored_track, upload

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.ports import Found, ObjectListing
from soundgraph.application.tracks import BeginUpload, DeleteTrack
from soundgraph.application.upkeep import CheckCounters, CheckDebts, CheckObjects, WatchInvariants
from soundgraph.application.upkeep.objects import SHOWN

DAY = timedelta(days=1)


class Meddled(ObjectListing):
    """A listing during which something else happens, once, after it was read."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.hidden: set[str] = set()

    async def under(self, prefix: str) -> AsyncIterator[Found]:
        async for one in self.store.under(prefix):
            if one.key not in self.hidden:
                yield one

    async def find(self, key: str) -> Found | None:
        return None if key in self.hidden else await self.store.find(key)


async def test_a_ready_track_whose_object_is_gone_is_told(app: World) -> None:
    ada = await join(app, "ada")
    track = await stored_track(app, await publish(app, ada))
    lost = min(track.needed_keys())
    await app.store.remove(lost)
    report = await app.use(CheckObjects)(repair=True)
    assert (report.dangling, report.dangling_keys, report.orphans) == (1, [lost], 0)


async def test_only_some_keys_are_shown_and_all_are_counted(app: World) -> None:
    for _ in range(SHOWN + 5):
        await app.store.put(f"quarantine/{uuid4()}", once(b"x"))
    app.clock.advance(2 * DAY)
    report = await app.use(CheckObjects)(repair=False)
    assert (report.orphans, len(report.orphan_keys)) == (SHOWN + 5, SHOWN)


async def test_bytes_of_an_open_upload_are_left_to_the_chore(app: World) -> None:
    ada = await join(app, "ada")
    begun = await app.use(BeginUpload)(actor=ada, filename="take.wav")
    await app.store.put(begun.key, once(b"half"))
    app.clock.advance(2 * DAY)
    assert (await app.use(CheckObjects)(repair=True)).orphans == 0
    assert await app.store.size(begun.key) == 4


async def test_what_processing_left_in_quarantine_is_an_orphan_once_the_track_is_ready(app: World) -> None:
    ada = await join(app, "ada")
    track = await stored_track(app, await upload(app, ada))
    await app.settle()
    await app.store.put(track.revisions[0].quarantine_key, once(b"left"))
    app.clock.advance(2 * DAY)
    assert (await app.use(CheckObjects)(repair=True)).orphan_keys == [track.revisions[0].quarantine_key]


async def test_what_a_removed_track_left_is_an_orphan_and_not_missing(app: World) -> None:
    ada = await join(app, "ada")
    track = await stored_track(app, await publish(app, ada))
    await app.use(DeleteTrack)(actor=ada, track_id=track.id)
    await app.settle()
    await app.store.put(f"{track.media_prefix}left", once(b"x"))
    app.clock.advance(2 * DAY)
    report = await app.use(CheckObjects)(repair=True)
    assert (report.orphans, report.removed, report.dangling) == (1, 1, 0)


async def test_an_object_that_is_gone_or_new_when_looked_at_again_stays_alone() -> None:
    store = MemoryStore()
    listing = Meddled(store)
    app = memory_app({ObjectListing: listing})
    # The world's clock stands long before the wall's, by which this store dates what it holds.
    await store.put(f"quarantine/{uuid4()}", once(b"new"))
    assert (await app.use(CheckObjects)(repair=True)).orphans == 0
    app.clock.advance(timedelta(days=365_00))
    key = f"quarantine/{uuid4()}"
    await store.put(key, once(b"old"))

    class Vanishing(Meddled):
        async def find(self, key: str) -> Found | None:
            return None

    app = memory_app({ObjectListing: Vanishing(store)})
    app.clock.advance(timedelta(days=365_00))
    report = await app.use(CheckObjects)(repair=True)
    assert (report.orphans, report.removed) == (2, 0)


async def test_more_people_than_fit_a_batch_are_all_compared(app: World) -> None:
    people = await inhabit(app, *(f"person{number}" for number in range(501)))
    for one in people:
        app.database.tables.counters[one, "likes"] = 1
    assert len(await app.use(CheckCounters)(repair=True)) == 501
    assert await app.use(CheckCounters)(repair=False) == []


async def test_the_chore_mends_and_says_so(app: World, caplog: pytest.LogCaptureFixture) -> None:
    (ada,) = await inhabit(app, "ada")
    watch = app.use(WatchInvariants)
    with caplog.at_level(logging.WARNING):
        await watch(object(), a_debt())
        assert caplog.messages == []
        app.database.tables.counters[ada, "likes"] = 3
        track = a_track(ada)
        async with app.work() as work:
            await work.tracks.add(track)
            await work.commit()
        await watch(object(), a_debt())
    assert caplog.messages[0] == f"counter_drift mended: likes of {ada} was 3, rows 0"
    assert f"track {track.id}" in caplog.messages[1]
    assert app.database.tables.counted(ada, "likes") == 0


async def test_the_chore_tells_of_debts_that_nobody_pays(app: World, caplog: pytest.LogCaptureFixture) -> None:
    ada = await join(app, "ada")
    await upload(app, ada)
    app.clock.advance(timedelta(hours=1))
    with caplog.at_level(logging.WARNING):
        await app.use(WatchInvariants)(object(), a_debt())
    assert caplog.messages == ["1 debts are overdue, 0 are dead letters"]
    assert (await app.use(CheckDebts)()).overdue == 1
    assert (await app.use(CheckDebts)(grace=timedelta(hours=2))).overdue == 0
