"""What every collection of registrations promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from tests.builders import App, inhabit, roll_back

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.domain.errors import Conflict
from soundgraph.domain.identity import REGISTRATION_LIFETIME, Registration
from soundgraph.domain.ids import RegistrationId


def a_registration(handle: str, *, email: str | None = None, number: int | None = None) -> Registration:
    one = UUID(int=number) if number else uuid4()
    registration, _ = Registration.request(
        RegistrationId(one),
        email=email or f"{handle}@example.org",
        handle=handle,
        display_name=handle.title(),
        password_hash="hash",
        token_digest=one.bytes * 2,
        at=EPOCH,
    )
    return registration


async def reserve(app: App, registration: Registration) -> None:
    async with app.work() as work:
        await work.registrations.reserve(registration, now=app.clock.now())
        await work.commit()


async def remove(app: App, registration: Registration) -> None:
    async with app.work() as work:
        await work.registrations.remove(registration)
        await work.commit()


async def expire(app: App) -> int:
    async with app.work() as work:
        dropped = await work.registrations.expire(now=app.clock.now())
        await work.commit()
    return dropped


async def taken(app: App, handle: str) -> bool:
    """Whether nobody else could reserve it."""
    codes = []
    async with app.work() as work:
        try:
            await work.registrations.reserve(a_registration(handle), now=app.clock.now())
        except Conflict as conflict:
            codes.append(conflict.code)
    return codes == ["handle_taken"]


async def test_what_goes_in_comes_out(app: App) -> None:
    registration = a_registration("ada")
    await reserve(app, registration)
    async with app.work() as work:
        assert await work.registrations.get(registration.id) == registration
        assert await work.registrations.by_token(registration.token_digest) == registration
        assert await work.registrations.by_login("ada") == registration
        assert await work.registrations.by_login("ada@example.org") == registration
        assert await work.registrations.get(RegistrationId(uuid4())) is None
        assert await work.registrations.by_token(b"made up") is None
        assert await work.registrations.by_login("bob") is None


async def test_the_newest_of_an_address_is_found(app: App) -> None:
    for number, handle in ((2, "second"), (3, "third"), (1, "first")):
        await reserve(app, a_registration(handle, email="ada@example.org", number=number))
    async with app.work() as work:
        found = await work.registrations.by_login("ada@example.org")
    assert found is not None
    assert found.handle == "third"


async def test_a_handle_is_reserved_until_its_registration_expires(app: App) -> None:
    await inhabit(app, "ada")
    await reserve(app, a_registration("bob"))
    assert await taken(app, "ada")
    assert await taken(app, "bob")
    app.clock.advance(REGISTRATION_LIFETIME - timedelta(microseconds=1))
    assert await taken(app, "bob")
    app.clock.advance(timedelta(microseconds=1))
    assert await taken(app, "ada")
    assert not await taken(app, "bob")


async def test_removing_one_frees_its_handle(app: App) -> None:
    registration = a_registration("ada")
    await reserve(app, registration)
    for _ in range(2):
        await remove(app, registration)
    async with app.work() as work:
        assert await work.registrations.get(registration.id) is None
    assert not await taken(app, "ada")


async def test_an_expired_one_goes_when_its_handle_is_reserved_again(app: App) -> None:
    old = a_registration("ada")
    await reserve(app, old)
    app.clock.advance(REGISTRATION_LIFETIME)
    fresh = replace(a_registration("ada"), expires_at=app.clock.now() + REGISTRATION_LIFETIME)
    await reserve(app, fresh)
    assert await expire(app) == 0
    assert await taken(app, "ada")
    async with app.work() as work:
        assert await work.registrations.get(old.id) is None
        assert await work.registrations.get(fresh.id) == fresh


async def test_expiring_drops_the_expired_and_says_how_many(app: App) -> None:
    await reserve(app, a_registration("ada"))
    await reserve(app, replace(a_registration("bob"), expires_at=EPOCH + timedelta(days=9)))
    assert await expire(app) == 0
    app.clock.advance(REGISTRATION_LIFETIME)
    assert await expire(app) == 1
    assert await expire(app) == 0
    async with app.work() as work:
        assert await work.registrations.by_login("ada") is None
        assert await work.registrations.by_login("bob") is not None


async def test_leaving_without_a_commit_reserves_nothing(app: App) -> None:
    await roll_back(app, lambda work: work.registrations.reserve(a_registration("ada"), now=app.clock.now()))
    assert not await taken(app, "ada")


async def test_of_twenty_who_want_one_handle_one_gets_it(app: App) -> None:
    rivals = [a_registration("ada", email=f"ada-{number}@example.org") for number in range(20)]
    outcomes = await asyncio.gather(*(reserve(app, one) for one in rivals), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert [one.code for one in outcomes if isinstance(one, Conflict)] == ["handle_taken"] * 19


async def test_of_twenty_who_want_an_expired_handle_one_gets_it(app: App) -> None:
    await reserve(app, a_registration("ada"))
    app.clock.advance(REGISTRATION_LIFETIME)
    later = app.clock.now() + REGISTRATION_LIFETIME
    rivals = [replace(a_registration("ada"), expires_at=later) for _ in range(20)]
    outcomes = await asyncio.gather(*(reserve(app, one) for one in rivals), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert [one.code for one in outcomes if isinstance(one, Conflict)] == ["handle_taken"] * 19
