"""The gate: every cell of the truth table as `may_see` has it, whoever is asked."""

from dataclasses import dataclass, replace
from itertools import product
from uuid import UUID, uuid4

import pytest
from tests.builders import App, a_profile, a_track, an_account, inhabit

from soundgraph.application.people import PeopleReader
from soundgraph.application.ports import Gate
from soundgraph.application.tracks import TrackReader
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import AccountId, Ref, TrackId, account_ref, track_ref
from soundgraph.domain.tracks import Track, TrackDetails
from soundgraph.domain.visibility import (
    ANYONE,
    AccountStanding,
    Audience,
    Facts,
    Role,
    Standing,
    Viewer,
    may_see,
    truth_table,
)

# Who blocks whom, seen from a viewer who is not the owner.
DIRECTIONS = ("nobody", "owner blocks viewer", "viewer blocks owner", "each other")


@dataclass
class Things:
    """Stored facts, each under the thing they are about, and the one other person whom a block is about."""

    other: AccountId
    tracks: dict[Ref, Facts]
    people: dict[Ref, Facts]

    def facts_for(self, facts: Facts, viewer: Viewer) -> Facts:
        """The same facts, as that viewer meets them."""
        return facts if viewer.id == self.other else replace(facts, blocked=False)


async def store_everything(app: App) -> Things:
    """One owner for each standing and direction of block, each with one track for each standing and audience."""
    (other,) = await inhabit(app, "other")
    things = Things(other, {}, {})
    async with app.work() as work:
        for number, (owner_standing, direction) in enumerate(product(AccountStanding, DIRECTIONS)):
            account = replace(an_account(f"owner-{number}"), standing=owner_standing)
            await work.accounts.add(account)
            await work.profiles.add(a_profile(account))
            if direction in ("owner blocks viewer", "each other"):
                await work.blocks.add(account.id, other, at=app.clock.now())
            if direction in ("viewer blocks owner", "each other"):
                await work.blocks.add(other, account.id, at=app.clock.now())
            blocked = direction != "nobody"
            person = Facts(account.id, account.id, owner_standing=owner_standing, blocked=blocked)
            things.people[account_ref(account.id)] = person
            for standing, audience in product(Standing, Audience):
                track = a_track_that(account.id, standing, audience)
                await work.tracks.add(track)
                facts = Facts(track.id, account.id, standing, owner_standing, audience, blocked=blocked)
                things.tracks[track_ref(track.id)] = facts
        await work.commit()
    return things


def a_track_that(owner_id: AccountId, standing: Standing, audience: Audience) -> Track:
    track = a_track(owner_id, f"{standing}-{audience}")
    track.details, track.standing = TrackDetails(title="A track", audience=audience), standing
    return track


def viewers(things: Things) -> list[Viewer]:
    """Everyone that the truth table speaks of, and every owner."""
    grants = frozenset(ref.id for ref in things.tracks)
    owners = [facts.owner_id for facts in things.people.values()]
    return [
        ANYONE,
        Viewer(grants=grants),
        Viewer(things.other),
        Viewer(things.other, grants=grants),
        Viewer(things.other, Role.MODERATOR),
        Viewer(things.other, Role.ADMIN),
        *(Viewer(owner) for owner in owners),
        Viewer(owners[0], grants=grants),
    ]


async def test_every_cell_of_the_truth_table(app: App) -> None:
    things = await store_everything(app)
    everything = things.tracks | things.people
    stored = {replace(facts, id=UUID(int=0), owner_id=AccountId(UUID(int=0))) for facts in things.tracks.values()}
    # A track has no parent, so those of the table's facts that hide one are for other kinds of things.
    for facts, _, _ in truth_table():
        if facts.parent_visible:
            assert replace(facts, id=UUID(int=0), owner_id=AccountId(UUID(int=0))) in stored
    gate = app.use(Gate)
    for viewer in viewers(things):
        expected = [ref for ref, facts in everything.items() if may_see(things.facts_for(facts, viewer), viewer)]
        assert await gate.admit(viewer, list(everything)) == expected
        async with app.work() as work:
            assert await work.gate.admit(viewer, list(everything)) == expected


async def test_readers_apply_the_same_rule(app: App) -> None:
    things = await store_everything(app)
    tracks, people = app.use(TrackReader), app.use(PeopleReader)
    for viewer in viewers(things):
        for ref, facts in things.tracks.items():
            seen = may_see(things.facts_for(facts, viewer), viewer)
            assert (await tracks.get(viewer, TrackId(ref.id)) is not None) == seen, (facts, viewer)
        for ref, facts in things.people.items():
            seen = may_see(things.facts_for(facts, viewer), viewer)
            assert (await people.by_id(viewer, AccountId(ref.id)) is not None) == seen, (facts, viewer)


async def test_answers_keep_the_order_and_the_repetitions_of_the_question(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    track = a_track(ada)
    async with app.work() as work:
        await work.tracks.add(track)
        await work.commit()
    asked = [account_ref(bob), track_ref(track.id), account_ref(ada), track_ref(track.id)]
    gate = app.use(Gate)
    assert await gate.admit(ANYONE, asked) == asked
    assert await gate.admit(ANYONE, asked[::-1]) == asked[::-1]
    assert await gate.admit(ANYONE, []) == []


async def test_what_does_not_exist_is_admitted_to_nobody(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    gate, admin = app.use(Gate), Viewer(ada, Role.ADMIN)
    strangers = [account_ref(AccountId(uuid4())), track_ref(TrackId(uuid4())), track_ref(TrackId(ada))]
    assert await gate.admit(admin, strangers) == []
    for ref in strangers:
        with pytest.raises(NotFound):
            await gate.require(admin, ref)
    await gate.require(admin, account_ref(ada))


async def test_a_unit_of_work_sees_its_own_changes_and_others_only_see_commits(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    async with app.work() as work:
        await work.blocks.add(ada, bob, at=app.clock.now())
        assert await work.gate.admit(Viewer(bob), [account_ref(ada)]) == []
        assert await app.use(Gate).admit(Viewer(bob), [account_ref(ada)]) == [account_ref(ada)]
        await work.commit()
    assert await app.use(Gate).admit(Viewer(bob), [account_ref(ada)]) == []
