"""What every collection of session families promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import CLIENT, PASSWORD, App, inhabit, join, roll_back

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.application.identity import LogIn, RefreshSession, Session
from soundgraph.domain.errors import Conflict, Unauthenticated
from soundgraph.domain.identity import FAMILY_LIFETIME, REFRESH_GRACE, SessionFamily
from soundgraph.domain.ids import AccountId, FamilyId


def a_family(account_id: AccountId) -> SessionFamily:
    return SessionFamily.start(FamilyId(uuid4()), account_id, at=EPOCH, device="a browser", address="192.0.2.1")


async def add(app: App, family: SessionFamily) -> None:
    async with app.work() as work:
        await work.families.add(family)
        await work.commit()


async def get(app: App, family_id: FamilyId) -> SessionFamily | None:
    async with app.work() as work:
        return await work.families.get(family_id)


async def save(app: App, family: SessionFamily) -> None:
    async with app.work() as work:
        await work.families.save(family)
        await work.commit()


async def test_what_goes_in_comes_out(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    family = a_family(ada)
    await add(app, family)
    assert await get(app, family.id) == family
    assert await get(app, FamilyId(uuid4())) is None


async def test_a_change_is_kept_and_counted(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    family = a_family(ada)
    await add(app, family)
    family.present(1, at=EPOCH + timedelta(hours=1))
    family.end(at=EPOCH + timedelta(hours=2))
    assert (stored := await get(app, family.id)) is not None
    assert stored.generation == 1
    await save(app, family)
    assert await get(app, family.id) == replace(family, version=2)


async def test_a_change_to_what_changed_meanwhile_is_refused(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    family = a_family(ada)
    await add(app, family)
    await save(app, replace(family, generation=2))
    with pytest.raises(Conflict) as refusal:
        await save(app, replace(family, generation=9))
    assert refusal.value.code == "version_conflict"
    with pytest.raises(Conflict):
        await save(app, a_family(ada))


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    family = a_family(ada)
    await roll_back(app, lambda work: work.families.add(family))
    assert await get(app, family.id) is None


async def test_expiring_drops_what_can_no_longer_be_refreshed(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    live, ended, old = a_family(ada), a_family(ada), a_family(ada)
    live.expires_at += timedelta(microseconds=1)
    ended.expires_at += timedelta(days=1)
    ended.end(at=EPOCH)
    for family in (live, ended, old):
        await add(app, family)
    async with app.work() as work:
        assert await work.families.expire(now=EPOCH + FAMILY_LIFETIME) == 2
        await work.commit()
    assert [await get(app, one.id) is None for one in (live, ended, old)] == [False, True, True]


async def test_fifty_refreshes_at_once_leave_one_live_token(app: App) -> None:
    ada = await join(app, "ada")
    session = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    refresh = app.use(RefreshSession)
    sessions = await asyncio.gather(*(refresh(refresh_token=session.refresh_token) for _ in range(50)))
    assert len({one.refresh_token for one in sessions}) == 1
    async with app.work() as work:
        # The session of joining, and this one: a single step further.
        assert sorted(one.generation for one in await work.families.of(ada.id)) == [1, 2]
    again = await refresh(refresh_token=sessions[0].refresh_token)
    assert again.refresh_token != sessions[0].refresh_token


async def test_of_twenty_who_reuse_a_spent_token_none_gets_in_and_the_family_is_over(app: App) -> None:
    await join(app, "ada")
    session = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    refresh = app.use(RefreshSession)
    live = await refresh(refresh_token=session.refresh_token)
    app.clock.advance(REFRESH_GRACE + timedelta(seconds=1))
    attempts: list[Session | BaseException] = await asyncio.gather(
        *(refresh(refresh_token=session.refresh_token) for _ in range(20)), return_exceptions=True
    )
    codes = sorted(one.code for one in attempts if isinstance(one, Unauthenticated))
    assert codes == ["session_ended"] * 19 + ["token_reused"]
    with pytest.raises(Unauthenticated):
        await refresh(refresh_token=live.refresh_token)
