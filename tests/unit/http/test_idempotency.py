"""A request that creates, sent twice, creates once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from structlog.testing import capture_logs
from tests.audio import wav_bytes
from tests.unit.http.conftest import API, HERE, Person, Site

from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.application.idempotency import ClaimKey, Once
from soundgraph.application.ports import ObjectStore, Stored
from soundgraph.domain.errors import Conflict, Invalid, Unavailable
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.idempotency import claimed, fingerprint_of, settled
from soundgraph.entrypoints.http.requests import ApiRequest

WAV = wav_bytes(1, 8_000, 1)
FIELDS: dict[str, Any] = {"title": "A Song", "genre": "Jazz", "tags": ["a", "b"]}


async def post(
    person: Person, key: str | None = "k", *, audio: bytes = WAV, filename: str = "a.wav", **fields: Any
) -> httpx.Response:
    """An upload; httpx makes up another boundary each time."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return await person.http.post(
        f"{API}/tracks", data={**FIELDS, **fields}, files={"audio": (filename, audio)}, headers=headers
    )


def tracks(site: Site) -> int:
    return len(site.world.database.tables.tracks)


async def test_the_same_request_is_answered_again_with_the_same_track(site: Site, ann: Person) -> None:
    first = await post(ann)
    await site.world.settle()
    again = await post(ann, filename="another name.wav")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["Location"] == again.headers["Location"]
    assert (first.json()["state"], again.json()["state"]) == ("processing", "ready"), "read afresh"
    assert tracks(site) == len(site.world.database.tables.uploads) == 1


async def test_neither_boundary_nor_order_counts(site: Site, ann: Person) -> None:
    def form(boundary: str, parts: list[tuple[str, bytes]]) -> bytes:
        heads = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n' for name, _ in parts]
        body = b"".join(head.encode() + value + b"\r\n" for head, (_, value) in zip(heads, parts, strict=True))
        return body + f"--{boundary}--\r\n".encode()

    parts = [("title", b"A"), ("audio", WAV), ("tags", b"x"), ("tags", b"y")]
    answers = [
        await ann.http.post(
            f"{API}/tracks",
            content=form(boundary, order),
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}", "Idempotency-Key": "k"},
        )
        for boundary, order in (("one", parts), ("two", parts[::-1]), ("three", [*parts[1:], parts[0]]))
    ]
    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["id"] for one in answers}) == tracks(site) == 1


@pytest.mark.parametrize(
    "change", [{"title": "B"}, {"genre": ""}, {"tags": ["a"]}, {"audio": WAV + b"x"}, {"downloadable": "true"}]
)
async def test_another_body_is_refused(site: Site, ann: Person, change: dict[str, Any]) -> None:
    assert (await post(ann)).status_code == 202
    answer = await post(ann, **change)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(site.world.store._objects) == tracks(site) == 1
    assert (await post(ann)).status_code == 202


async def test_a_key_belongs_to_one_account(site: Site, ann: Person, bob: Person) -> None:
    ids = {(await post(person)).json()["id"] for person in (ann, bob)}
    assert len(ids) == tracks(site) == 2
    for key in ("other", None, None):
        await site.world.settle()
        assert (await post(ann, key)).json()["id"] not in ids
    assert tracks(site) == 5


async def test_a_key_is_kept_for_a_day(site: Site, ann: Person) -> None:
    first = (await post(ann)).json()["id"]
    for hours, same in ((23, True), (1, False)):
        site.world.clock.advance(timedelta(hours=hours))
        await ann.log_in()
        assert ((await post(ann)).json()["id"] == first) is same


async def test_what_is_no_longer_visible_is_not_found(ann: Person) -> None:
    first = (await post(ann)).json()["id"]
    await ann.http.delete(f"{API}/tracks/{first}")
    answer = await post(ann)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f", "é", "a\x00"])
