"""What every collection of profiles promises."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from tests.builders import App, a_profile, an_account, inhabit, roll_back

from soundgraph.application.people import EditProfile
from soundgraph.domain.errors import Conflict, Stale
from soundgraph.domain.ids import AccountId
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import Actor


async def get(app: App, account_id: AccountId) -> Profile:
    async with app.work() as work:
        profile = await work.profiles.get(account_id)
    assert profile is not None
    return profile


async def save(app: App, profile: Profile) -> None:
    async with app.work() as work:
        await work.profiles.save(profile)
        await work.commit()


async def test_what_goes_in_comes_out(app: App) -> None:
    account = an_account("ada")
    plain = a_profile(account)
    full = replace(plain, bio="Counts.", city="London", country_code="GB", links=("https://a.example", "b"))
    async with app.work() as work:
        await work.accounts.add(account)
        await work.profiles.add(plain)
        await work.commit()
    assert await get(app, account.id) == plain
    await save(app, full)
    assert await get(app, account.id) == replace(full, version=2)
    async with app.work() as work:
        assert await work.profiles.get(AccountId(uuid4())) is None


async def test_what_was_read_does_not_change_with_the_object(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    profile = await get(app, ada)
    profile.edit(bio="Never saved.")
    assert (await get(app, ada)).bio == ""


async def test_a_change_to_what_changed_meanwhile_is_refused(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    first, second = await get(app, ada), await get(app, ada)
    second.edit(bio="Second.")
    await save(app, second)
    first.edit(bio="First.")
    with pytest.raises(Conflict) as refusal:
        await save(app, first)
    assert refusal.value.code == "version_conflict"
    assert (await get(app, ada)).bio == "Second."


async def test_leaving_without_a_commit_keeps_nothing(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    profile = await get(app, ada)
    profile.edit(bio="On its way.")
    await roll_back(app, lambda work: work.profiles.save(replace(profile)))
    assert (await get(app, ada)).bio == ""


async def test_twenty_edits_at_once_are_all_kept(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    edit, actor = app.use(EditProfile), Actor(ada)
    await asyncio.gather(*(edit(actor=actor, bio=f"Edit {number}.") for number in range(20)))
    assert (await get(app, ada)).version == 21


async def test_of_twenty_edits_of_one_version_one_is_made(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    edit, actor = app.use(EditProfile), Actor(ada)
    outcomes = await asyncio.gather(
        *(edit(actor=actor, bio=f"Edit {number}.", version=1) for number in range(20)), return_exceptions=True
    )
    assert [type(one) for one in outcomes if one is not None] == [Stale] * 19
    assert (await get(app, ada)).version == 2
