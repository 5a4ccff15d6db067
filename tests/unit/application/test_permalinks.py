"""A track's permalink: chosen, or made of its title."""

import pytest
from tests.builders import join

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.application.tracks import BeginUpload, CreateTrack
from soundgraph.domain.errors import Conflict, Invalid
from soundgraph.domain.ids import TrackId
from soundgraph.domain.tracks import TrackDetails
from soundgraph.domain.visibility import Actor


async def create(app: World, actor: Actor, permalink: str | None) -> TrackId:
    upload = await app.use(BeginUpload)(actor=actor, filename="a.wav")
    details = TrackDetails(title="Four Chords")
    return await app.use(CreateTrack)(
        actor=actor, upload_id=upload.id, size_bytes=1, sha256="0" * 64, details=details, permalink=permalink
    )


async def permalink_of(app: World, track_id: TrackId) -> str:
    async with app.work() as work:
        track = await work.tracks.get(track_id)
    assert track is not None
    return track.permalink


async def test_a_chosen_permalink_is_kept() -> None:
    app = memory_app()
    track_id = await create(app, await join(app, "annika"), "first-one")
    assert await permalink_of(app, track_id) == "first-one"


async def test_a_chosen_permalink_that_is_taken_is_refused_and_another_persons_is_not_in_the_way() -> None:
    app = memory_app()
    annika, robert = await join(app, "annika"), await join(app, "robert")
    await create(app, annika, "first-one")
    with pytest.raises(Conflict) as refused:
        await create(app, annika, "first-one")
    assert refused.value.code == "permalink_taken"
    await create(app, robert, "first-one")


@pytest.mark.parametrize("permalink", ["", "-a", "A", "a b", "ä", "a" * 61, "a/b"])
async def test_a_malformed_permalink_is_refused(permalink: str) -> None:
    app = memory_app()
    with pytest.raises(Invalid) as refused:
        await create(app, await join(app, "annika"), permalink)
    assert [error.field for error in refused.value.errors] == ["permalink"]
