"""What every collection of accounts promises."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from tests.builders import App, an_account, roll_back

from soundgraph.domain.errors import Conflict
from soundgraph.domain.identity import Account
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import AccountStanding, Role


async def add(app: App, account: Account) -> None:
    async with app.work() as work:
        await work.accounts.add(account)
        await work.commit()


async def get(app: App, account_id: AccountId) -> Account:
    async with app.work() as work:
        account = await work.accounts.get(account_id)
    assert account is not None
    return account


async def save(app: App, account: Account) -> None:
    async with app.work() as work:
        await work.accounts.save(account)
        await work.commit()


@pytest.mark.parametrize(
    "account",
    [
        an_account("ada"),
        replace(an_account("ada"), password_hash=None, role=Role.ADMIN, standing=AccountStanding.SUSPENDED, plan="pro"),
    ],
)
async def test_what_goes_in_comes_out(app: App, account: Account) -> None:
    await add(app, account)
    assert await get(app, account.id) == account
    async with app.work() as work:
        assert await work.accounts.by_login("ada") == account
        assert await work.accounts.by_login("ada@example.org") == account


async def test_nobody_is_found_under_what_nobody_has(app: App) -> None:
    await add(app, an_account("ada"))
    async with app.work() as work:
        assert await work.accounts.get(AccountId(uuid4())) is None
        assert await work.accounts.by_login("bob") is None


async def test_what_was_added_does_not_change_with_the_object(app: App) -> None:
    account = an_account("ada")
    async with app.work() as work:
        await work.accounts.add(account)
        await work.commit()
    account.rehash("another")
    read = await get(app, account.id)
    read.rehash("yet another")
    assert (await get(app, account.id)).password_hash == "hash"


async def test_addresses_and_handles_are_unique(app: App) -> None:
    await add(app, an_account("ada"))
    with pytest.raises(Conflict) as refusal:
        await add(app, replace(an_account("bob"), email="ada@example.org"))
    assert refusal.value.code == "email_taken"
    with pytest.raises(Conflict) as refusal:
        await add(app, replace(an_account("ada"), email="bob@example.org"))
    assert refusal.value.code == "handle_taken"


async def test_a_change_is_kept_and_counted(app: App) -> None:
    account = an_account("ada")
    await add(app, account)
    account.rehash("stronger")
    account.role, account.standing = Role.MODERATOR, AccountStanding.SUSPENDED
    await save(app, account)
    assert await get(app, account.id) == replace(account, version=2)


async def test_a_change_to_what_changed_meanwhile_is_refused(app: App) -> None:
    account = an_account("ada")
    await add(app, account)
    first, second = await get(app, account.id), await get(app, account.id)
    second.rehash("second")
    await save(app, second)
    first.rehash("first")
    with pytest.raises(Conflict) as refusal:
        await save(app, first)
    assert refusal.value.code == "version_conflict"
    assert (await get(app, account.id)).password_hash == "second"


async def test_a_change_to_what_is_not_there_is_refused(app: App) -> None:
    with pytest.raises(Conflict) as refusal:
        await save(app, an_account("ada"))
    assert refusal.value.code == "version_conflict"


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    account = an_account("ada")
    await roll_back(app, lambda work: work.accounts.add(account))
    async with app.work() as work:
        assert await work.accounts.get(account.id) is None
    await add(app, account)


async def test_of_twenty_who_want_one_handle_one_gets_it(app: App) -> None:
    rivals = [replace(an_account("ada"), email=f"ada-{number}@example.org") for number in range(20)]
    outcomes = await asyncio.gather(*(add(app, one) for one in rivals), return_exceptions=True)
    lost = [one for one in outcomes if isinstance(one, Conflict)]
    assert len(lost) == 19
    assert {one.code for one in lost} == {"handle_taken"}
    assert outcomes.count(None) == 1


async def test_those_who_change_one_account_wait_for_each_other(app: App) -> None:
    account = an_account("ada")
    await add(app, account)

    async def append() -> None:
        async with app.work() as work:
            mine = await work.accounts.get(account.id)
            assert mine is not None
            mine.rehash(f"{mine.password_hash}+")
            await work.accounts.save(mine)
            await work.commit()

    await asyncio.gather(*(append() for _ in range(20)))
    changed = await get(app, account.id)
    assert (changed.password_hash, changed.version) == ("hash" + "+" * 20, 21)
