"""When a play counts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from soundgraph.domain.ids import AccountId
from soundgraph.domain.playback import PLAY_WINDOW, Access, Uncounted, listener_of, why_uncounted

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_MS, SHORT_MS = 300_000, 20_001


@pytest.mark.parametrize(
    ("duration_ms", "enough_ms"), [(LONG_MS, 30_000), (60_000, 30_000), (59_000, 29_500), (SHORT_MS, 10_001), (0, 0)]
)
def test_half_or_thirty_seconds_count_whichever_is_less(duration_ms: int, enough_ms: int) -> None:
    def why(position_ms: int) -> Uncounted | None:
        return why_uncounted(position_ms=position_ms, duration_ms=duration_ms, last_counted=None, at=NOW)

    assert why(enough_ms) is None
    assert why(enough_ms - 1) is Uncounted.TOO_SHORT


@pytest.mark.parametrize(
    ("since", "why"),
    [
        (timedelta(0), Uncounted.COUNTED_BEFORE),
        (PLAY_WINDOW - timedelta(milliseconds=1), Uncounted.COUNTED_BEFORE),
        (PLAY_WINDOW, None),
    ],
)
def test_one_listener_counts_once_a_window(since: timedelta, why: Uncounted | None) -> None:
    last = NOW - since
    assert why_uncounted(position_ms=LONG_MS, duration_ms=LONG_MS, last_counted=last, at=NOW) is why


def test_an_account_is_one_listener_wherever_it_is() -> None:
    account = AccountId(UUID(int=1))
    assert listener_of(account, "home") == listener_of(account, "work") == f"account:{account}"
    assert listener_of(None, "home") == "visitor:home"
    assert listener_of(None, "ab", "c0") == "visitor:c0:ab"
    assert listener_of(account, "ab", "c0") == f"account:{account}"


@pytest.mark.parametrize(("counted", "why"), [(4, None), (5, Uncounted.TOO_MANY_FROM_HERE)])
def test_only_a_few_visitors_of_one_place_count(counted: int, why: Uncounted | None) -> None:
    reason = why_uncounted(position_ms=LONG_MS, duration_ms=LONG_MS, last_counted=None, at=NOW, counted_here=counted)
    assert reason is why


def test_own_plays_and_previews_do_not_count() -> None:
    def why(*, own: bool = False, access: Access = Access.PLAYABLE) -> Uncounted | None:
        return why_uncounted(
            position_ms=LONG_MS, duration_ms=LONG_MS, last_counted=None, at=NOW, own=own, access=access
        )

    assert (why(), why(own=True)) == (None, Uncounted.OWN)
    assert {why(access=one) for one in (Access.PREVIEW, Access.BLOCKED)} == {Uncounted.NOT_PLAYABLE}
