"""How a finished rendition is played, and when that counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from soundgraph.domain.ids import AccountId, PlayId, TrackId
from soundgraph.domain.tracks import Rendition

HLS_AAC_160 = "aac_160k"
MP3_128 = "mp3_128k"
RENDITION_GRACE = timedelta(minutes=15)
# A play counts from here on, or from half of a track that is shorter than twice this.
HEARD_MS = 30_000
PLAY_WINDOW = timedelta(hours=1)


def url_lifetime(duration_ms: int) -> timedelta:
    """How long a signed rendition URL lives: as long as it plays, and fifteen minutes."""
    return timedelta(milliseconds=duration_ms) + RENDITION_GRACE


def hls_media_playlist(rendition: Rendition, url_of: Callable[[str], str]) -> str:
    """The HLS media playlist (RFC 8216, version 7) of an fMP4 rendition, with every address made by `url_of`."""
    longest = max((segment.duration_ms for segment in rendition.segments), default=0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{-(-longest // 1000)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{url_of(rendition.key)}"',
    ]
    for segment in rendition.segments:
        lines += [f"#EXTINF:{segment.duration_ms / 1000:.3f},", url_of(segment.key)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


class Uncounted(StrEnum):
    """Why a play is kept but not counted."""

    TOO_SHORT = "too_short"
    """Less was heard than half of the track or thirty seconds, whichever is less."""
    COUNTED_BEFORE = "counted_before"
    """This listener's last counted play of the track began its window less than an hour ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One report that a track was heard up to `position_ms`. `reason` is None where it counted.

    `listener` tells listeners apart and nothing else: an account, or a keyed hash of a visitor's address and device.
    """

    id: PlayId
    track_id: TrackId
    listener: str
    position_ms: int
    context: str
    at: datetime
    reason: Uncounted | None = None

    @property
    def counted(self) -> bool:
        """Whether it moved the counter."""
        return self.reason is None


def listener_of(account_id: AccountId | None, visitor: str) -> str:
    """Who hears, for counting once: the account, or the visitor of that hash."""
    return f"visitor:{visitor}" if account_id is None else f"account:{account_id}"


def why_uncounted(
    *, position_ms: int, duration_ms: int, last_counted: datetime | None, at: datetime
) -> Uncounted | None:
    """Why a play does not count, or None where it does. `last_counted` is when this listener last moved the counter."""
    if position_ms < min(duration_ms / 2, HEARD_MS):
        return Uncounted.TOO_SHORT
    if last_counted is not None and at - last_counted < PLAY_WINDOW:
        return Uncounted.COUNTED_BEFORE
    return None
