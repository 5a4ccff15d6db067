"""What only playback shows."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct

from soundgraph.application.views import TrackView
from soundgraph.domain.ids import LinkId

# The outcome of a play that has no reason not to count.
COUNTED = "counted"


class SecretLinkView(Struct, frozen=True, kw_only=True):
    """A secret link, for its owner. Its token was shown when it was made."""

    id: LinkId
    label: str
    expires_at: datetime | None
    plays: int
    created_at: datetime


class NewSecretLinkView(Struct, frozen=True, kw_only=True):
    """A secret link as it is shown once. `url` is the page that it opens."""

    id: LinkId
    token: str
    url: str
    label: str
    expires_at: datetime | None
    plays: int
    created_at: datetime


class DownloadView(Struct, frozen=True, kw_only=True):
    """Where a file is to be had under its name, until `expires_at`."""

    url: str
    filename: str
    expires_at: datetime


class HistoryItem(Struct, frozen=True, kw_only=True):
    """When a track was played last, and how far."""

    played_at: datetime
    position_ms: int
    track: TrackView


class PlaysOfDay(Struct, frozen=True, kw_only=True):
    """The plays of a track on one day in UTC: how many were reported, how many counted, and why the rest did not."""

    day: date
    counted: int = 0
    raw: int = 0
    uncounted: Mapping[str, int] = {}


class PlaysByDay(Struct, frozen=True, kw_only=True):
    """The plays of a track day by day, oldest first, days without any included; and their sums."""

    items: Sequence[PlaysOfDay]
    counted: int
    raw: int
    uncounted: Mapping[str, int]


def plays_of_day(day: date, outcomes: Mapping[str, int]) -> PlaysOfDay:
    """The plays of a day, of how many there were of each outcome: `counted`, or the reason why not."""
    uncounted = {reason: number for reason, number in sorted(outcomes.items()) if reason != COUNTED}
    return PlaysOfDay(day=day, counted=outcomes.get(COUNTED, 0), raw=sum(outcomes.values()), uncounted=uncounted)
