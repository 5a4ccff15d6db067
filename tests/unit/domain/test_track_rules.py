"""Uploads, and tracks with their revisions."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soundgraph.domain.errors import Conflict, NotFound
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, RevisionId, TrackId, UploadId
from soundgraph.domain.tracks import (
    LICENSES,
    UPLOAD_LIFETIME,
    Analysis,
    Failure,
    Loudness,
    Rendition,
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    RevisionState,
    Track,
    TrackDetails,
    TrackPublished,
    TrackRemoved,
    TrackState,
    Upload,
    permalink_errors,
    slugify,
)
from soundgraph.domain.visibility import Audience, Standing

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWNER = AccountId(UUID(int=1))
REVISION = RevisionId(UUID(int=3))
ANALYSIS = Analysis(1_000, 44_100, 2, "pcm", "waveform")
MP3, AAC = Rendition("mp3_128k", "mp3", 1), Rendition("aac_160k", "init", 1)
BROKEN, BUSY = Failure("probing", "no_audio", "No audio."), Failure("storing", "full", "Full.", retryable=True)


def an_upload() -> Upload:
    return Upload.begin(UploadId(UUID(int=2)), OWNER, filename="take.wav", at=NOON)


def a_track(audience: Audience = Audience.PUBLIC) -> Track:
    upload = an_upload()
    upload.complete(size_bytes=3, sha256="abc")
    details = TrackDetails(title="Take", audience=audience)
    track, received = Track.create(TrackId(UUID(int=4)), REVISION, upload, details=details, permalink="take", at=NOON)
    assert received == RevisionReceived(track_id=track.id, revision_id=REVISION)
    return track


def test_an_upload_waits_in_quarantine_for_a_day() -> None:
    upload = an_upload()
    assert upload.key == f"quarantine/{upload.id}"
    assert upload.expires_at == NOON + UPLOAD_LIFETIME


@given(st.text(max_size=400))
def test_a_file_name_is_normalised_and_cut(filename: str) -> None:
    kept = Upload.begin(UploadId(UUID(int=2)), OWNER, filename=filename, at=NOON).filename
    assert len(kept) <= 255
    assert unicodedata.normalize("NFC", filename).startswith(kept)


def test_an_upload_is_completed_once() -> None:
    upload = an_upload()
    upload.complete(size_bytes=3, sha256="abc")
    assert (upload.size_bytes, upload.sha256) == (3, "abc")
    with pytest.raises(Conflict) as refusal:
        upload.complete(size_bytes=4, sha256="abcd")
    assert refusal.value.code == "upload_completed"


def test_an_upload_that_is_given_up_expires_at_once() -> None:
    upload = an_upload()
    upload.abandon(at=NOON)
    assert upload.expires_at == NOON


def test_an_incomplete_upload_makes_no_track() -> None:
    details = TrackDetails(title="Take")
    with pytest.raises(Conflict) as refusal:
        Track.create(TrackId(UUID(int=4)), REVISION, an_upload(), details=details, permalink="take", at=NOON)
    assert refusal.value.code == "upload_incomplete"


@pytest.mark.parametrize(
    ("details", "field"),
    [
        (TrackDetails(title=""), "title"),
        (TrackDetails(title="x" * 201), "title"),
        (TrackDetails(title="x", description="x" * 5_001), "description"),
        (TrackDetails(title="x", genre="x" * 61), "genre"),
        (TrackDetails(title="x", tags=("x",) * 31), "tags"),
        (TrackDetails(title="x", tags=("",)), "tags"),
        (TrackDetails(title="x", tags=("x" * 61,)), "tags"),
        (TrackDetails(title="x", license="mine"), "license"),
    ],
)
def test_each_detail_has_its_rule(details: TrackDetails, field: str) -> None:
    assert [one.field for one in details.errors()] == [field]


def test_every_broken_detail_is_named() -> None:
    details = TrackDetails(title="", description="x" * 5_001, genre="x" * 61, tags=("",), license="")
    assert [one.field for one in details.errors()] == ["title", "description", "genre", "tags", "license"]


@pytest.mark.parametrize("name", sorted(LICENSES))
def test_every_license_is_known(name: str) -> None:
    limits = TrackDetails(title="x" * 200, description="x" * 5_000, genre="x" * 60, tags=("x" * 60,) * 30, license=name)
    assert limits.errors() == []


@given(st.text(max_size=200))
def test_a_slug_is_lower_case_words_and_never_empty(title: str) -> None:
    slug = slugify(title)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= 60
    assert slugify(slug) == slug


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Señor, ¿qué?", "senor-que"), ("日本", "track"), ("  A  B ", "a-b"), ("x" * 70, "x" * 60), ("", "track")],
)
def test_slugs_that_people_expect(title: str, slug: str) -> None:
    assert slugify(title) == slug


@given(st.text(max_size=200))
def test_what_is_made_from_a_title_is_a_permalink_that_one_could_choose(title: str) -> None:
    assert permalink_errors(slugify(title)) == []
    assert permalink_errors(None) == []


@pytest.mark.parametrize("permalink", ["", "-song", "Song", "so ng", "so/ng", "..", "s" * 61, "song\n", "sóng"])
def test_permalinks_that_are_refused(permalink: str) -> None:
    assert [one.field for one in permalink_errors(permalink)] == ["permalink"]


def test_keys_are_apart_for_every_attempt() -> None:
    track = a_track()
    revision = track.revision(REVISION)
    assert track.original_key(revision) == f"originals/{track.id}/{REVISION}/abc"
    prefixes = [track.rendition_prefix(revision, attempt) for attempt in (1, 10)]
    assert not prefixes[1].startswith(prefixes[0])
    assert all(prefix.startswith(track.media_prefix) for prefix in prefixes)


def test_a_revision_that_is_not_its_own_is_not_found() -> None:
    with pytest.raises(NotFound):
        a_track().revision(RevisionId(UUID(int=9)))


@pytest.mark.parametrize("waveform_first", [True, False])
def test_a_track_is_ready_with_its_waveform_and_first_rendition(waveform_first: bool) -> None:
    track = a_track()
    track.begin_processing(REVISION)
    assert (track.state, track.live) == (TrackState.PROCESSING, None)

    def analyse() -> list[Event]:
        return track.finish_analysis(REVISION, ANALYSIS, at=NOON)

    def encode() -> list[Event]:
        return track.finish_rendition(REVISION, MP3, at=NOON)

    first, second = (analyse, encode) if waveform_first else (encode, analyse)
    assert first() == []
    assert second() == [
        RevisionReady(track_id=track.id, revision_id=REVISION),
        TrackPublished(track_id=track.id, owner_id=OWNER),
    ]
    assert (track.state, track.published_at) == (TrackState.READY, NOON)
    assert track.live is track.revision(REVISION)


def test_later_renditions_join_and_a_repeated_one_replaces() -> None:
    track = a_track()
    track.finish_analysis(REVISION, ANALYSIS, at=NOON)
    track.finish_rendition(REVISION, MP3, at=NOON)
    assert track.finish_rendition(REVISION, AAC, at=NOON) == []
    again = Rendition("mp3_128k", "mp3 of another attempt", 2)
    assert track.finish_rendition(REVISION, again, at=NOON) == []
    revision = track.revision(REVISION)
    assert (revision.rendition("mp3_128k"), revision.rendition("aac_160k")) == (again, AAC)
    assert revision.rendition("opus_64k") is None


def test_loudness_belongs_to_what_was_analysed() -> None:
    track, loud = a_track(), Loudness(-14.0, 5.0, -1.0)
    assert track.revision(REVISION).measured(loud) == []
    assert track.revision(REVISION).analysis is None
    track.finish_analysis(REVISION, ANALYSIS, at=NOON)
    track.revision(REVISION).measured(loud)
    analysis = track.revision(REVISION).analysis
    assert analysis is not None
    assert analysis.loudness == loud


def test_a_failure_ends_it_and_leaves_nothing_behind() -> None:
    track = a_track()
    track.begin_processing(REVISION)
    track.finish_analysis(REVISION, ANALYSIS, at=NOON)
    assert track.fail(REVISION, BROKEN) == [RevisionFailed(track_id=track.id, revision_id=REVISION, code="no_audio")]
    assert track.state is TrackState.FAILED
    assert track.revision(REVISION).analysis is None
    assert track.fail(REVISION, BUSY) == []
    assert track.revision(REVISION).failure == BROKEN


def test_nothing_late_revives_a_failed_revision() -> None:
    track = a_track()
    track.fail(REVISION, BUSY)
    assert track.finish_analysis(REVISION, ANALYSIS, at=NOON) == []
    assert track.finish_rendition(REVISION, MP3, at=NOON) == []
    assert (track.state, track.live) == (TrackState.FAILED, None)
    with pytest.raises(Conflict) as refusal:
        track.begin_processing(REVISION)
    assert refusal.value.code == "revision_failed"


def test_only_a_retryable_failure_is_processed_again() -> None:
    track = a_track()
    with pytest.raises(Conflict, match="retryable"):
        track.retry(REVISION)
    track.fail(REVISION, BUSY)
    assert track.retry(REVISION) == RevisionReceived(track_id=track.id, revision_id=REVISION)
    assert track.revision(REVISION).failure is None
    assert track.state is TrackState.PROCESSING
    track.fail(REVISION, BROKEN)
    with pytest.raises(Conflict) as refusal:
        track.retry(REVISION)
    assert refusal.value.code == "not_retryable"


def test_what_is_private_is_published_when_it_becomes_public() -> None:
    track = a_track(Audience.PRIVATE)
    track.finish_analysis(REVISION, ANALYSIS, at=NOON)
    assert track.finish_rendition(REVISION, MP3, at=NOON) == [RevisionReady(track_id=track.id, revision_id=REVISION)]
    assert track.published_at is None
    later = NOON + timedelta(days=1)
    assert track.edit(TrackDetails(title="Take"), at=later) == [TrackPublished(track_id=track.id, owner_id=OWNER)]
    assert track.edit(TrackDetails(title="Take two"), at=later + timedelta(days=1)) == []
    assert track.published_at == later


def test_removing_twice_is_removing_once() -> None:
    track = a_track()
    assert track.remove() == [TrackRemoved(track_id=track.id, owner_id=OWNER)]
    assert track.remove() == []
    assert track.standing is Standing.REMOVED


class Processing(RuleBasedStateMachine):
    """Anything that workers, killed and overtaken, and the owner may do to a track, in any order."""

    @initialize(audience=st.sampled_from([Audience.PUBLIC, Audience.PRIVATE]))
    def upload(self, audience: Audience) -> None:
        self.track, self.now = a_track(audience), NOON
        self.events: list[Event] = []
        self.published: datetime | None = None
        self.before = RevisionState.RECEIVED

    @property
    def state(self) -> RevisionState:
        return self.track.revisions[-1].state

    @rule()
    def begin(self) -> None:
        if self.state is RevisionState.FAILED:
            with pytest.raises(Conflict):
                self.track.begin_processing(REVISION)
        else:
            self.track.begin_processing(REVISION)

    @rule()
    def analyse(self) -> None:
        self.events += self.track.finish_analysis(REVISION, ANALYSIS, at=self.now)

    @rule(name=st.sampled_from(["mp3_128k", "aac_160k"]))
    def encode(self, name: str) -> None:
        self.events += self.track.finish_rendition(REVISION, Rendition(name, str(uuid4()), 1), at=self.now)

    @rule(failure=st.sampled_from([BROKEN, BUSY]))
    def fail(self, failure: Failure) -> None:
        self.events += self.track.fail(REVISION, failure)

    @precondition(lambda self: self.track.revisions[-1].unsettled and self.track.revisions[-1].failure)
    @rule()
    def retry(self) -> None:
        self.track.retry(REVISION)

    @rule(audience=st.sampled_from(Audience))
    def edit(self, audience: Audience) -> None:
        self.now += timedelta(minutes=1)
        self.events += self.track.edit(TrackDetails(title="Take", audience=audience), at=self.now)

    @invariant()
    def the_parts_agree(self) -> None:
        revision, track = self.track.revisions[-1], self.track
        assert (revision.state is RevisionState.READY) == (track.live_id is not None)
        assert revision.state is not RevisionState.FAILED or revision.failure is not None
        assert revision.failure is None or revision.state in (RevisionState.FAILED, RevisionState.READY)
        assert len({one.name for one in revision.renditions}) == len(revision.renditions)
        if revision.state is RevisionState.READY:
            assert revision.analysis
            assert revision.renditions
        if revision.state is RevisionState.FAILED:
            assert revision.analysis is None
            assert revision.renditions == ()

    @invariant()
    def what_plays_keeps_playing(self) -> None:
        if self.before is RevisionState.READY:
            assert self.state is RevisionState.READY
        self.before = self.state

    @invariant()
    def it_is_published_at_most_once(self) -> None:
        told = [one for one in self.events if isinstance(one, TrackPublished)]
        assert len(told) == (self.track.published_at is not None)
        assert self.published in (None, self.track.published_at)
        self.published = self.track.published_at
        assert sum(isinstance(one, RevisionReady) for one in self.events) <= 1


Processing.TestCase.settings = settings(deadline=None, max_examples=100)
TestProcessing = Processing.TestCase
