"""What processing finds out about a track besides its sound: tags, a cover, how loud it is."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

import pytest
from tests.builders import join, once, stored_track, tiny_wav, upload

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.covers import PlainCovers
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import (
    CoverMaker,
    DeleteTrack,
    EmbeddedCover,
    MediaFailed,
    MediaProcessor,
    MediaResult,
    ReadTrack,
)
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.ids import ArtworkId
from soundgraph.domain.tracks import ARTWORK_SIZES, Analysis, Failure, Loudness, Rendition, artwork_key
from soundgraph.domain.visibility import ANYONE

JPEG = b"\xff\xd8\xff" + bytes(60)
LOUDNESS = Loudness(integrated_lufs=-14.1, range_lu=6.5, true_peak_dbtp=-0.3)
TAGS = {"artist": "Ada", "genre": "Ambient", "comment": "Made at night."}


class Finding(MediaProcessor):
    """Finds tags, a picture and how loud it is."""

    store: ObjectStore

    def __init__(self, picture: bytes, then: Sequence[Exception] = ()) -> None:
        self._picture, self._then, self._attempts = picture, list(then), 0

    async def process(self, original_key: str, *, into: str) -> AsyncGenerator[MediaResult]:
        self._attempts += 1
        if self._attempts > 1 and self._then:
            raise self._then.pop(0)
        for name in ("waveform", "mp3"):
            await self.store.put(into + name, once(b"x"))
        yield Analysis(1_000, 8_000, 1, "mp3", f"{into}waveform", tags=TAGS)
        yield Rendition("mp3_128k", f"{into}mp3", 1)
        yield LOUDNESS
        await self.store.put(f"{into}cover", once(self._picture))
        yield EmbeddedCover(f"{into}cover")


class Away(CoverMaker):
    """Never there."""

    async def make(self, source_key: str, *, into: str) -> None:
        raise Unavailable("covers_away", "Try again.")


def finding(picture: bytes = JPEG, covers: CoverMaker | None = None) -> World:
    """A world whose media processor finds things."""
    media = Finding(picture)
    app = memory_app({MediaProcessor: media} | ({CoverMaker: covers} if covers else {}))
    media.store = app.store
    return app


async def test_loudness_and_tags_are_in_the_view_and_fill_what_was_left_empty() -> None:
    app = finding()
    track_id = await upload(app, await join(app, "ada"))
    await app.settle()
    seen = await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)
    assert (seen.loudness, seen.tags_found) == (LOUDNESS, TAGS)
    assert (seen.title, seen.genre, seen.description) == ("A track", "Ambient", "Made at night.")


async def test_the_picture_in_the_file_becomes_the_cover() -> None:
    app = finding()
    track_id = await upload(app, await join(app, "ada"))
    await app.settle()
    artwork_id = (await stored_track(app, track_id)).artwork_id
    assert artwork_id is not None
    assert await app.store.size(artwork_key(artwork_id, 500)) == len(JPEG)
    prefix = (await stored_track(app, track_id)).media_prefix
    assert not await app.store.size(f"{prefix}1/cover")


async def test_a_cover_that_was_chosen_stays() -> None:
    app = finding()
    track_id = await upload(app, await join(app, "ada"))
    chosen = ArtworkId(track_id)
    async with app.work() as work:
        track = await work.tracks.get(track_id)
        assert track is not None
        track.artwork_id = chosen
        await work.tracks.save(track)
        await work.commit()
    await app.settle()
    assert (await stored_track(app, track_id)).artwork_id == chosen


@pytest.mark.parametrize(("picture", "covers"), [(b"no picture", None), (JPEG, Away())])
async def test_a_picture_that_is_none_fails_nothing(picture: bytes, covers: CoverMaker | None) -> None:
    app = finding(picture, covers)
    track_id = await upload(app, await join(app, "ada"))
    await app.settle()
    seen = await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)
    assert (seen.state, seen.failure, seen.artwork_url) == ("ready", None, None)


class Dying(PlainCovers):
    """Makes a cover, and the first time something goes wrong right afterwards."""

    died = False

    async def make(self, source_key: str, *, into: str) -> None:
        await super().make(source_key, into=into)
        if not self.died:
            self.died = True
            raise OSError("gone")


def interrupted(*endings: Exception) -> tuple[World, MemoryStore]:
    """A world where the first attempt dies over a cover, and further ones end so."""
    store, media = MemoryStore(), Finding(JPEG, endings)
    app = memory_app({MediaProcessor: media, CoverMaker: Dying(store), ObjectStore: store})
    media.store = app.store = store
    return app, store


async def covers_in(store: MemoryStore) -> set[str]:
    """Their keys."""
    return {one.key async for one in store.under("artwork/")}


async def test_an_attempt_that_dies_over_a_cover_leaves_none_behind() -> None:
    app, store = interrupted()
    track_id = await upload(app, await join(app, "ada"))
    await app.settle()
    assert await covers_in(store)
    app.clock.advance(timedelta(minutes=1))
    await app.settle()
    artwork_id = (await stored_track(app, track_id)).artwork_id
    assert artwork_id is not None
    assert await covers_in(store) == {artwork_key(artwork_id, size) for size in ARTWORK_SIZES}


async def test_a_failure_takes_a_cover_that_nobody_bears_along() -> None:
    app, store = interrupted(MediaFailed(Failure("probing", "no_audio", "There is no audio.")))
    await upload(app, await join(app, "ada"))
    await app.settle()
    assert await covers_in(store)
    app.clock.advance(timedelta(minutes=1))
    await app.settle()
    assert not await covers_in(store)


async def test_a_deletion_takes_a_cover_that_nobody_bears_along() -> None:
    app, store = interrupted()
    ada = await join(app, "ada")
    track_id = await upload(app, ada)
    await app.settle()
    assert await covers_in(store)
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    app.clock.advance(timedelta(minutes=1))
    await app.settle()
    assert not await covers_in(store)


async def test_bytes_that_are_not_those_that_were_sent_never_play() -> None:
    app = memory_app()
    track_id = await upload(app, await join(app, "ada"))
    (revision,) = (await stored_track(app, track_id)).revisions
    await app.store.put(revision.quarantine_key, once(tiny_wav(0.25)))
    await app.settle()
    view = await app.use(ReadTrack)(viewer=ANYONE, track_id=track_id)
    assert (view.state, view.duration_ms) == ("processing", None)
    # Nothing is lost that could still be put right.
    assert await app.store.size(revision.quarantine_key) is not None
