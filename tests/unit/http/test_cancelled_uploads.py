"""A client that hangs up exactly as its track is committed cancels the answer, not the track."""

import asyncio
from typing import Any

import pytest
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, HERE, Person, Site

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.deliveries import NoHints
from soundgraph.adapters.memory.work import MemoryWork
from soundgraph.adapters.system import TimeOrderedIds
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.wiring import Wiring

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a346b0000000049454e44ae426082"
)


class HungUp(MemoryWork):
    """Commits, and is cancelled at once where that made a track."""

    async def commit(self) -> None:
        before = len(self._database.tables.tracks)
        await super().commit()
        if len(self._database.tables.tracks) > before:
            raise asyncio.CancelledError


@pytest.fixture
def site() -> Site:
    world = memory_app(base_url=HERE)
    ids = TimeOrderedIds()
    world.use = Wiring(world.use._ports, lambda: HungUp(world.database, SUBSCRIPTIONS, NoHints(), ids, world.clock))
    return Site(world)


async def only_track(ada: Person) -> dict[str, Any]:
    (track,) = (await ada.http.get(f"{API}/me/tracks")).json()["items"]
    return dict(track)


def kept(world: World, prefix: str) -> list[str]:
    return [key for key in world.store._objects if key.startswith(prefix)]


async def test_a_form_keeps_its_artwork_and_its_audio(site: Site) -> None:
    ada = await site.join("ada")
    files = {"audio": ("a.wav", wav_bytes(1.0)), "artwork": ("a.png", PNG)}
    with pytest.raises(asyncio.CancelledError):
        await ada.http.post(f"{API}/tracks", data={"title": "A Song"}, files=files)
    assert (await only_track(ada))["artwork_url"]
    assert len(kept(site.world, "quarantine/")) == 1
    assert kept(site.world, "artwork/")


async def test_an_upload_that_had_arrived_keeps_its_audio(site: Site) -> None:
    ada = await site.join("ada")
    headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    song = wav_bytes(1.0)
    begun = await ada.http.post(f"{API}/uploads", headers={**headers, "Upload-Length": str(len(song))}, content=song)
    asked = {"upload_id": begun.headers["location"].rpartition("/")[2], "title": "A Song"}
    with pytest.raises(asyncio.CancelledError):
        await ada.http.post(f"{API}/tracks", json=asked)
    again = await ada.http.post(f"{API}/tracks", json=asked)
    assert (again.status_code, again.json()["id"]) == (202, (await only_track(ada))["id"])
    (sealed,) = [key for key in kept(site.world, "quarantine/") if "/sealed/" in key]
    assert site.world.store._objects[sealed] == song
