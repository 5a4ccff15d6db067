"""What was ever written must be read for ever: event payloads, and the names that debts bear.

`golden_events.jsonl` only grows. To add an event or a field, append a line with the payload as it is now written.
"""

from pathlib import Path

import msgspec
import pytest

from soundgraph.application.subscriptions import EVENTS, SUBSCRIPTIONS, TABLE


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event as it was once written."""

    name: str
    body: dict[str, object]


LINES = [
    msgspec.json.decode(line, type=Line)
    for line in (Path(__file__).parent / "golden_events.jsonl").read_text().splitlines()
]

# A debt in the database may bear any of these. A line may be added; one may go when no debt bears it any more.
SUBSCRIBERS = {
    "discovery.follow": ("fanout", "people.followed", "people.unfollowed"),
    "discovery.push": ("fanout", "tracks.published"),
    "events.trim": ("default",),
    "idempotency.expire": ("default",),
    "identity.expire": ("default",),
    "identity.send_email_change": ("mail", "identity.email_change_requested"),
    "identity.send_reset": ("mail", "identity.password_reset_requested"),
    "identity.tell_of_email_change": ("mail", "identity.email_changed"),
    "identity.tell_of_new_device": ("mail", "identity.new_device_seen"),
    "identity.tell_of_password": ("mail", "identity.password_changed"),
    "identity.tell_of_provider": ("mail", "identity.provider_linked", "identity.provider_unlinked"),
    "identity.send_verification": ("mail", "identity.registration_requested"),
    "identity.expire_sign_ins": ("default",),
    "privacy.build_export": ("bulk", "privacy.export_requested"),
    "privacy.expire_exports": ("default",),
    "privacy.give_up": ("default", "delivery.exhausted"),
    "privacy.mail_export": ("mail", "privacy.export_ready"),
    "privacy.purge": ("bulk", "privacy.account_deleted"),
    "playback.prune": ("default",),
    "tracks.expire_uploads": ("default",),
    "upkeep.watch": ("default",),
    "tracks.give_up": ("default", "delivery.exhausted"),
    "tracks.process": ("media", "tracks.revision_received"),
    "tracks.remove_revision": ("default", "tracks.revision_dropped"),
    "tracks.publish": ("default", "tracks.scheduled"),
    "tracks.remove_media": ("default", "tracks.removed"),
}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_every_payload_ever_written_decodes_and_is_written_the_same_way(line: Line) -> None:
    event = SUBSCRIPTIONS.decode(line.name, msgspec.json.encode(line.body))
    assert event.name == line.name
    written = msgspec.json.decode(SUBSCRIPTIONS.encode(event), type=dict[str, object])
    # A field that was added since has its default; whatever was there is there still.
    assert {name: written[name] for name in line.body} == line.body


def test_every_event_has_a_line_with_every_field_it_has_now() -> None:
    newest = {line.name: line for line in LINES}
    assert set(newest) >= {event.name for event in EVENTS}
    for event in EVENTS:
        fields = {field.name for field in msgspec.inspect.type_info(event).fields}  # type: ignore[attr-defined]  # a DataclassType
        assert set(newest[event.name].body) == fields, event.name


def test_the_names_of_subscribers_are_golden() -> None:
    assert {one.name: (one.queue, *(event.name for event in one.events)) for one in TABLE} == SUBSCRIBERS
