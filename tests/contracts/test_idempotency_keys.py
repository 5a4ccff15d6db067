"""What every collection of idempotency keys promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.builders import App, a_debt, begun_upload, inhabit, roll_back

from soundgraph.application.idempotency import (
    KEPT,
    LEASE,
    Claim,
    ClaimKey,
    ExpireKeys,
    Made,
    Once,
    ReleaseClaim,
    RenewClaim,
)
from soundgraph.application.tracks import CreateTrack
from soundgraph.domain.errors import Conflict, Invalid
from soundgraph.domain.events import PeriodicDue
from soundgraph.domain.ids import AccountId, TrackId
from soundgraph.domain.tracks import TrackDetails
from soundgraph.domain.visibility import Actor

ROUTE = "POST /things"


def a_claim(owner: AccountId, key: str = "k") -> Claim:
    return Claim(owner, ROUTE, key, uuid4())


async def reserve(app: App, claim: Claim) -> bool:
    now = app.clock.now()
    async with app.work() as work:
        taken = await work.idempotency_keys.reserve(claim, now=now, until=now + LEASE)
        await work.commit()
    return taken


async def settle(app: App, claim: Claim, made: UUID) -> None:
    async with app.work() as work:
        await work.idempotency_keys.settle(Once(claim, "same"), made=made, until=app.clock.now() + KEPT)
        await work.commit()


async def made(app: App, claim: Claim) -> Made | None:
    async with app.work() as work:
        return await work.idempotency_keys.made(claim)


async def test_what_was_settled_is_found_for_a_day(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    claim, thing = a_claim(ada, "日本 🎵 " + "x" * 240), uuid4()
    assert await made(app, claim) is None
    assert await reserve(app, claim)
    assert await made(app, claim) is None
    await settle(app, claim, thing)
    assert await made(app, claim) == Made("same", thing)
    app.clock.advance(KEPT - timedelta(microseconds=1))
    assert not await reserve(app, a_claim(ada, claim.key))
    app.clock.advance(timedelta(microseconds=1))
    assert await reserve(app, again := a_claim(ada, claim.key))
    assert await made(app, again) is None


async def test_keys_are_scoped_to_account_and_route(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    claim = a_claim(ada)
    for other in (claim, replace(claim, account_id=bob), replace(claim, route="POST /others"), a_claim(ada, "K")):
        assert await reserve(app, other)
    assert not await reserve(app, claim)


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    claim, now = a_claim(ada), app.clock.now()
    await roll_back(app, lambda work: work.idempotency_keys.reserve(claim, now=now, until=now + LEASE))
    assert await reserve(app, a_claim(ada, "other"))
    assert await reserve(app, claim)
    await roll_back(app, lambda work: work.idempotency_keys.settle(Once(claim, "f"), made=uuid4(), until=now + KEPT))
    assert await made(app, claim) is None
    await roll_back(app, lambda work: work.idempotency_keys.release(claim))
    assert not await reserve(app, a_claim(ada))


async def test_a_claim_that_ran_out_is_anyones_and_its_holder_cannot_settle(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    slow, quick, thing = a_claim(ada), a_claim(ada), uuid4()
    assert await reserve(app, slow)
    app.clock.advance(LEASE - timedelta(microseconds=1))
    assert not await reserve(app, quick)
    app.clock.advance(timedelta(microseconds=1))
    assert await reserve(app, quick)
    assert not await app.use(RenewClaim)(claim=slow)
    await app.use(ReleaseClaim)(claim=slow)
    with pytest.raises(Conflict) as refusal:
        await settle(app, slow, uuid4())
    assert refusal.value.code == "idempotency_in_flight"
    await settle(app, quick, thing)
    with pytest.raises(Conflict):
        await settle(app, quick, uuid4())
    assert await made(app, slow) == Made("same", thing)


async def test_a_claim_is_held_as_long_as_it_is_renewed(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    claim = a_claim(ada)
    assert await reserve(app, claim)
    for _ in range(3):
        app.clock.advance(LEASE - timedelta(seconds=1))
        assert await app.use(RenewClaim)(claim=claim)
    assert not await reserve(app, a_claim(ada))
    await settle(app, claim, uuid4())
    assert not await app.use(RenewClaim)(claim=claim)


async def test_a_released_claim_is_free_and_a_settled_key_stays(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    first, second = a_claim(ada), a_claim(ada)
    await reserve(app, first)
    for _ in range(2):
        await app.use(ReleaseClaim)(claim=first)
    assert await reserve(app, second)
    await settle(app, second, uuid4())
    await app.use(ReleaseClaim)(claim=second)
    assert not await reserve(app, first)


async def test_what_ran_out_is_forgotten(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    for key in ("settled", "claimed"):
        await reserve(app, claim := a_claim(ada, key))
        if key == "settled":
            await settle(app, claim, uuid4())
    app.clock.advance(LEASE)
    await app.use(ExpireKeys)(PeriodicDue(chore="idempotency.expire"), a_debt())
    assert not await reserve(app, a_claim(ada, "settled"))
    app.clock.advance(KEPT)
    async with app.work() as work:
        assert await work.idempotency_keys.expire(now=app.clock.now()) == 1
        assert await work.idempotency_keys.expire(now=app.clock.now()) == 0


async def test_of_twenty_who_claim_a_key_one_does(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    claim = app.use(ClaimKey)
    for key in ("new", "run out"):
        outcomes = await asyncio.gather(
            *(claim(actor=Actor(ada), route=ROUTE, key=key) for _ in range(20)), return_exceptions=True
        )
        refused = [one.code for one in outcomes if isinstance(one, Conflict)]
        assert refused == ["idempotency_in_flight"] * 19
        await reserve(app, a_claim(ada, "run out"))
        app.clock.advance(LEASE)


async def test_of_twenty_requests_with_one_key_one_makes_a_track(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    actor = Actor(ada)

    async def attempt() -> UUID:
        upload = await begun_upload(app, actor)
        claim, earlier = await app.use(ClaimKey)(actor=actor, route=ROUTE, key="k")
        if earlier is not None:
            return earlier.answering("same")
        return await app.use(CreateTrack)(
            actor=actor,
            upload_id=upload.id,
            size_bytes=3,
            sha256="abc",
            details=TrackDetails(title="Take"),
            once=Once(claim, "same"),
        )

    outcomes = await asyncio.gather(*(attempt() for _ in range(20)), return_exceptions=True)
    ids = {one for one in outcomes if isinstance(one, UUID)}
    assert len(ids) == 1
    assert {one.code for one in outcomes if isinstance(one, Conflict)} <= {"idempotency_in_flight"}
    assert {await attempt()} == ids


async def test_a_track_that_is_not_made_settles_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    actor = Actor(ada)
    upload = await begun_upload(app, actor)
    claim, _ = await app.use(ClaimKey)(actor=actor, route=ROUTE, key="k")
    app.clock.advance(LEASE)
    await app.use(ClaimKey)(actor=actor, route=ROUTE, key="k")
    with pytest.raises(Conflict) as refusal:
        await app.use(CreateTrack)(
            actor=actor, upload_id=upload.id, size_bytes=3, sha256="abc", details=TrackDetails(title="Take"),
            once=Once(claim, "same"),
        )  # fmt: skip
    assert refusal.value.code == "idempotency_in_flight"
    async with app.work() as work:
        stored = await work.uploads.get(upload.id)
    assert stored is not None
    assert stored.sha256 is None


def test_another_request_is_refused() -> None:
    earlier = Made("same", TrackId(uuid4()))
    assert earlier.answering("same") == earlier.id
    with pytest.raises(Invalid) as refusal:
        earlier.answering("other")
    assert refusal.value.code == "idempotency_key_reused"
