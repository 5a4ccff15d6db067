"""What every store of timelines promises."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.builders import App

from soundgraph.adapters.memory.app import memory_app
from soundgraph.application.ports import Entry, Timelines

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(
    key: str, *, minutes: float = 0, stream: str = "feed:ada", about: str = "person:bob", **body: object
) -> Entry:
    return Entry(stream, key, NOON + timedelta(minutes=minutes), about, body)


@pytest.fixture
def timelines(app: App) -> Timelines:
    return app.use(Timelines)


async def keys(timelines: Timelines, stream: str = "feed:ada", *, limit: int = 100) -> list[str]:
    return [one.key for one in await timelines.page(stream, before=None, limit=limit)]


async def test_what_goes_in_comes_out(timelines: Timelines) -> None:
    full = entry("key", type="track", text='日本 🎵 "quoted"', number=1, deep={"list": [1, None, True]})
    await timelines.put([full, entry("plain")])
    assert await timelines.get("feed:ada", "key") == full
    assert await timelines.get("feed:ada", "plain") == entry("plain")
    assert await timelines.get("feed:ada", "other") is None
    assert await timelines.get("feed:bob", "key") is None


async def test_putting_nothing_is_nothing(timelines: Timelines) -> None:
    await timelines.put([])
    assert await keys(timelines) == []


async def test_the_same_key_replaces_and_another_stream_does_not(timelines: Timelines) -> None:
    await timelines.put([entry("key", minutes=1, version=1), entry("key", stream="feed:bob")])
    replaced = entry("key", minutes=2, about="person:eve", version=2)
    await timelines.put([replaced])
    assert await timelines.page("feed:ada", before=None, limit=9) == [replaced]
    assert await keys(timelines, "feed:bob") == ["key"]


async def test_pages_are_newest_first_and_by_key_within_a_moment(timelines: Timelines) -> None:
    ids = sorted(str(uuid4()) for _ in range(4))
    await timelines.put([entry(one, minutes=minutes) for one, minutes in zip(ids, (1, 2, 2, 0), strict=True)])
    newest_first = [ids[2], ids[1], ids[0], ids[3]]
    assert await keys(timelines) == newest_first
    assert await keys(timelines, limit=2) == newest_first[:2]
    last = NOON + timedelta(minutes=2), ids[2]
    below = await timelines.page("feed:ada", before=last, limit=9)
    assert [one.key for one in below] == newest_first[1:]


async def test_a_page_begins_below_a_place_where_nothing_is(timelines: Timelines) -> None:
    await timelines.put([entry("old", minutes=1), entry("new", minutes=3)])
    below = await timelines.page("feed:ada", before=(NOON + timedelta(minutes=2), ""), limit=9)
    assert [one.key for one in below] == ["old"]


async def test_moments_are_told_apart_by_the_microsecond(timelines: Timelines) -> None:
    moment = timedelta(microseconds=1) / timedelta(minutes=1)
    await timelines.put([entry("later", minutes=moment), entry("sooner")])
    assert await keys(timelines) == ["later", "sooner"]


async def test_removing_one_is_removing_it_once(timelines: Timelines) -> None:
    await timelines.put([entry("key"), entry("kept"), entry("key", stream="feed:bob")])
    for _ in range(2):
        await timelines.remove("feed:ada", "key")
    assert await keys(timelines) == ["kept"]
    assert await keys(timelines, "feed:bob") == ["key"]


async def test_removing_what_is_about_something_from_one_stream_or_from_all(timelines: Timelines) -> None:
    streams = ("feed:ada", "feed:bob")
    await timelines.put([entry("gone", stream=stream) for stream in streams])
    await timelines.put([entry("kept", stream=stream, about="person:eve") for stream in streams])
    await timelines.remove_about("person:bob", stream="feed:ada")
    assert [await keys(timelines, stream) for stream in streams] == [["kept"], ["kept", "gone"]]
    await timelines.remove_about("person:bob")
    assert [await keys(timelines, stream) for stream in streams] == [["kept"], ["kept"]]


async def test_a_thousand_at_once(timelines: Timelines) -> None:
    readers = [f"feed:{number}" for number in range(1_000)]
    await timelines.put([entry("key", stream=reader) for reader in readers])
    assert await keys(timelines, "feed:0") == await keys(timelines, "feed:999") == ["key"]


async def test_twenty_puts_of_the_same_keys_at_once_leave_one_of_each(timelines: Timelines) -> None:
    streams = [f"feed:{number}" for number in range(20)]
    orders = [streams if turn % 2 else streams[::-1] for turn in range(20)]
    await asyncio.gather(*(timelines.put([entry("key", stream=one) for one in order]) for order in orders))
    assert [await keys(timelines, one) for one in streams] == [["key"]] * 20


async def test_puts_and_removals_at_once_do_not_get_in_each_others_way(timelines: Timelines) -> None:
    streams = [f"feed:{number}" for number in range(20)]
    entries = [entry("key", stream=one) for one in streams]
    for _ in range(5):
        await timelines.put(entries[::-1])
        puts = [timelines.put(entries) for _ in range(10)]
        removals = [timelines.remove_about("person:bob") for _ in range(10)]
        await asyncio.gather(*(one for pair in zip(puts, removals, strict=True) for one in pair))
    await timelines.remove_about("person:bob")
    assert [await keys(timelines, one) for one in streams] == [[]] * 20


ENTRIES = st.lists(st.tuples(st.integers(0, 3), st.uuids()), unique_by=lambda one: one[1], max_size=30)


@hypothesis_settings(deadline=None)
@given(ENTRIES, st.integers(1, 7))
def test_walking_the_pages_yields_every_entry_once(placed: list[tuple[int, UUID]], limit: int) -> None:
    async def story() -> None:
        timelines = memory_app().use(Timelines)
        await timelines.put([entry(str(key), minutes=minutes) for minutes, key in placed])
        walked, before = [], None
        while page := await timelines.page("feed:ada", before=before, limit=limit):
            walked += [(one.sort, one.key) for one in page]
            before = walked[-1]
        assert walked == sorted(((NOON + timedelta(minutes=at), str(key)) for at, key in placed), reverse=True)

    asyncio.run(story())
