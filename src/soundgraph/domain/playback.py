"""How a finished rendition is played."""

from collections.abc import Callable
from datetime import timedelta

from soundgraph.domain.tracks import Rendition

HLS_AAC_160 = "aac_160k"
MP3_128 = "mp3_128k"
RENDITION_GRACE = timedelta(minutes=15)


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