async def test_a_malformed_key_is_refused(site: Site, ann: Person, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = await ann.http.post(f"{API}/tracks", data=FIELDS, files={"audio": WAV}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
    assert [one["field"] for one in answer.json()["errors"]] == ["key"]
    assert tracks(site) == 0


async def test_the_longest_key_is_taken(ann: Person) -> None:
    assert (await post(ann, "~ " * 127 + "~")).status_code == 202


async def test_what_was_refused_may_be_mended_under_the_same_key(site: Site, ann: Person) -> None:
    for _ in range(2):
        assert (await post(ann, title="")).status_code == 422
        assert (await post(ann, license="mine")).status_code == 422
        assert (await post(ann, role="admin")).status_code == 400
    assert (await post(ann)).status_code == 202


async def test_of_twenty_at_once_one_makes_a_track(site: Site, ann: Person) -> None:
    answers = await asyncio.gather(*(post(ann) for _ in range(20)))
    assert tracks(site) == len(site.world.store._objects) == 1
    made = {one.json()["id"] for one in answers if one.status_code == 202}
    assert len(made) == 1
    assert {one.json()["code"] for one in answers if one.status_code != 202} <= {"idempotency_in_flight"}
    assert {one.status_code for one in answers} <= {202, 409}
    assert {(await post(ann)).json()["id"]} == made


class Slow(MemoryStore):
    """Takes nothing until it is told to; fails as often as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on, self.failures = asyncio.Event(), asyncio.Event(), 0

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        self.reached.set()
        await self.go_on.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable("storage_away", "The storage is away.")
        return await super().put(key, chunks)


async def test_in_flight_is_said_at_once_and_ends_with_the_request() -> None:
    store = Slow()
    ann = await Site(memory_app({ObjectStore: store}, base_url=HERE)).join("annika")
    slow = asyncio.create_task(post(ann))
    await store.reached.wait()
    changes: list[dict[str, Any]] = [{}, {"title": "B"}]
    for change in changes:
        answer = await post(ann, **change)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    store.go_on.set()
    store.failures = 1
    assert (await post(ann)).status_code == 503
    assert (await post(ann)).status_code == 202


REQUEST = cast(ApiRequest, type("Asked", (), {"scope": {"method": "POST", "path": "/things"}})())


@pytest.fixture
async def owner(ann: Person) -> Actor:
    return Actor(AccountId(UUID(ann.id)))


def making(site: Site, made: list[UUID]) -> Callable[[Once | None], Any]:
    """Makes a thing as a use case does."""

    async def make(once: Once | None) -> UUID:
        made.append(uuid4())
        async with site.world.work() as work:
            if once is not None:
                until = site.world.clock.now().replace(year=2999)
                await work.idempotency_keys.settle(once, made=made[-1], until=until)
            await work.commit()
        return made[-1]

    return make


async def test_a_json_route_needs_three_lines(site: Site, owner: Actor) -> None:
    made: list[UUID] = []

    async def ask(data: object, key: str | None = "k") -> UUID:
        async with claimed(REQUEST, key, owner, site.world.use) as attempt:
            return await settled(attempt, fingerprint_of(data), making(site, made))

    first = await ask({"a": 1, "b": [2]})
    assert await ask({"b": [2], "a": 1}) == first
    with pytest.raises(Invalid):
        await ask({"a": 1})
    assert await ask({}, None) != await ask({}, None)
    assert len(made) == 3


async def test_a_long_request_keeps_its_key(site: Site, owner: Actor) -> None:
    use = site.world.use
    async with claimed(REQUEST, "k", owner, use, every=0.001) as attempt:
        for _ in range(5):
            site.world.clock.advance(timedelta(seconds=119))
            await asyncio.sleep(0.02)
        with pytest.raises(Conflict):
            await use(ClaimKey)(actor=owner, route="POST /things", key="k")
        await settled(attempt, "f", making(site, []))
        await asyncio.sleep(0.02)


async def test_a_database_that_is_away_costs_the_renewal_and_the_release_only(site: Site, owner: Actor) -> None:
    away = False

    def use(wanted: type) -> Any:
        if away:
            raise Unavailable("database_away", "Gone.")
        return site.world.use(wanted)

    async def interrupted() -> None:
        nonlocal away
        async with claimed(REQUEST, "k", owner, cast(Any, use), every=0.001):
            away = True
            await asyncio.sleep(0.02)
            raise Interrupted

    with capture_logs() as logs, pytest.raises(Interrupted):
        await interrupted()
    said = {line["event"] for line in logs}
    assert said == {"an idempotency key was not renewed", "an idempotency key was left behind"}


class Interrupted(Exception):
    """Thrown on purpose."""
