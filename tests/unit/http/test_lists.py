"""Pages of lists and their cursors."""

import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.unit.http.conftest import API, Person, Site

from soundgraph.entrypoints.http.cursors import Cursors
from soundgraph.entrypoints.http.errors import Malformed


async def walk(person: Person, address: str) -> list[Any]:
    """Every item of a list, page by page, as `next` leads."""
    items, seen = [], set()
    following: str | None = address
    while following is not None:
        assert following not in seen, "a list never loops"
        seen.add(following)
        answer = await person.http.get(following)
        assert answer.status_code == 200, answer.text
        assert answer.json()["items"] or following == address, "next never leads to an empty page"
        items += answer.json()["items"]
        following = answer.json()["next"]
    return items


@pytest.fixture
async def titles(ann: Person) -> list[str]:
    """Of five tracks, newest first."""
    titles = [f"Song {number}" for number in range(5)]
    for title in titles:
        await ann.upload(title)
    return titles[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
async def test_a_walk_meets_everything_once(ann: Person, titles: list[str], limit: int) -> None:
    for address in (f"{API}/me/tracks", f"{API}/users/annika/tracks"):
        assert [one["title"] for one in await walk(ann, f"{address}?limit={limit}")] == titles


async def test_every_list_pages(site: Site, ann: Person, bob: Person, titles: list[str]) -> None:
    await bob.http.put(f"{API}/me/followings/{ann.id}")
    await site.world.settle()
    tracks = (await bob.http.get(f"{API}/users/annika/tracks")).json()["items"]
    for track in tracks:
        await bob.http.put(f"{API}/me/likes/tracks/{track['id']}")
        await ann.http.put(f"{API}/me/likes/tracks/{track['id']}")
    assert [one["item"]["title"] for one in await walk(bob, f"{API}/me/feed?limit=2")] == titles
    assert len(await walk(bob, f"{API}/users/robert/likes?limit=2")) == 5
    assert len(await walk(bob, f"{API}/tracks/{tracks[0]['id']}/likers?limit=1")) == 2
    for handle in ("claire", "dmitri"):
        other = await site.join(handle)
        await other.http.put(f"{API}/me/followings/{ann.id}")
        await ann.http.put(f"{API}/me/followings/{other.id}")
    assert len(await walk(bob, f"{API}/users/annika/followers?limit=1")) == 3
    assert len(await walk(bob, f"{API}/users/annika/followings?limit=1")) == 2
    for one in await walk(bob, f"{API}/users/annika/followings"):
        await ann.http.put(f"{API}/me/blocks/{one['id']}")
    assert len(await walk(ann, f"{API}/me/blocks?limit=1")) == 2


async def test_next_keeps_filters_and_limit(ann: Person, titles: list[str]) -> None:
    answer = await ann.http.get(f"{API}/me/tracks", params={"limit": 2, "genre": "drum & bass", "q": "é"})
    following = urlsplit(answer.json()["next"])
    assert (following.scheme, following.netloc, following.path) == ("", "", f"{API}/me/tracks")
    query = parse_qs(following.query)
    assert query.pop("cursor")
    assert query == {"limit": ["2"], "genre": ["drum & bass"], "q": ["é"]}


async def test_a_cursor_fits_its_list_and_filters_only(ann: Person, titles: list[str]) -> None:
    following = (await ann.http.get(f"{API}/me/tracks?limit=2&genre=a")).json()["next"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    for address in (
        f"/me/tracks?genre=b&cursor={cursor}",
        f"/me/tracks?cursor={cursor}",
        f"/me/feed?genre=a&cursor={cursor}",
    ):
        answer = await ann.http.get(API + address)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
        assert answer.json()["errors"][0]["field"] == "cursor"
    # The limit is no filter.
    assert (await ann.http.get(f"{API}/me/tracks?limit=100&genre=a&cursor={cursor}")).status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "101", "x", "", "1.5", "9" * 30, "null"])
async def test_a_bad_limit_is_refused(ann: Person, limit: str) -> None:
    answer = await ann.http.get(f"{API}/me/tracks", params={"limit": limit})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "limit"


async def test_a_thousand_flipped_cursors_are_refused(ann: Person, titles: list[str]) -> None:
    chance = random.Random(1)
    following = (await ann.http.get(f"{API}/me/tracks?limit=2")).json()["next"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=%. é"
    for _ in range(1_000):
        place = chance.randrange(len(cursor))
        flipped = cursor[:place] + chance.choice(alphabet) + cursor[place + 1 :]
        answer = await ann.http.get(f"{API}/me/tracks", params={"limit": 2, "cursor": flipped})
        # The last character of base64 has bits that do not count.
        assert answer.status_code == 400 or flipped[:-1] == cursor[:-1]


def test_a_cursor_gives_its_position_back_to_the_same_key_only() -> None:
    cursors = Cursors(b"one")
    cursor = cursors.seal(("2026-01-01T12:00:00+00:00", "é", 7), "/list?")
    assert cursors.open(cursor, "/list?") == ("2026-01-01T12:00:00+00:00", "é", 7)
    for other, bound_to in ((Cursors(b"two"), "/list?"), (cursors, "/other?")):
        with pytest.raises(Malformed):
            other.open(cursor, bound_to)
