"""A playlist's own rules: order, caps, once each."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundgraph.domain.errors import Conflict, Invalid, NotFound, Stale
from soundgraph.domain.ids import AccountId, ItemId, PlaylistId, TrackId
from soundgraph.domain.playlists import MAX_ITEMS, Playlist, PlaylistDetails
from soundgraph.domain.ranks import LONGEST
from soundgraph.domain.visibility import Audience

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = AccountId(UUID(int=1))


def track(number: int) -> TrackId:
    return TrackId(UUID(int=number))


def item(number: int) -> ItemId:
    return ItemId(UUID(int=1_000_000 + number))


def a_playlist(tracks: int = 0) -> Playlist:
    playlist, _ = Playlist.create(
        PlaylistId(UUID(int=2)), OWNER, details=PlaylistDetails(title="Mix"), permalink="mix", at=NOW
    )
    for number in range(tracks):
        playlist.add(item(number), track(number), after=None, by=OWNER, at=NOW)
    return playlist


def order(playlist: Playlist) -> list[int]:
    assert [one.rank for one in playlist.items] == sorted({one.rank for one in playlist.items})
    return [one.track_id.int for one in playlist.items]


def test_tracks_go_to_the_end_or_behind_another() -> None:
    playlist = a_playlist(3)
    playlist.add(item(9), track(9), after=item(0), by=OWNER, at=NOW)
    assert order(playlist) == [0, 9, 1, 2]


def test_a_move_changes_one_rank() -> None:
    playlist = a_playlist(5)
    before = {one.id: one.rank for one in playlist.items}
    playlist.move(item(4), after=None)
    assert order(playlist) == [4, 0, 1, 2, 3]
    playlist.move(item(4), after=item(2))
    assert order(playlist) == [0, 1, 2, 4, 3]
    assert {one.id for one in playlist.items if one.rank != before[one.id]} == {item(4)}


def test_a_move_behind_itself_changes_nothing() -> None:
    playlist = a_playlist(2)
    before = list(playlist.items)
    playlist.move(item(1), after=item(1))
    assert playlist.items == before


def test_ranks_that_have_grown_long_are_dealt_anew() -> None:
    playlist, longest = a_playlist(3), 0
    for turn in range(8 * LONGEST):
        # Always into the gap behind the first, which halves each time.
        playlist.move(item(1 + turn % 2), after=item(0))
        longest = max(longest, *(len(one.rank) for one in playlist.items))
        assert order(playlist)[0] == 0
    assert longest == LONGEST
    assert sorted(order(playlist)) == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 9)), max_size=60))
def test_moves_neither_lose_nor_double_a_track(moves: list[tuple[int, int]]) -> None:
    playlist, model = a_playlist(10), list(range(10))
    for moving, after in moves:
        playlist.move(item(moving), after=None if after < 0 else item(after))
        if moving != after:
            model.remove(moving)
            model.insert(0 if after < 0 else model.index(after) + 1, moving)
    assert order(playlist) == model


def test_a_track_is_in_a_playlist_once() -> None:
    playlist = a_playlist(1)
    with pytest.raises(Conflict) as refused:
        playlist.add(item(7), track(0), after=None, by=OWNER, at=NOW)
    assert refused.value.code == "already_in_playlist"
    with pytest.raises(Invalid) as doubled:
        playlist.replace([(item(8), track(1)), (item(9), track(1))], by=OWNER, at=NOW)
    assert doubled.value.code == "duplicate_track"


def test_a_playlist_holds_so_many_tracks_and_no_more() -> None:
    playlist = a_playlist()
    playlist.replace([(item(one), track(one)) for one in range(MAX_ITEMS)], by=OWNER, at=NOW)
    with pytest.raises(Invalid) as one_more:
        playlist.add(item(MAX_ITEMS), track(MAX_ITEMS), after=None, by=OWNER, at=NOW)
    with pytest.raises(Invalid) as at_once:
        playlist.replace([(item(one), track(one)) for one in range(MAX_ITEMS + 1)], by=OWNER, at=NOW)
    assert one_more.value.code == at_once.value.code == "limit_reached"


def test_replacing_keeps_the_items_of_tracks_that_stay() -> None:
    playlist = a_playlist(3)
    playlist.replace([(item(10), track(2)), (item(11), track(5)), (item(12), track(0))], by=OWNER, at=NOW)
    assert order(playlist) == [2, 5, 0]
    assert [one.id for one in playlist.items] == [item(2), item(11), item(0)]


def test_unknown_items_are_not_found() -> None:
    playlist = a_playlist(1)
    with pytest.raises(NotFound):
        playlist.discard(item(5))
    with pytest.raises(NotFound):
        playlist.move(item(5), after=None)
    with pytest.raises(NotFound):
        playlist.move(item(0), after=item(5))
    with pytest.raises(NotFound):
        playlist.add(item(6), track(6), after=item(5), by=OWNER, at=NOW)
    assert order(playlist) == [0]


def test_a_version_that_has_passed_is_stale_and_says_the_present_order() -> None:
    playlist = a_playlist(2)
    playlist.expect(None)
    playlist.expect(1)
    with pytest.raises(Stale) as stale:
        playlist.expect(7)
    assert stale.value.present == (item(0), item(1))


def test_removing_twice_is_removing_once() -> None:
    playlist = a_playlist()
    assert len(playlist.remove()) == 1
    assert playlist.remove() == []


def test_every_broken_rule_is_named() -> None:
    details = PlaylistDetails(title="", description="x" * 5_001, audience=Audience.SCHEDULED)
    assert [error.field for error in details.errors()] == ["title", "description", "visibility"]
