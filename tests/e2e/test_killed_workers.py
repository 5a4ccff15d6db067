"""A worker is killed at twenty moments of its jobs: each track is ready once, and nothing is left of the attempts."""

import io
import random
import time
from pathlib import Path

import mutagen.flac
import psutil
import pytest
from PIL import Image
from tests.audio import encoded
from tests.e2e.product import MEDIA_CHILD, Command, Deployed, Person, command_line, eventually, files_below, gone

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
PROCESS, READY, PUBLISHED = "tracks.process", "tracks.revision_ready", "tracks.published"
MOMENTS = 20
AWAY, BACK = "now() + interval '1 hour'", "now()"


@pytest.fixture(scope="module")
def artist(deployment: Deployed) -> Person:
    """Someone who joined while there was a worker."""
    with deployment.run("worker"):
        return deployment.join("artist")


def put_off(deployment: Deployed, until: str) -> None:
    """Move what is owed for processing: the leases of the dead end when we say, not half a minute later."""
    deployment.sql.rows(f"UPDATE deliveries SET due = {until} WHERE subscriber = $1", PROCESS)


def begun(deployment: Deployed, track_id: str) -> bool:
    """Whether a worker has taken it up, or is through already."""
    owed = [one for one in deployment.sql.debts(PROCESS) if one["key"] == track_id]
    return not owed or owed[0]["attempts"] > 0


def media_children_below(home: Path) -> list[psutil.Process]:
    """Every process on this machine that decodes for this deployment, whoever its parent is by now."""

    def works_there(process: psutil.Process) -> bool:
        try:
            return Path(process.cwd()).is_relative_to(home)
        except psutil.Error:
            return False

    return [one for one in psutil.process_iter() if MEDIA_CHILD in command_line(one) and works_there(one)]


def objects_of(deployment: Deployed, track_id: str) -> list[str]:
    """What the store holds of a track, hidden files too, without the names that differ from one track to the next."""
    revisions = deployment.sql.rows("SELECT id FROM revisions WHERE track_id = $1", track_id)
    (revision_id,) = [str(one["id"]) for one in revisions]
    found = [path.relative_to(deployment.store).as_posix() for path in files_below(deployment.store)]
    return sorted(
        one.replace(track_id, "track").replace(revision_id, "revision")
        for one in found
        if track_id in one or revision_id in one
    )


def without_attempt(objects: list[str]) -> list[str]:
    """The same, whichever attempt made the renditions."""
    parts = [one.split("/") for one in objects]
    return sorted("/".join(part for number, part in enumerate(one) if number != 3) for one in parts)


def kill_at(worker: Command, deployment: Deployed, track_id: str, seconds: float) -> None:
    """Kill it so long after it took up a track. Whatever it had started ends too."""
    eventually(lambda: begun(deployment, track_id), hoping="that it is taken up")
    time.sleep(seconds)
    family = worker.family()
    psutil.Process(worker.pid).kill()
    eventually(lambda: gone(family), 10, hoping="that what it had started goes with it")
    eventually(lambda: not media_children_below(deployment.home), 10, hoping="that no child is left")


def with_cover(audio: bytes) -> bytes:
    """A FLAC file with a picture in it."""
    picture, cover, file = io.BytesIO(), mutagen.flac.Picture(), io.BytesIO(audio)
    Image.new("RGB", (64, 64), "teal").save(picture, "JPEG")
    cover.type, cover.mime, cover.data = 3, "image/jpeg", picture.getvalue()
    flac = mutagen.flac.FLAC(file)
    flac.add_picture(cover)
    file.seek(0)
    flac.save(file)
    return file.getvalue()


def test_twenty_kills_cost_time_and_nothing_else(deployment: Deployed, artist: Person) -> None:
    # Most of what this takes is starting workers; the moments are shares of however long a job lasts.
    audio = with_cover(encoded("flac", "flac", 4.0, rate=8_000))
    with deployment.run("worker"):
        undisturbed = artist.upload(audio, "Undisturbed")
        eventually(lambda: begun(deployment, undisturbed), hoping="that it is taken up")
        started = time.monotonic()
        eventually(lambda: not deployment.sql.debts(PROCESS), 60, hoping="that it is through")
        span = time.monotonic() - started
    expected = without_attempt(objects_of(deployment, undisturbed))
    assert len(expected) > 6
    assert any(one.startswith("artwork/") for one in expected)

    dice = random.Random(20)
    moments = [(number + dice.random()) / MOMENTS * span for number in range(MOMENTS)]
    dice.shuffle(moments)
    tracks, met = [], 0
    for number, moment in enumerate(moments):
        track_id = artist.upload(audio, f"Killed {number}")
        with deployment.run("worker") as worker:
            kill_at(worker, deployment, track_id, moment)
        tracks.append(track_id)
        met += bool(deployment.in_scratch())
        put_off(deployment, AWAY)
    # The moments were worth it: most of them met a job in the middle.
    assert met > MOMENTS / 4

    put_off(deployment, BACK)
    with deployment.run("worker") as worker:
        eventually(lambda: not deployment.sql.debts(PROCESS), 180, hoping="that everything is processed")
        eventually(lambda: not worker.media_children(), 10, hoping="that no child is left")
    for track_id in tracks:
        assert artist.get(f"/tracks/{track_id}")["state"] == "ready"
        assert deployment.sql.happened(READY, track_id) == deployment.sql.happened(PUBLISHED, track_id) == 1
        assert without_attempt(objects_of(deployment, track_id)) == expected
    assert deployment.in_scratch() == deployment.in_quarantine() == []
    assert list((deployment.home / "scratch").iterdir()) == []
    assert media_children_below(deployment.home) == []
