"""Whatever happens to workers, hints and Redis, every debt is paid, and every effect happens once."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
from tests.audio import wav_bytes
from tests.e2e.product import (
    Command,
    Deployed,
    Person,
    Served,
    Sql,
    address_of,
    eventually,
    files_below,
    gone,
    registration,
)
from tests.redis_servers import RedisServer

from soundgraph.adapters.redis.hints import message_of, redis_broker
from soundgraph.application.deliveries import Hint
from soundgraph.application.subscriptions import QUEUES, SUBSCRIPTIONS
from soundgraph.domain.ids import EventId

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
PROCESS, MAIL = "tracks.process", "identity.send_verification"
READY, PUBLISHED = "tracks.revision_ready", "tracks.published"
# A worker that is killed must not cost more than this, counted from when one is back.
BACK_IN_SECONDS = 90.0


def long_wav(minutes: float) -> bytes:
    """Little to send and much to encode."""
    return wav_bytes(minutes * 60, 8_000, 1, bits=8)


def in_mid_job(site: Served | Deployed, person: Person, track_id: str) -> None:
    """Wait until a worker has come some way with a track."""
    eventually(lambda: person.get(f"/tracks/{track_id}")["progress"] > 5, hoping="that processing goes on")
    assert site.sql.value("SELECT attempts FROM deliveries WHERE subscriber = $1", PROCESS) == 1


@pytest.fixture
def worker(deployment: Deployed) -> Iterator[Command]:
    """A worker of the deployment, for one test."""
    with deployment.run("worker") as running:
        yield running


@pytest.fixture(scope="module")
def artist(deployment: Deployed) -> Person:
    """Someone who joined while there was a worker."""
    with deployment.run("worker"):
        return deployment.join("artist")


def send_registration(deployment: Deployed, handle: str) -> str:
    """Register; the address that is owed a mail."""
    answer = deployment.visitor().post("/api/v1/auth/register", json=registration(handle))
    assert answer.status_code == 202
    return address_of(handle)


def all_paid(deployment: Deployed) -> bool:
    """Whether nobody is owed anything but chores."""
    chores = [one.name for one in SUBSCRIPTIONS.chores()]
    return bool(deployment.sql.value("SELECT count(*) = 0 FROM deliveries WHERE subscriber <> ALL($1)", chores))


def check_paid_once(deployment: Deployed, person: Person, tracks: list[str], addresses: list[str]) -> None:
    """Every track is ready and every mail has arrived; nothing happened twice."""
    for track_id in tracks:
        assert person.processed(track_id)["state"] == "ready"
    for address in addresses:
        deployment.token_for(address)
    eventually(lambda: all_paid(deployment), hoping="that everything is paid")
    assert [len(deployment.mails_to(address)) for address in addresses] == [1] * len(addresses)
    for track_id in tracks:
        assert deployment.sql.happened(READY, track_id) == deployment.sql.happened(PUBLISHED, track_id) == 1


def test_a_killed_worker_costs_time_and_nothing_else(product: Served, ada: Person) -> None:
    track_id = ada.upload(long_wav(2), "Interrupted")
    in_mid_job(product, ada, track_id)
    worker = product.child("worker")
    assert worker is not None
    family = [worker, *worker.children(recursive=True)]
    assert len(family) > 1
    worker.kill()
    eventually(lambda: gone(family), 10, hoping="that what it had started goes with it")
    eventually(lambda: product.child("worker") not in (None, worker), hoping="that another worker is started")

    assert ada.processed(track_id, BACK_IN_SECONDS)["state"] == "ready"
    eventually(lambda: not product.sql.debts(PROCESS), 60, hoping="that all renditions are there")
    assert product.sql.happened(READY, track_id) == 1
    assert product.sql.happened(PUBLISHED, track_id) == 1
    (attempts,) = (product.store / "renditions" / track_id).iterdir()
    assert [path.name for path in attempts.iterdir()] == ["2"]
    assert product.in_scratch() == product.in_quarantine() == []


def test_a_worker_that_is_stopped_gives_its_debt_back(deployment: Deployed, artist: Person) -> None:
    with deployment.run("worker") as stopped:
        # More than it may still finish once it is asked to stop.
        track_id = artist.upload(long_wav(30), "Long")
        in_mid_job(deployment, artist, track_id)
        family = stopped.family()
        assert stopped.stop() == 0
        assert gone(family)
    (debt,) = deployment.sql.debts(PROCESS)
    budget = SUBSCRIPTIONS.named(PROCESS).budget
    assert (debt["is_due"], debt["attempts"], debt["budget"], debt["error"]) == (True, 1, budget + 1, "interrupted")
    # Deleting it spares us the rest: whoever takes it up next has only to tidy.
    artist.delete(f"/tracks/{track_id}")
    with deployment.run("worker"):
        eventually(lambda: all_paid(deployment), 15, hoping="that the next worker takes it up")
    assert not [path for path in files_below(deployment.store) if track_id in str(path)]


def test_a_flushed_redis_loses_nothing(deployment: Deployed, broker: RedisServer, artist: Person) -> None:
    tracks = [artist.upload(wav_bytes(10), f"Flushed {number}") for number in range(3)]
    addresses = [send_registration(deployment, f"flushed_{number}") for number in range(3)]
    eventually(lambda: broker.waiting("media") == broker.waiting("mail") == 3, hoping="for hints")
    broker.flush()
    with deployment.run("worker"):
        for address in addresses:
            deployment.token_for(address)
        # Once more while there is work under way, and hints about it.
        broker.flush()
        check_paid_once(deployment, artist, tracks, addresses)


def test_a_restarted_redis_loses_nothing(deployment: Deployed, broker: RedisServer, artist: Person) -> None:
    with deployment.run("worker") as worker:
        eventually(lambda: "worker_started" in worker.said, hoping="that the worker is up")
        broker.stop()
        tracks = [artist.upload(wav_bytes(1), "Without a broker")]
        addresses = [send_registration(deployment, "without_a_broker")]
        eventually(lambda: "sweep_postponed" in worker.said, hoping="that the worker notices")
        broker.start()
        check_paid_once(deployment, artist, tracks, addresses)


@contextmanager
def every_hint_three_times(deployment: Deployed, broker: RedisServer) -> Iterator[None]:
    """For every debt that comes up during the block, send three hints more than the product does."""
    carrier = redis_broker(broker.url, QUEUES, [])
    over = Event()

    def repeat() -> int:
        seen: set[tuple[UUID, str]] = set()
        with closing(Sql(deployment.environ["SOUNDGRAPH_DATABASE_URL"])) as sql:
            while not over.wait(0.02):
                owed = {(one["event_id"], one["subscriber"]) for one in sql.rows("SELECT * FROM deliveries")}
                for event_id, subscriber in owed - seen:
                    hint = Hint(EventId(event_id), subscriber, SUBSCRIPTIONS.named(subscriber).queue)
                    for _ in range(3):
                        carrier.enqueue(message_of(hint))
                seen |= owed
        return len(seen)

    with ThreadPoolExecutor(1) as thread:
        repeating = thread.submit(repeat)
        try:
            yield
        finally:
            over.set()
            assert repeating.result(30) > 5
            carrier.close()


def test_hints_that_come_three_times_have_one_effect(
    deployment: Deployed, broker: RedisServer, worker: Command
) -> None:
    ada, ben = deployment.join("ada"), deployment.join("ben")
    ben.put(f"/me/followings/{ada.id}")
    eventually(lambda: all_paid(deployment), hoping="that the follow is paid")
    with every_hint_three_times(deployment, broker), deployment.run("worker"):
        addresses = [send_registration(deployment, f"thrice_{number}") for number in range(3)]
        tracks = [ada.upload(wav_bytes(5), f"Thrice {number}") for number in range(3)]
        check_paid_once(deployment, ada, tracks, addresses)
    for track_id in tracks:
        (revision,) = (deployment.store / "renditions" / track_id).iterdir()
        (_,) = revision.iterdir()
    assert sorted(ben.feed()) == [f"Thrice {number}" for number in range(3)]
    assert worker.runs()


def admin(deployment: Deployed, *arguments: str) -> str:
    """What `soundgraph admin` prints; it has to succeed."""
    asked = [sys.executable, "-m", "soundgraph.entrypoints.cli.main", "admin", *arguments]
    environ = {**deployment.environ, "COLUMNS": "200"}
    run = subprocess.run(asked, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def exhaust(deployment: Deployed, broker: RedisServer, subscriber: str) -> str:
    """Let the one debt of a subscriber fail until its budget is used up, without the pauses; the id of its event."""
    carrier = redis_broker(broker.url, QUEUES, [])
    at_once = "UPDATE deliveries SET due = now() WHERE subscriber = $1 AND error <> '' AND due BETWEEN now() AND $2"
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    def dead() -> EventId | None:
        (debt,) = deployment.sql.debts(subscriber)
        event_id = EventId(UUID(str(debt["event_id"])))
        if debt["dead"]:
            return event_id
        deployment.sql.rows(at_once, subscriber, tomorrow)
        carrier.enqueue(message_of(Hint(event_id, subscriber, SUBSCRIPTIONS.named(subscriber).queue)))
        return None

    try:
        return str(eventually(dead, 60, hoping="that its budget is used up"))
    finally:
        carrier.close()


@contextmanager
def away(place: Path) -> Iterator[None]:
    """For the length of a block something is not where it should be, and nothing else can be put there."""
    aside = place.with_name(f"{place.name}.aside")
    place.rename(aside)
    place.symlink_to(place.with_name("nowhere") / "at" / "all")
    try:
        yield
    finally:
        place.unlink()
        aside.rename(place)


def test_a_mail_that_could_not_be_sent_is_replayed(deployment: Deployed, broker: RedisServer, worker: Command) -> None:
    assert "There are no dead letters." in admin(deployment, "dead-letters")
    with away(deployment.mail):
        address = send_registration(deployment, "dead_letter")
        event_id = exhaust(deployment, broker, MAIL)
    listed = admin(deployment, "dead-letters")
    assert f"soundgraph admin replay {event_id} {MAIL}" in listed
    assert f"{SUBSCRIPTIONS.named(MAIL).budget} tries: " in listed
    assert "identity.registration_requested" in listed
    assert deployment.mails_to(address) == []

    assert "It is due now" in admin(deployment, "replay", event_id, MAIL)
    deployment.token_for(address)
    eventually(lambda: all_paid(deployment), hoping="that everything is paid")
    assert len(deployment.mails_to(address)) == 1
    assert "There are no dead letters." in admin(deployment, "dead-letters")
    assert worker.runs()


def test_a_track_that_could_not_be_processed_says_so_and_is_replayed(
    deployment: Deployed, broker: RedisServer, artist: Person
) -> None:
    track_id = artist.upload(wav_bytes(1), "Poisoned")
    (waiting,) = deployment.in_quarantine()
    with deployment.run("worker"):
        with away(waiting):
            event_id = exhaust(deployment, broker, PROCESS)
            track = artist.processed(track_id)
        failure = track["failure"]
        assert (track["state"], failure["code"], failure["retryable"]) == ("failed", "gave_up", True)
        assert failure["message"].startswith("Processing did not succeed")
        assert f"soundgraph admin replay {event_id} {PROCESS}" in admin(deployment, "dead-letters")
        admin(deployment, "replay", event_id, PROCESS)
        eventually(lambda: all_paid(deployment), hoping="that everything is paid")
    assert artist.get(f"/tracks/{track_id}")["state"] == "ready"
    assert deployment.sql.happened(READY, track_id) == 1
