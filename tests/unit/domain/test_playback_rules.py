"""Manifests, what of a track may be heard, and what files are called."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundgraph.domain.ids import AccountId
from soundgraph.domain.plans import LISTENER
from soundgraph.domain.playback import access_to, file_name, file_type, hls_media_playlist, url_lifetime
from soundgraph.domain.tracks import Rendition, Segment, StreamPolicy
from soundgraph.domain.visibility import ANYONE, Role, Viewer

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


@pytest.mark.parametrize(
    ("head", "codec", "extension"),
    [
        (b"RIFF\x00\x00\x00\nWAVEfmt ", "pcm_s16le", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "pcm_s24le", "wav"),
        (b"FORM\x00\x00\x00\x00AIFC", "pcm_s16be", "aiff"),
        (b"fLaC\x00", "flac", "flac"),
        (b"\x00\x00\x00\x20ftypM4A ", "alac", "m4a"),
        (b"OggS\x00", "vorbis", "ogg"),
        (b"OggS\x00", "opus", "opus"),
        (b"\x1aE\xdf\xa3", "opus", "webm"),
        (b"\xff\xf1\x50\x80", "aac", "aac"),
        (b"\xff\xfb\x90\x00", "mp3", "mp3"),
        (b"ID3\x04\x00", "mp3", "mp3"),
        (b"ID3\x04\x00", "flac", "flac"),
        (b"ID3\x04\x00", "aac", "aac"),
        (b"", "", "mp3"),
    ],
)
def test_an_original_is_called_what_it_is(head: bytes, codec: str, extension: str) -> None:
    assert file_type(head, codec).extension == extension


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Four Chords", "Four Chords.mp3"),
        ("../../etc/passwd", "etc passwd.mp3"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie x.mp3"),
        ("...", "track.mp3"),
        ("Grüße 🎶", "Grüße 🎶.mp3"),
        ("é" * 150, "é" * 100 + ".mp3"),
        ("a\u202egnp.exe", "a gnp.exe.mp3"),
    ],
)
def test_a_file_name_is_a_title_that_any_disk_takes(title: str, name: str) -> None:
    assert file_name(title, "mp3") == name


def test_a_policy_binds_everyone_but_the_owner_and_moderators() -> None:
    owner, other = AccountId(UUID(int=1)), AccountId(UUID(int=2))
    viewers = [ANYONE, Viewer(other), Viewer(other, entitlements=LISTENER.entitlements), Viewer(owner)]
    viewers.append(Viewer(other, Role.MODERATOR))
    expected = {
        StreamPolicy.ALLOW: ["playable"] * 5,
        StreamPolicy.SNIP: ["preview", "preview", "playable", "playable", "playable"],
        StreamPolicy.BLOCK: ["blocked", "blocked", "blocked", "playable", "playable"],
    }
    for policy, answers in expected.items():
        assert [access_to(one, owner, policy) for one in viewers] == answers
