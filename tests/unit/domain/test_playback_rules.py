"""Manifests, and how long what they point at lives."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from soundgraph.domain.playback import hls_media_playlist, url_lifetime
from soundgraph.domain.tracks import Rendition, Segment

SEGMENTS = st.lists(st.builds(Segment, key=st.uuids().map(str), duration_ms=st.integers(1, 12_000)), max_size=20)


@given(st.integers(0, 10**8))
def test_a_url_outlives_one_listening(duration_ms: int) -> None:
    assert url_lifetime(duration_ms) == timedelta(milliseconds=duration_ms, minutes=15)


def test_a_manifest_as_the_standard_wants_it() -> None:
    rendition = Rendition("aac_160k", "init", 10, (Segment("one", 6_006), Segment("two", 1_500)))
    assert hls_media_playlist(rendition, "https://sound.example/{}".format) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:7\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="https://sound.example/init"\n'
        "#EXTINF:6.006,\n"
        "https://sound.example/one\n"
        "#EXTINF:1.500,\n"
        "https://sound.example/two\n"
        "#EXT-X-ENDLIST\n"
    )


@given(SEGMENTS)
def test_no_segment_is_longer_than_the_target_and_all_are_listed_in_order(segments: list[Segment]) -> None:
    lines = hls_media_playlist(Rendition("aac_160k", "init", 1, tuple(segments)), lambda key: key).splitlines()
    target = next(int(line.partition(":")[2]) for line in lines if line.startswith("#EXT-X-TARGETDURATION"))
    durations = [float(line[len("#EXTINF:") : -1]) for line in lines if line.startswith("#EXTINF:")]
    assert all(duration <= target for duration in durations)
    assert abs(sum(durations) * 1000 - sum(one.duration_ms for one in segments)) < 1
    assert [line for line in lines if not line.startswith("#")] == [one.key for one in segments]
