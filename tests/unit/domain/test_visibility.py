"""The visibility rule: what it says in one line each, what can never be, and its printed truth table."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from soundgraph.domain.visibility import (
    ANYONE,
    OTHER,
    OWNER,
    THING,
    VIEWERS,
    AccountStanding,
    Audience,
    Facts,
    Role,
    Standing,
    Viewer,
    may_see,
    render_truth_table,
    truth_table,
)

PRINTED = Path(__file__).parents[3] / "docs" / "visibility.md"

FACTS = st.builds(
    Facts,
    id=st.just(THING),
    owner_id=st.just(OWNER),
    standing=st.sampled_from(Standing),
    owner_standing=st.sampled_from(AccountStanding),
    audience=st.sampled_from(Audience),
    parent_visible=st.booleans(),
    blocked=st.booleans(),
)
MEMBERS = st.builds(Viewer, id=st.sampled_from([None, OWNER, OTHER]), grants=st.sampled_from([frozenset(), {THING}]))
STAFF = st.builds(Viewer, id=st.just(OTHER), role=st.sampled_from([Role.MODERATOR, Role.ADMIN]))


@given(FACTS, STAFF)
def test_moderators_see_all(facts: Facts, viewer: Viewer) -> None:
    assert may_see(facts, viewer)


@given(FACTS, MEMBERS)
def test_what_does_not_stand_is_hidden_from_everyone_else(facts: Facts, viewer: Viewer) -> None:
    assume(facts.standing is not Standing.OK or facts.owner_standing is not AccountStanding.ACTIVE)
    assert not may_see(facts, viewer)


@given(FACTS, MEMBERS)
def test_a_block_or_a_hidden_parent_hides(facts: Facts, viewer: Viewer) -> None:
    assert not may_see(replace(facts, blocked=True), viewer)
    assert not may_see(replace(facts, parent_visible=False), viewer)


@given(FACTS, MEMBERS)
def test_a_grant_opens_only_what_is_private(facts: Facts, viewer: Viewer) -> None:
    bare, granted = replace(viewer, grants=frozenset()), replace(viewer, grants=frozenset({THING}))
    if may_see(facts, bare):
        assert may_see(facts, granted)
    if may_see(facts, granted) and not may_see(facts, bare):
        assert facts.audience is not Audience.PUBLIC


@given(FACTS, MEMBERS)
def test_more_public_is_never_less_visible(facts: Facts, viewer: Viewer) -> None:
    if may_see(facts, viewer):
        assert may_see(replace(facts, audience=Audience.PUBLIC), viewer)


@given(FACTS, MEMBERS)
def test_restoring_anything_never_hides(facts: Facts, viewer: Viewer) -> None:
    if may_see(facts, viewer):
        for better in (
            {"standing": Standing.OK},
            {"owner_standing": AccountStanding.ACTIVE},
            {"parent_visible": True},
            {"blocked": False},
        ):
            assert may_see(replace(facts, **better), viewer)


@given(FACTS, MEMBERS)
def test_scheduled_is_private_and_knows_no_clock(facts: Facts, viewer: Viewer) -> None:
    scheduled, private = (replace(facts, audience=one) for one in (Audience.SCHEDULED, Audience.PRIVATE))
    assert may_see(scheduled, viewer) == may_see(private, viewer)


def test_the_plain_case() -> None:
    public, private = Facts(THING, OWNER), Facts(THING, OWNER, audience=Audience.PRIVATE)
    assert may_see(public, ANYONE)
    assert not may_see(private, ANYONE)
    assert may_see(private, Viewer(OWNER))
    assert may_see(private, Viewer(grants=frozenset({THING})))


def test_the_table_has_every_cell_that_can_be() -> None:
    cells = list(truth_table())
    combinations = len(Standing) * len(AccountStanding) * len(Audience) * 2
    blockable = sum(viewer.id not in (None, OWNER) for viewer in VIEWERS.values())
    assert len(cells) == combinations * (len(VIEWERS) + blockable)
    assert all(answer == may_see(facts, VIEWERS[name]) for facts, name, answer in cells)


def test_the_documented_table_is_the_rule() -> None:
    _, _, rest = PRINTED.read_text().partition("```text\n")
    table, _, _ = rest.partition("```")
    assert table == render_truth_table(), "run: python -m soundgraph.domain.visibility"


def test_the_module_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    # Run as a script by its path: as a module it would be imported twice, which is a warning.
    runpy.run_path(str(Path(__file__).parents[3] / "src/soundgraph/domain/visibility.py"), run_name="__main__")
    assert capsys.readouterr().out == render_truth_table()
