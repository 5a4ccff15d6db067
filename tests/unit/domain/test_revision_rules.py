"""Other audio for a track, what it takes of an allowance, and plans as data."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundgraph.adapters.pyav.protocol import Limits
from soundgraph.domain.errors import Conflict, Forbidden, NotFound
from soundgraph.domain.ids import AccountId, RevisionId, TrackId, UploadId
from soundgraph.domain.plans import (
    CREATOR,
    FREE,
    FREE_SECONDS,
    LISTENER,
    PLANS,
    Allowance,
    Feature,
    Usage,
    entitlements,
)
from soundgraph.domain.tracks import (
    MAX_DURATION_MS,
    MAX_REVISIONS,
    Analysis,
    Failure,
    Rendition,
    RevisionDropped,
    RevisionReady,
    RevisionReceived,
    RevisionRestored,
    RevisionState,
    Track,
    TrackDetails,
    TrackState,
    Upload,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWNER = AccountId(UUID(int=1))
ENDLESS, NONE = Allowance(Usage(), None), Allowance(Usage(), 0)
BROKEN = Failure("probing", "no_audio", "No audio.")


def sent(sha256: str | None = "abc") -> Upload:
    upload = Upload.begin(UploadId(uuid4()), OWNER, filename="take.wav", at=NOON)
    if sha256:
        upload.complete(size_bytes=3, sha256=sha256)
    return upload


def a_track() -> Track:
    details = TrackDetails(title="Take")
    track, _ = Track.create(TrackId(uuid4()), RevisionId(uuid4()), sent(), details=details, permalink="take", at=NOON)
    return track


def get_ready(track: Track, duration_ms: int = 1_000) -> list[object]:
    """Process the newest revision."""
    newest = track.revisions[-1].id
    track.finish_analysis(newest, Analysis(duration_ms, 44_100, 2, "pcm", f"{newest}/waveform"), at=NOON)
    return list(track.finish_rendition(newest, Rendition("mp3_128k", f"{newest}/mp3", 1), at=NOON))


def replace(track: Track, sha256: str | None = "new") -> list[object]:
    return list(track.replace_audio(RevisionId(uuid4()), sent(sha256), at=NOON))


def test_audio_that_is_on_its_way_does_not_play_yet() -> None:
    track = a_track()
    get_ready(track)
    first = track.live
    assert not track.next
    (received,) = replace(track)
    assert received == RevisionReceived(track_id=track.id, revision_id=track.revisions[1].id)
    assert (track.live, track.next) == (first, track.revisions[1])
    assert track.state is TrackState.READY
    ready, *_ = get_ready(track)
    assert ready == RevisionReady(track_id=track.id, revision_id=track.revisions[1].id)
    assert (track.live, track.next) == (track.revisions[1], None)
    assert [one.number for one in track.revisions] == [1, 2]


def test_one_revision_is_on_its_way_at_a_time() -> None:
    track = a_track()
    for _ in range(2):
        with pytest.raises(Conflict) as refusal:
            replace(track)
        assert refusal.value.code == "audio_in_processing"
        track.begin_processing(track.revisions[0].id)
    get_ready(track)
    with pytest.raises(Conflict):
        replace(track, sha256=None)


def test_a_failed_revision_makes_way() -> None:
    track = a_track()
    get_ready(track)
    replace(track)
    failed = track.revisions[-1]
    track.fail(failed.id, BROKEN)
    assert (track.state, track.next) == (TrackState.READY, failed)
    dropped, _ = replace(track)
    assert dropped == RevisionDropped(track_id=track.id, revision_id=failed.id, quarantine_key=failed.quarantine_key)
    assert [one.number for one in track.revisions] == [1, 3]
    assert not track.keeps(failed.id)


def test_bytes_are_known_again_unless_they_failed() -> None:
    track = a_track()
    assert track.has_audio("abc")
    get_ready(track)
    assert track.has_audio("abc")
    replace(track)
    assert (track.has_audio("abc"), track.has_audio("new")) == (False, True)
    track.fail(track.revisions[-1].id, BROKEN)
    assert not track.has_audio("new")


def test_the_oldest_ready_ones_go_and_what_plays_never_does() -> None:
    track = a_track()
    get_ready(track)
    for number in range(2, MAX_REVISIONS + 1):
        replace(track)
        assert not any(isinstance(one, RevisionDropped) for one in get_ready(track))
        assert len(track.revisions) == number
    track.restore(track.revisions[0].id, ENDLESS)
    replace(track)
    assert track.live == track.revisions[0]
    first = track.revisions[0]
    happened = get_ready(track)
    assert [one.revision_id for one in happened if isinstance(one, RevisionDropped)] == [first.id]
    assert len(track.revisions) == MAX_REVISIONS
    assert track.live == track.revisions[-1]
    assert first.stored_keys().isdisjoint(track.needed_keys())
    assert not any(track.may_need(key) for key in (*first.stored_keys(), track.original_key(first)))


def test_what_is_kept_is_needed() -> None:
    track = a_track()
    get_ready(track)
    replace(track)
    get_ready(track)
    for revision in track.revisions:
        assert {*revision.stored_keys(), track.original_key(revision)} <= track.needed_keys()


def test_restoring() -> None:
    track = a_track()
    get_ready(track)
    replace(track)
    get_ready(track)
    first, second = track.revisions
    assert track.restore(first.id, ENDLESS) == [RevisionRestored(track_id=track.id, revision_id=first.id)]
    assert track.live == first
    assert track.restore(first.id, ENDLESS) == []
    with pytest.raises(NotFound):
        track.restore(RevisionId(uuid4()), ENDLESS)
    replace(track)
    with pytest.raises(Conflict) as refusal:
        track.restore(second.id, ENDLESS)
    assert refusal.value.code == "audio_in_processing"
    failed = track.revisions[-1]
    track.fail(failed.id, BROKEN)
    with pytest.raises(Conflict) as refusal:
        track.restore(failed.id, ENDLESS)
    assert refusal.value.code == "not_restorable"
    happened = track.restore(second.id, ENDLESS)
    assert [type(one) for one in happened] == [RevisionDropped, RevisionRestored]
    assert track.revisions == [first, second]


def test_restoring_what_is_longer_takes_room() -> None:
    track = a_track()
    get_ready(track, 5_000)
    replace(track)
    get_ready(track, 1_000)
    first, second = track.revisions
    with pytest.raises(Forbidden) as refusal:
        track.restore(first.id, Allowance(Usage(1_000), 4_999))
    assert refusal.value.code == "plan_limit"
    track.live_id = second.id
    assert track.restore(first.id, Allowance(Usage(1_000), 5_000))
    assert track.takes == Usage(5_000, 0)
    # Shorter is always possible, however much more than allowed there is.
    assert track.restore(second.id, Allowance(Usage(5_000), 0))


def test_a_track_takes_the_longer_of_what_plays_and_what_comes() -> None:
    track = a_track()
    first = track.revisions[0].id
    assert track.takes == Usage()
    assert track.reserve(first, 900, ENDLESS)
    assert track.takes == Usage(0, 900)
    get_ready(track, 1_000)
    assert track.takes == Usage(1_000, 0)
    assert track.reserve(first, 5_000, NONE)
    assert track.takes == Usage(1_000, 0)
    replace(track)
    second = track.revisions[1].id
    assert track.reserve(second, 800, NONE)
    assert track.takes == Usage(1_000, 0)
    assert not track.reserve(second, 1_001, NONE)
    assert track.takes == Usage(1_000, 0)
    assert track.reserve(second, 1_500, Allowance(Usage(1_000), 1_500))
    assert track.takes == Usage(1_000, 500)
    track.fail(second, BROKEN)
    assert track.takes == Usage(1_000, 0)
    track.remove()
    assert track.takes == Usage()


def test_an_allowance_admits_what_fits() -> None:
    allowance = Allowance.of("free", Usage(FREE_SECONDS * 1000 - 100, 40))
    assert allowance.left_ms == 60
    assert [allowance.admits(more) for more in (-5, 0, 60, 61)] == [True, True, True, False]
    over = Allowance.of("free", Usage(FREE_SECONDS * 1000, 1))
    assert (over.left_ms, over.admits(0), over.admits(1)) == (0, True, False)
    assert Allowance.of("creator", Usage(10**12)).admits(10**12)
    assert Allowance.of("creator", Usage()).left_ms is None


def test_plans_are_data() -> None:
    assert [one.name for one in PLANS] == ["free", "creator", "listener"]
    assert entitlements("gold") == FREE.entitlements
    CREATOR.entitlements.refuse_without(Feature.REPLACE_AUDIO)
    with pytest.raises(Forbidden) as refusal:
        LISTENER.entitlements.refuse_without(Feature.REPLACE_AUDIO)
    assert (refusal.value.code, "creator" in refusal.value.message) == ("plan_limit", True)


def test_preflight_knows_the_longest_that_is_processed() -> None:
    assert Limits().max_duration * 1000 == MAX_DURATION_MS


STEPS = st.lists(
    st.tuples(st.sampled_from(["replace", "ready", "fail", "restore", "reserve"]), st.integers(0, 12)), max_size=60
)


@settings(max_examples=200)
@given(STEPS)
def test_whatever_happens_the_newest_alone_is_unfinished_and_what_plays_is_kept(steps: list[tuple[str, int]]) -> None:
    track = a_track()
    for verb, number in steps:
        newest = track.revisions[-1]
        match verb:
            case "replace" if newest.state in (RevisionState.READY, RevisionState.FAILED):
                replace(track)
            case "ready" if newest.state is not RevisionState.FAILED:
                get_ready(track, number * 100)
            case "fail":
                track.fail(newest.id, BROKEN)
            case "restore" if track.next is None:
                track.restore(track.revisions[number % len(track.revisions)].id, ENDLESS)
            case "reserve":
                track.reserve(newest.id, number * 100, ENDLESS)
        assert all(one.state is RevisionState.READY for one in track.revisions[:-1])
        assert sum(one.state is RevisionState.READY for one in track.revisions) <= MAX_REVISIONS
        assert (track.live is None) == all(one.state is not RevisionState.READY for one in track.revisions)
        assert track.takes.used_ms >= 0
        assert track.takes.reserved_ms >= 0
