"""Processing audio: what is kept, what is cleaned up, and what happens to workers that fail, die or are overtaken."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import a_debt, dead_letters, join, once, owed, stored_track, tiny_wav, upload

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.deliveries import LEASE, DeadLetters
from soundgraph.application.ports import Debt, ObjectStore
from soundgraph.application.tracks import (
    DeleteTrack,
    GiveUpOnRevision,
    MediaFailed,
    MediaProcessor,
    ProcessRevision,
    Progress,
    ReadTrack,
    RetryTrack,
)
from soundgraph.application.views import TrackView
from soundgraph.domain.errors import Conflict, LimitReached, Stale
from soundgraph.domain.events import DeliveryExhausted
from soundgraph.domain.ids import EventId, RevisionId, TrackId
from soundgraph.domain.tracks import Analysis, Failure, Rendition, RevisionReceived, Segment
from soundgraph.domain.visibility import ANYONE, Actor, Viewer

PROCESS = "tracks.process"
BROKEN = Failure("probing", "no_audio", "There is no audio in this file.")
FULL = Failure("storing", "storage_full", "There is no room.", retryable=True)

Step = str | Exception | Callable[[], Awaitable[object]]


class Scripted(MediaProcessor):
    """Plays one script an attempt. A name stores an object and yields its result, an exception is raised, anything
    else is awaited. After the last script every attempt succeeds."""

    store: ObjectStore

    def __init__(self, *scripts: list[Step]) -> None:
        self.scripts = list(scripts)
        self.prefixes: list[str] = []

    async def process(self, original_key: str, *, into: str) -> AsyncGenerator[Progress | Analysis | Rendition]:
        self.prefixes.append(into)
        assert await self.store.size(original_key)
        for step in self.scripts.pop(0) if self.scripts else ["probing", "waveform", "mp3", "aac"]:
            if isinstance(step, Exception):
                raise step
            if not isinstance(step, str):
                await step()
                continue
            key = f"{into}{step}"
            await self.store.put(key, once(step.encode()))
            yield self.result(step, key)

    def result(self, step: str, key: str) -> Progress | Analysis | Rendition:
        match step:
            case "waveform":
                return Analysis(1_000, 8_000, 1, "pcm", key)
            case "mp3":
                return Rendition("mp3_128k", key, 3)
            case "aac":
                return Rendition("aac_160k", key, 3, (Segment(key, 1_000),))
            case _:
                return Progress(step, 10)


def scripted(*scripts: list[Step]) -> tuple[World, Scripted]:
    """A world whose media processor keeps to a script."""
    media = Scripted(*scripts)
    app = memory_app({MediaProcessor: media})
    media.store = app.store
    return app, media


def hopeless() -> list[list[Step]]:
    """As many attempts as there are, each of which breaks."""
    return [[OSError("disk")] for _ in range(5)]


async def posted(app: World) -> tuple[Actor, TrackId]:
    """Somebody, and a track of theirs whose processing is owed."""
    ada = await join(app, "ada")
    return ada, await upload(app, ada)


async def view(app: World, track_id: TrackId, viewer: Viewer = ANYONE) -> TrackView:
    return await app.use(ReadTrack)(viewer=viewer, track_id=track_id)


async def dangling(app: World, media: Scripted, track_id: TrackId) -> list[str]:
    """The keys that a track refers to and the store does not hold."""
    track = await stored_track(app, track_id)
    keys: list[str] = []
    for revision in track.revisions:
        keys += [one.key for one in revision.renditions]
        keys += [revision.analysis.waveform_key] if revision.analysis else []
    return [key for key in keys if await media.store.size(key) is None]


async def kept(media: Scripted, prefix: str) -> bool:
    """Whether anything that an attempt stored is still there."""
    return any([await media.store.size(f"{prefix}{name}") for name in ("probing", "waveform", "mp3", "aac")])


async def originals(app: World, media: Scripted, track_id: TrackId) -> tuple[bool, bool]:
    """Whether the bytes are in quarantine, and whether they are kept as an original."""
    track = await stored_track(app, track_id)
    revision = track.revisions[-1]
    quarantined = await media.store.size(revision.quarantine_key)
    return quarantined is not None, await media.store.size(track.original_key(revision)) is not None


async def test_what_the_processor_yields_becomes_what_plays() -> None:
    app, media = scripted()
    _, track_id = await posted(app)
    assert await originals(app, media, track_id) == (True, False)
    await app.settle()
    seen = await view(app, track_id)
    assert (seen.state, seen.duration_ms, seen.progress, seen.stage) == ("ready", 1_000, 100, None)
    track = await stored_track(app, track_id)
    assert track.live is not None
    assert {one.name for one in track.live.renditions} == {"mp3_128k", "aac_160k"}
    assert await originals(app, media, track_id) == (False, True)
    assert await dangling(app, media, track_id) == []


async def test_progress_is_seen_while_it_lasts() -> None:
    looked: list[tuple[int, str | None]] = []

    async def look() -> None:
        seen = await view(app, track_id)
        looked.append((seen.progress, seen.stage))

    app, _ = scripted([look, "transcoding", look])
    _, track_id = await posted(app)
    await app.settle()
    assert looked == [(0, "received"), (10, "transcoding")]


@pytest.mark.parametrize("failure", [BROKEN, FULL])
async def test_a_failure_says_why_and_leaves_no_objects(failure: Failure) -> None:
    app, media = scripted(["waveform", MediaFailed(failure)])
    ada, track_id = await posted(app)
    await app.settle()
    seen = await view(app, track_id, ada)
    assert (seen.state, seen.duration_ms, seen.waveform_url) == ("failed", None, None)
    assert seen.failure is not None
    assert (seen.failure.code, seen.failure.message, seen.failure.retryable) == (
        failure.code,
        failure.message,
        failure.retryable,
    )
    assert not await kept(media, media.prefixes[0])
    assert await originals(app, media, track_id) == (False, failure.retryable)
    assert await owed(app) == []


async def test_a_retryable_failure_is_processed_again_from_the_original() -> None:
    app, media = scripted(["waveform", MediaFailed(FULL)], ["mp3", "probing", "waveform"])
    ada, track_id = await posted(app)
    await app.settle()
    version = (await view(app, track_id)).version
    with pytest.raises(Stale):
        await app.use(RetryTrack)(actor=ada, track_id=track_id, version=version - 1)
    await app.use(RetryTrack)(actor=ada, track_id=track_id, version=version)
    assert (await view(app, track_id)).state == "processing"
    await app.settle()
    assert (await view(app, track_id)).state == "ready"
    assert await dangling(app, media, track_id) == []


async def test_a_retry_waits_for_two_others_in_processing() -> None:
    app, _ = scripted(["waveform", MediaFailed(FULL)], ["mp3", "waveform"], ["mp3", "waveform"])
    ada, track_id = await posted(app)
    await app.settle()
    for title in ("One", "Two"):
        await upload(app, ada, title)
    with pytest.raises(LimitReached) as refusal:
        await app.use(RetryTrack)(actor=ada, track_id=track_id)
    assert refusal.value.code == "too_many_processing"


async def test_a_broken_file_cannot_be_retried() -> None:
    app, _ = scripted([MediaFailed(BROKEN)])
    ada, track_id = await posted(app)
    await app.settle()
    with pytest.raises(Conflict) as refusal:
        await app.use(RetryTrack)(actor=ada, track_id=track_id)
    assert refusal.value.code == "not_retryable"


async def test_what_plays_before_a_failure_keeps_playing_and_says_why_the_rest_is_missing() -> None:
    app, media = scripted(["waveform", "mp3", MediaFailed(BROKEN)])
    ada, track_id = await posted(app)
    await app.settle()
    seen = await view(app, track_id)
    assert (seen.state, seen.failure and seen.failure.code) == ("ready", BROKEN.code)
    assert await dangling(app, media, track_id) == []
    assert await originals(app, media, track_id) == (False, True)
    assert await owed(app) == []
    with pytest.raises(Conflict):
        await app.use(RetryTrack)(actor=ada, track_id=track_id)


async def test_the_rest_of_what_plays_is_made_by_another_attempt() -> None:
    app, media = scripted(["waveform", "mp3", "transcoding", MediaFailed(FULL)])
    _, track_id = await posted(app)
    await app.settle()
    seen = await view(app, track_id)
    assert (seen.state, seen.failure, seen.progress, seen.stage) == ("ready", None, 10, "transcoding")
    app.clock.advance(timedelta(minutes=1))
    await app.settle()
    seen = await view(app, track_id)
    assert (seen.state, seen.failure, seen.progress, seen.stage) == ("ready", None, 100, None)
    live = (await stored_track(app, track_id)).live
    assert live is not None
    assert {one.name for one in live.renditions} == {"mp3_128k", "aac_160k"}
    assert not await kept(media, media.prefixes[0])
    assert await dangling(app, media, track_id) == []


async def test_the_rest_of_what_plays_can_be_tried_again_once_it_was_given_up() -> None:
    playable: list[Step] = ["waveform", "mp3", MediaFailed(FULL)]
    app, media = scripted(*[[*playable] for _ in range(5)], [*playable])
    ada, track_id = await posted(app)
    for _ in range(6):
        await app.settle()
        app.clock.advance(timedelta(hours=1))
    seen = await view(app, track_id)
    assert seen.state == "ready"
    assert seen.failure is not None
    assert (seen.failure.code, seen.failure.stage, seen.failure.retryable) == ("gave_up", "transcoding", True)
    await app.use(RetryTrack)(actor=ada, track_id=track_id)
    for _ in range(2):
        await app.settle()
        assert await dangling(app, media, track_id) == []
        app.clock.advance(timedelta(hours=1))
    seen = await view(app, track_id)
    assert (seen.state, seen.failure) == ("ready", None)
    # No attempt wrote where another one's objects were playing.
    assert len(set(media.prefixes)) == len(media.prefixes)
    assert [await kept(media, prefix) for prefix in media.prefixes] == [*[False] * 6, True]


async def test_an_attempt_that_breaks_is_made_again_after_a_pause_and_its_objects_replaced() -> None:
    app, media = scripted(["waveform", OSError("disk")])
    _, track_id = await posted(app)
    await app.settle()
    assert (await view(app, track_id)).state == "processing"
    assert await owed(app) == []
    app.clock.advance(timedelta(seconds=15))
    await app.settle()
    assert (await view(app, track_id)).state == "ready"
    first, second = media.prefixes
    assert first != second
    assert not await kept(media, first)
    assert await dangling(app, media, track_id) == []


class Busy(MemoryStore):
    """Refuses the first time that anything is to be removed."""

    refused = False

    async def remove_under(self, prefix: str) -> None:
        if not self.refused:
            self.refused = True
            raise OSError("busy")
        await super().remove_under(prefix)


class Halting(MemoryStore):
    """Stops half-way through the first copy, as whoever is killed does."""

    def __init__(self) -> None:
        super().__init__()
        self.half: set[str] = set()
        self.stopped = False

    async def copy(self, source: str, target: str) -> None:
        if not self.stopped:
            self.stopped = True
            self.half.add(target)
            raise OSError("killed")
        await super().copy(source, target)

    async def remove(self, key: str) -> None:
        self.half.discard(key)
        await super().remove(key)


async def test_half_a_copy_of_the_original_is_removed_by_the_next_attempt() -> None:
    media, store = Scripted(), Halting()
    app = memory_app({MediaProcessor: media, ObjectStore: store})
    media.store = app.store = store
    _, track_id = await posted(app)
    await app.settle()
    assert store.half
    app.clock.advance(timedelta(minutes=1))
    await app.settle()
    assert (await view(app, track_id)).state == "ready"
    assert store.half == set()
    assert await originals(app, media, track_id) == (False, True)


async def test_the_debt_is_paid_after_what_earlier_attempts_left_is_gone() -> None:
    media = Scripted(["waveform", OSError("disk")])
    store = Busy()
    app = memory_app({MediaProcessor: media, ObjectStore: store})
    media.store = app.store = store
    _, track_id = await posted(app)
    for _ in range(3):
        await app.settle()
        app.clock.advance(timedelta(minutes=1))
    assert (await view(app, track_id)).state == "ready"
    assert [await kept(media, prefix) for prefix in media.prefixes] == [False, False, True]
    assert await originals(app, media, track_id) == (False, True)


async def test_a_failure_cleans_up_after_earlier_attempts_too() -> None:
    app, media = scripted(["waveform", OSError("disk")], ["waveform", MediaFailed(BROKEN)])
    _, track_id = await posted(app)
    await app.settle()
    app.clock.advance(timedelta(seconds=15))
    await app.settle()
    assert (await view(app, track_id)).state == "failed"
    assert [await kept(media, prefix) for prefix in media.prefixes] == [False, False]


async def test_it_gives_up_after_five_attempts_and_says_so() -> None:
    app, media = scripted(*hopeless())
    ada, track_id = await posted(app)
    for attempt in range(1, 6):
        assert (await view(app, track_id)).state == "processing"
        await app.settle()
        assert len(media.prefixes) == attempt
        app.clock.advance(timedelta(hours=1))
    await app.settle()
    seen = await view(app, track_id, ada)
    assert seen.failure is not None
    assert (seen.state, seen.failure.code, seen.failure.retryable) == ("failed", "gave_up", True)
    (letter,) = await dead_letters(app)
    assert (letter.subscriber, letter.attempts, letter.error) == (PROCESS, 5, "OSError: disk")
    await app.use(RetryTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert (await view(app, track_id)).state == "ready"


async def test_replaying_a_debt_that_was_given_up_processes_the_revision_again() -> None:
    app, _ = scripted(*hopeless(), ["waveform", "mp3", "aac"])
    _, track_id = await posted(app)
    for _ in range(6):
        await app.settle()
        app.clock.advance(timedelta(hours=1))
    (letter,) = await dead_letters(app)
    assert await app.use(DeadLetters).replay(letter.event_id, letter.subscriber, now=app.clock.now())
    await app.settle()
    assert (await view(app, track_id)).state == "ready"
    assert await dead_letters(app) == []


async def test_an_overtaken_attempt_keeps_nothing_and_harms_nothing() -> None:
    async def overtake() -> None:
        app.clock.advance(LEASE)
        assert await app.settle() > 0

    app, media = scripted(["waveform", "mp3", overtake, "aac"], ["waveform", "mp3", "aac"])
    _, track_id = await posted(app)
    await app.settle()
    assert (await view(app, track_id)).state == "ready"
    assert await dangling(app, media, track_id) == []
    track = await stored_track(app, track_id)
    assert track.live is not None
    assert all(one.key.startswith(media.prefixes[1]) for one in track.live.renditions)


async def test_an_overtaken_failure_does_not_fail_the_track() -> None:
    async def overtake() -> None:
        app.clock.advance(LEASE)
        await app.settle()

    app, media = scripted([overtake, MediaFailed(BROKEN)])
    _, track_id = await posted(app)
    await app.settle()
    assert (await view(app, track_id)).state == "ready"
    assert await originals(app, media, track_id) == (False, True)


@pytest.mark.parametrize("ending", ["aac", MediaFailed(BROKEN), MediaFailed(FULL)])
async def test_a_track_that_is_deleted_during_processing_leaves_nothing(ending: Step) -> None:
    async def delete() -> None:
        await app.use(DeleteTrack)(actor=ada, track_id=track_id)

    app, media = scripted(["waveform", delete, "mp3", ending])
    ada, track_id = await posted(app)
    await app.settle()
    assert await originals(app, media, track_id) == (False, False)
    assert not await kept(media, media.prefixes[0])
    assert await owed(app) == []


async def test_a_track_that_is_deleted_is_processed_no_further() -> None:
    async def delete() -> None:
        await app.use(DeleteTrack)(actor=ada, track_id=track_id)

    async def never() -> None:
        pytest.fail("Nobody waits for this.")

    app, media = scripted(["waveform", delete, "analysing", never])
    ada, track_id = await posted(app)
    await app.settle()
    assert len(media.prefixes) == 1
    assert not await kept(media, media.prefixes[0])
    assert await owed(app) == []


async def test_a_track_that_is_deleted_before_processing_leaves_nothing() -> None:
    app, media = scripted()
    ada, track_id = await posted(app)
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert await originals(app, media, track_id) == (False, False)
    assert media.prefixes == []


async def test_a_deleted_track_that_nobody_could_process_leaves_nothing() -> None:
    app, media = scripted(*hopeless())
    ada, track_id = await posted(app)
    for _ in range(6):
        await app.settle()
        app.clock.advance(timedelta(hours=1))
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert await originals(app, media, track_id) == (False, False)


async def claimed(app: World) -> tuple[RevisionReceived, Debt]:
    """The one debt of processing, in hand."""
    (hint,) = await owed(app)
    claim = await app.deliveries.claim(hint.event_id, hint.subscriber, now=app.clock.now(), lease=LEASE)
    assert claim is not None
    assert isinstance(claim.event, RevisionReceived)
    return claim.event, claim.debt


async def test_a_debt_about_a_track_that_nobody_knows_is_paid_without_work() -> None:
    app, media = scripted()
    await posted(app)
    _, debt = await claimed(app)
    unknown = RevisionReceived(track_id=TrackId(uuid4()), revision_id=RevisionId(uuid4()))
    await app.use(ProcessRevision)(unknown, debt)
    assert media.prefixes == []


async def give_up_on(app: World, event_name: str, key: str) -> None:
    """Deliver the news that some debt was exhausted."""
    exhausted = DeliveryExhausted(
        event_id=EventId(uuid4()), event_name=event_name, event_key=key, subscriber=PROCESS, error=""
    )
    async with app.work() as work:
        work.record(exhausted)
        await work.commit()
    await app.settle()
    assert await owed(app) == []


async def test_giving_up_concerns_only_processing_and_only_what_exists() -> None:
    app, _ = scripted()
    _, track_id = await posted(app)
    await app.settle()
    await give_up_on(app, "tracks.removed", str(track_id))
    await give_up_on(app, RevisionReceived.name, str(uuid4()))
    await give_up_on(app, RevisionReceived.name, str(track_id))
    assert (await view(app, track_id)).state == "ready"


async def test_giving_up_needs_no_debt_of_its_own_to_leave_others_alone(app: World) -> None:
    event = DeliveryExhausted(
        event_id=EventId(uuid4()), event_name="tracks.removed", event_key="", subscriber=PROCESS, error=""
    )
    await app.use(GiveUpOnRevision)(event, a_debt())


@settings(deadline=None, max_examples=150)
@given(
    seconds=st.floats(0, 0.1),
    rate=st.sampled_from([8_000, 44_100]),
    channels=st.integers(1, 2),
    width=st.integers(1, 3),
    cut=st.integers(0, 2_000),
    flips=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3),
)
async def test_whatever_is_uploaded_ends_ready_or_failed_with_a_reason(
    seconds: float, rate: int, channels: int, width: int, cut: int, flips: list[tuple[int, int]]
) -> None:
    audio = bytearray(tiny_wav(seconds, rate=rate, channels=channels, width=width))
    for place, byte in flips:
        if place < len(audio):
            audio[place] = byte
    app = memory_app()
    track_id = await upload(app, await join(app, "ada"), audio=bytes(audio[: max(1, len(audio) - cut)]))
    await app.settle()
    seen = await view(app, track_id)
    assert seen.state in {"ready", "failed"}
    assert (seen.state == "failed") == (seen.failure is not None)


async def test_a_revision_that_failed_for_good_is_not_tried_again() -> None:
    silence = MediaFailed(Failure("probing", "no_audio", "There is no audio."))
    app, _ = scripted([silence], ["waveform", "mp3", "aac"])
    _, track_id = await posted(app)
    await app.settle()
    async with app.work() as work:
        track = await work.tracks.get(track_id)
        assert track is not None
        work.record(RevisionReceived(track_id=track_id, revision_id=track.revisions[0].id))
        await work.commit()
    await app.settle()
    assert (await view(app, track_id)).state == "failed"
