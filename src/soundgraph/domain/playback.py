"""How a finished rendition is played, and when that counts."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from soundgraph.domain.errors import Forbidden
from soundgraph.domain.ids import AccountId, PlayId, TrackId
from soundgraph.domain.plans import PLANS, Feature
from soundgraph.domain.tracks import Rendition, StreamPolicy
from soundgraph.domain.visibility import Viewer

HLS_AAC_160 = "aac_160k"
MP3_128 = "mp3_128k"
OPUS_64 = "opus_64k"
PREVIEW = "preview"
RENDITION_GRACE = timedelta(minutes=15)
# A play counts from here on, or from half of a track that is shorter than twice this.
HEARD_MS = 30_000
# Players tell ends that lie a little beyond the track's: of the padding of its last frame, or of their own clock.
OVERSHOOT_MS = 1_000
PLAY_WINDOW = timedelta(hours=1)
# A household, not a browser that calls itself another every time.
COUNTED_FROM_ONE_PLACE = 5
PLAYS_KEPT = timedelta(days=90)
HISTORY_KEPT = timedelta(days=365)
DOWNLOAD_LIFETIME = timedelta(minutes=5)
MAX_NAME_BYTES = 200
# What no common file system takes in a name.
NOT_IN_NAMES = frozenset('\\/:*?"<>|')


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


@dataclass(frozen=True, slots=True)
class FileType:
    """What a file is called after the dot, and as a media type."""

    extension: str
    content_type: str


BY_MAGIC = (
    (rb"RI(FF|FX)....WAVE|(RF|BW)64....WAVE", FileType("wav", "audio/wav")),
    (rb"FORM....AIF[FC]", FileType("aiff", "audio/aiff")),
    (rb"fLaC", FileType("flac", "audio/flac")),
    (rb"....(ftyp|moov|mdat|wide|free|skip)", FileType("m4a", "audio/mp4")),
    (rb"OggS", FileType("ogg", "audio/ogg")),
    (rb"\x1a\x45\xdf\xa3", FileType("webm", "audio/webm")),
    (rb"\xff[\xf0\xf1\xf8\xf9]", FileType("aac", "audio/aac")),
)
# Behind a tag the first bytes tell nothing; most often it is an MP3.
BY_CODEC = {"aac": FileType("aac", "audio/aac"), "flac": FileType("flac", "audio/flac")}


def file_type(head: bytes, codec: str) -> FileType:
    """What an original is that was processed, by its first bytes and the codec that was found in it."""
    found = next((one for magic, one in BY_MAGIC if re.match(magic, head, re.DOTALL)), None)
    if found is None:
        return BY_CODEC.get(codec, FileType("mp3", "audio/mpeg"))
    return FileType("opus", "audio/ogg") if found.extension == "ogg" and codec == "opus" else found


def file_name(title: str, extension: str) -> str:
    """A name that any file system takes, as close to the title as can be."""
    kept = "".join(one if one.isprintable() and one not in NOT_IN_NAMES else " " for one in title)
    short = " ".join(kept.split()).encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return f"{short.strip('. ') or 'track'}.{extension}"


class Access(StrEnum):
    """What of a track a viewer may hear."""

    PLAYABLE = "playable"
    PREVIEW = "preview"
    BLOCKED = "blocked"


def access_to(viewer: Viewer, owner_id: AccountId, policy: StreamPolicy) -> Access:
    """What a viewer may hear of a track that they can see."""
    if policy is StreamPolicy.ALLOW or viewer.sees_all or viewer.id == owner_id:
        return Access.PLAYABLE
    if policy is StreamPolicy.BLOCK:
        return Access.BLOCKED
    return Access.PLAYABLE if Feature.FULL_PLAYBACK in viewer.entitlements.features else Access.PREVIEW


def may_hear(access: Access, rendition: str) -> bool:
    """Whether whoever has that access may be told where the rendition of that name is."""
    return access is Access.PLAYABLE or (access is Access.PREVIEW and rendition == PREVIEW)


def refuse_unless_playable(access: Access) -> None:
    """Raise Forbidden(preview_only | blocked)."""
    if access is Access.PREVIEW:
        plans = " or ".join(plan.name for plan in PLANS if Feature.FULL_PLAYBACK in plan.entitlements.features)
        raise Forbidden("preview_only", f"Only a preview of this track can be played. All of it needs a plan: {plans}.")
    if access is Access.BLOCKED:
        raise Forbidden("blocked", "This track cannot be played here.")


class Uncounted(StrEnum):
    """Why a play is kept but not counted."""

    TOO_SHORT = "too_short"
    """Less was heard than half of the track or thirty seconds, whichever is less."""
    COUNTED_BEFORE = "counted_before"
    """This listener's last counted play of the track began its window less than an hour ago."""
    TOO_MANY_FROM_HERE = "too_many_from_here"
    """As many visitors as may count were counted from this address within the hour."""
    OWN = "own"
    """It is the listener's own track."""
    NOT_PLAYABLE = "not_playable"
    """This listener may hear a preview of the track at most."""


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


# Who heard what somebody heard who deleted their account since.
FORGOTTEN = "forgotten"


def listener_of(account_id: AccountId | None, visitor: str, place: str = "") -> str:
    """Who hears, for counting once: the account, or the visitor of that hash, at a place if that is known."""
    return f"{visitors_at(place)}{visitor}" if account_id is None else f"account:{account_id}"


def visitors_at(place: str) -> str:
    """What the names of all listeners at a place begin with."""
    return f"visitor:{place}:" if place else "visitor:"


def why_uncounted(
    *,
    position_ms: int,
    duration_ms: int,
    last_counted: datetime | None,
    at: datetime,
    own: bool = False,
    access: Access = Access.PLAYABLE,
    counted_here: int = 0,
) -> Uncounted | None:
    """Why a play does not count, or None where it does.

    `last_counted` is when this listener last moved the counter, `counted_here` how many visitors of the same place did
    within the window.
    """
    if own:
        return Uncounted.OWN
    if access is not Access.PLAYABLE:
        return Uncounted.NOT_PLAYABLE
    if position_ms < min(duration_ms / 2, HEARD_MS):
        return Uncounted.TOO_SHORT
    if last_counted is not None and at - last_counted < PLAY_WINDOW:
        return Uncounted.COUNTED_BEFORE
    if counted_here >= COUNTED_FROM_ONE_PLACE:
        return Uncounted.TOO_MANY_FROM_HERE
    return None
