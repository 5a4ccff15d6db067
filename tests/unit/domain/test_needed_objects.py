"""Which objects a track needs, and which it may yet need."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from soundgraph.domain.ids import AccountId, RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import Analysis, Failure, Rendition, Segment, Track, TrackDetails, Upload
from soundgraph.domain.visibility import Standing

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REVISION = RevisionId(UUID(int=3))
MADE = f"renditions/{UUID(int=4)}/{REVISION}"
ORIGINAL = f"originals/{UUID(int=4)}/{REVISION}/abc"
QUARANTINE = f"quarantine/{UUID(int=2)}"
HLS = Rendition("aac_160k", f"{MADE}/2/init", 1, (Segment(f"{MADE}/2/0", 10), Segment(f"{MADE}/2/1", 10)))
STORED = {ORIGINAL, f"{MADE}/2/waveform", f"{MADE}/2/init", f"{MADE}/2/0", f"{MADE}/2/1"}


@pytest.fixture
def track() -> Track:
    upload = Upload.begin(UploadId(UUID(int=2)), AccountId(UUID(int=1)), filename="take.wav", at=NOON)
    upload.complete(size_bytes=3, sha256="abc")
    details = TrackDetails(title="Take")
    made, _ = Track.create(TrackId(UUID(int=4)), REVISION, upload, details=details, permalink="take", at=NOON)
    return made


def make_ready(track: Track) -> None:
    track.finish_analysis(REVISION, Analysis(1_000, 44_100, 2, "pcm", f"{MADE}/2/waveform"), at=NOON)
    track.finish_rendition(REVISION, HLS, at=NOON)


def test_in_processing_nothing_is_needed_yet_and_everything_may_be(track: Track) -> None:
    assert track.needed_keys() == set()
    assert all(track.may_need(key) for key in (*STORED, QUARANTINE, f"{MADE}/1/x"))
    others = (f"quarantine/{UUID(int=9)}", f"renditions/{UUID(int=4)}/{UUID(int=9)}/1/x", f"{ORIGINAL}x")
    assert not any(track.may_need(key) for key in others)


def test_what_plays_is_needed_and_nothing_else(track: Track) -> None:
    make_ready(track)
    assert track.needed_keys() == STORED
    assert all(track.may_need(key) for key in STORED)
    assert not any(track.may_need(key) for key in (QUARANTINE, f"{MADE}/1/x", f"{MADE}/2/x"))


@pytest.mark.parametrize("retryable", [True, False])
def test_what_failed_may_be_needed_where_it_can_be_tried_again(track: Track, retryable: bool) -> None:
    track.fail(REVISION, Failure("storing", "full", "Full.", retryable=retryable))
    assert track.needed_keys() == set()
    assert {track.may_need(key) for key in (ORIGINAL, QUARANTINE)} == {retryable}


def test_what_is_removed_needs_nothing_and_what_is_hidden_does(track: Track) -> None:
    make_ready(track)
    track.standing = Standing.HIDDEN
    assert track.needed_keys() == STORED
    track.standing = Standing.REMOVED
    assert track.needed_keys() == set()
    assert not track.may_need(ORIGINAL)
