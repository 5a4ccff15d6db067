"""The one table of who is owed what."""

import sys
from datetime import timedelta
from uuid import UUID

import pytest

from soundgraph.adapters.memory.app import World
from soundgraph.application.subscriptions import EVENTS, QUEUES, SUBSCRIPTIONS, TABLE
from soundgraph.domain.engagement import TrackLiked
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.people import PersonFollowed, PersonUnfollowed
from soundgraph.domain.tracks import RevisionReceived

ONE, TWO = UUID(int=1), UUID(int=2)


def every_event() -> set[type[Event]]:
    """Every class of event that the domain defines."""
    found, waiting = set[type[Event]](), [Event]
    while waiting:
        below = waiting.pop().__subclasses__()
        # `slots=True` makes each class twice; the one that its module holds is the one that counts.
        found.update(one for one in below if vars(sys.modules[one.__module__]).get(one.__name__) is one)
        waiting += below
    return found


def test_every_event_can_be_stored() -> None:
    assert {one for one in every_event() if one.__module__.startswith("soundgraph.")} == set(EVENTS)
    assert SUBSCRIPTIONS.event_names() == [one.name for one in EVENTS]


def test_each_line_is_either_owed_events_or_a_chore() -> None:
    for one in TABLE:
        assert bool(one.events) != (one.every is not None), one.name
        assert one.queue in QUEUES
        assert one.budget > 0
    assert len({one.name for one in TABLE}) == len(TABLE)
    assert {one.name for one in SUBSCRIPTIONS.chores()} == {one.name for one in TABLE if one.every}


def test_events_find_those_they_are_owed_to() -> None:
    follow = PersonFollowed(follower=AccountId(ONE), followee=AccountId(TWO))
    unfollow = PersonUnfollowed(follower=AccountId(ONE), followee=AccountId(TWO))
    like = TrackLiked(track_id=TrackId(ONE), by=AccountId(TWO))
    names = [[one.name for one in SUBSCRIPTIONS.owed_for(event)] for event in (follow, unfollow, like)]
    assert names == [["discovery.follow"], ["discovery.follow"], []]


def test_names_are_of_some_queues_or_of_all() -> None:
    assert SUBSCRIPTIONS.names() == [one.name for one in TABLE]
    assert SUBSCRIPTIONS.names(["fanout", "media"]) == ["tracks.process", "discovery.push", "discovery.follow"]
    assert sorted(name for queue in QUEUES for name in SUBSCRIPTIONS.names([queue])) == sorted(SUBSCRIPTIONS.names())
    with pytest.raises(KeyError):
        SUBSCRIPTIONS.named("tests.newer")


def test_a_payload_of_a_newer_version_decodes() -> None:
    body = f'{{"track_id": "{ONE}", "newer": [1], "revision_id": "{TWO}"}}'
    event = SUBSCRIPTIONS.decode("tracks.revision_received", body)
    assert isinstance(event, RevisionReceived)
    assert (event.track_id, event.revision_id) == (ONE, TWO)


def test_every_subscriber_can_be_built(app: World) -> None:
    for one in TABLE:
        assert isinstance(app.use(one.subscriber), one.subscriber)


def test_chores_come_round_at_least_daily() -> None:
    assert all(one.every <= timedelta(days=1) for one in SUBSCRIPTIONS.chores() if one.every)
