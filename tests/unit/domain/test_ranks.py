"""There is always room between two ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundgraph.domain.ranks import LONGEST, between, spread


@given(st.lists(st.integers(min_value=0), max_size=200))
def test_whatever_is_put_wherever_the_order_holds(places: list[int]) -> None:
    ranks: list[str] = []
    for place in places:
        at = place % (len(ranks) + 1)
        low = ranks[at - 1] if at else ""
        high = ranks[at] if at < len(ranks) else ""
        ranks.insert(at, between(low, high))
    assert ranks == sorted(set(ranks))
    assert not any(rank.endswith("0") for rank in ranks)


@pytest.mark.parametrize(("low", "high"), [("b", "a"), ("a", "a"), ("a1", "a")])
def test_there_is_nothing_between_what_is_not_in_order(low: str, high: str) -> None:
    with pytest.raises(ValueError, match="nothing between"):
        between(low, high)


@given(st.integers(min_value=0, max_value=600))
def test_ranks_are_dealt_short_and_in_order(count: int) -> None:
    ranks = spread(count)
    assert len(ranks) == count
    assert ranks == sorted(set(ranks))
    assert all(0 < len(rank) <= 2 or count > 600 for rank in ranks)


def test_a_rank_grows_by_a_digit_about_every_five_moves_into_one_gap() -> None:
    low, high = spread(2)
    for _ in range(5 * LONGEST):
        high = between(low, high)
    assert len(high) <= LONGEST + 5
