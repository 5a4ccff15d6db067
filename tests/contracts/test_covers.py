"""What a maker of covers promises, with the standard library and with Pillow; and who sees a cover."""

import io
from pathlib import Path

import pytest
from PIL import Image
from tests.builders import App, join, once, publish, stored

from soundgraph.adapters.memory.covers import PlainCovers
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.pillow.covers import PillowCovers
from soundgraph.application.tracks import (
    BeginUpload,
    CoverMaker,
    DeleteTrack,
    MakeArtwork,
    ReadArtwork,
    ReadTrack,
    SetArtwork,
)
from soundgraph.domain.errors import Invalid, NotFound, Stale, Unavailable
from soundgraph.domain.ids import ArtworkId
from soundgraph.domain.tracks import ARTWORK_SIZES
from soundgraph.domain.visibility import ANYONE, Actor, Audience


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 200), mode: str = "RGB", **more: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, "red").save(file, kind, **more)
    return file.getvalue()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(params=["memory", "pillow"])
def covers(request: pytest.FixtureRequest, store: MemoryStore, tmp_path: Path) -> CoverMaker:
    return PlainCovers(store) if request.param == "memory" else PillowCovers(store, tmp_path)


async def make(covers: CoverMaker, store: MemoryStore, data: bytes) -> None:
    await store.put("source", once(data))
    await covers.make("source", into="artwork/one/")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_every_size_is_stored(covers: CoverMaker, store: MemoryStore, kind: str) -> None:
    await make(covers, store, picture(kind))
    assert all([await store.size(f"artwork/one/{size}.jpg") for size in ARTWORK_SIZES])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 9, "not_an_image"),
        (picture("GIF"), "not_an_image"),
        (picture("PNG", (5_001, 5_000), "1"), "too_many_pixels"),
    ],
)
async def test_what_is_no_picture_is_refused(covers: CoverMaker, store: MemoryStore, data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await make(covers, store, data)
    assert [(one.field, one.code) for one in refused.value.errors] == [("artwork", code)]
    assert await store.size("artwork/one/500.jpg") is None


async def test_pillow_cuts_square_turns_upright_and_keeps_nothing_else(store: MemoryStore, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    await make(PillowCovers(store, tmp_path), store, picture("JPEG", (600, 300), exif=exif))
    for size in ARTWORK_SIZES:
        data = b"".join([chunk async for chunk in store.read(f"artwork/one/{size}.jpg")])
        with Image.open(io.BytesIO(data)) as made:
            assert (made.size, made.format, dict(made.getexif())) == ((size, size), "JPEG", {})
        assert b"where I live" not in data
    assert list(tmp_path.iterdir()) == []


async def test_pillow_refuses_broken_pictures_and_gives_up_in_time(store: MemoryStore, tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        await make(PillowCovers(store, tmp_path), store, picture("PNG", (900, 900))[:200])
    with pytest.raises(Unavailable):
        await make(PillowCovers(store, tmp_path, wall_seconds=0), store, picture())


async def covered(app: App, actor: Actor) -> ArtworkId:
    upload = await app.use(BeginUpload)(actor=actor, filename="cover.png")
    await app.store.put(upload.key, once(picture()))
    return await app.use(MakeArtwork)(actor=actor, upload=upload)


async def test_a_cover_is_set_replaced_and_taken_away(app: App) -> None:
    ada, ben = await join(app, "ada"), await join(app, "ben")
    track_id = await publish(app, ada)
    read, see = app.use(ReadArtwork), app.use(ReadTrack)
    assert (await see(viewer=ANYONE, track_id=track_id)).artwork_url is None
    first, second = await covered(app, ada), await covered(app, ada)
    with pytest.raises(NotFound):
        await app.use(SetArtwork)(actor=ben, track_id=track_id, artwork_id=first)
    with pytest.raises(Stale):
        await app.use(SetArtwork)(actor=ada, track_id=track_id, artwork_id=first, version=99)
    addresses = set()
    for artwork_id in (first, second, second):
        await app.use(SetArtwork)(actor=ada, track_id=track_id, artwork_id=artwork_id)
        addresses.add((await see(viewer=ANYONE, track_id=track_id)).artwork_url)
        assert [chunk async for chunk in await read(viewer=ANYONE, track_id=track_id, size=500)] == [picture()]
    assert len(addresses) == 2
    assert await app.store.size(f"artwork/{first}/500.jpg") is None
    with pytest.raises(NotFound):
        await read(viewer=ANYONE, track_id=track_id, size=501)
    await app.use(SetArtwork)(actor=ada, track_id=track_id, artwork_id=None)
    with pytest.raises(NotFound):
        await read(viewer=ada, track_id=track_id, size=500)


async def test_the_cover_of_a_private_track_is_private_and_goes_with_it(app: App) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada, audience=Audience.PRIVATE)
    artwork_id = await covered(app, ada)
    await app.use(SetArtwork)(actor=ada, track_id=track_id, artwork_id=artwork_id)
    with pytest.raises(NotFound):
        await app.use(ReadArtwork)(viewer=ANYONE, track_id=track_id, size=500)
    assert await app.use(ReadArtwork)(viewer=ada, track_id=track_id, size=100) is not None
    assert await stored(app, f"artwork/{artwork_id}/100.jpg") == picture()
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    await app.settle()
    assert await app.store.size(f"artwork/{artwork_id}/100.jpg") is None


async def test_nobody_makes_a_cover_of_anothers_upload(app: App) -> None:
    ada, ben = await join(app, "ada"), await join(app, "ben")
    upload = await app.use(BeginUpload)(actor=ada, filename="cover.png")
    with pytest.raises(NotFound):
        await app.use(MakeArtwork)(actor=ben, upload=upload)
