"""Every event has a name of its own and a key that says what it happened to."""

from dataclasses import fields
from uuid import UUID

import pytest

from soundgraph.application.subscriptions import EVENTS
from soundgraph.domain.events import Event

ONE = UUID(int=1)


def example(kind: type[Event]) -> Event:
    """An event of some kind with any payload."""
    return kind(**{field.name: "text" if field.type is str else ONE for field in fields(kind)})


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
def test_the_key_is_text_from_the_payload(kind: type[Event]) -> None:
    event = example(kind)
    assert event.key in {str(getattr(event, field.name)) for field in fields(kind)}


def test_names_are_unique_and_start_with_a_module() -> None:
    names = [kind.name for kind in EVENTS]
    assert len(set(names)) == len(names)
    modules = {name.partition(".")[0] for name in names}
    assert modules == {"delivery", "engagement", "identity", "people", "periodic", "playlists", "privacy", "tracks"}
