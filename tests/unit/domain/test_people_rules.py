"""Profiles and what refuses an edge between people."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundgraph.domain.errors import Invalid
from soundgraph.domain.ids import AccountId
from soundgraph.domain.people import FOLLOWINGS_CAP, Profile, refuse_over_cap, refuse_self
from soundgraph.domain.texts import conceals

ADA, BOB = AccountId(UUID(int=1)), AccountId(UUID(int=2))


def a_profile() -> Profile:
    return Profile(id=ADA, handle="ada", display_name="Ada", bio="Counts.", city="London")


def test_only_what_is_given_changes_and_it_is_trimmed() -> None:
    profile = a_profile()
    profile.edit(bio=" Computes. ")
    assert profile == Profile(id=ADA, handle="ada", display_name="Ada", bio="Computes.", city="London")
    profile.edit(city="")
    assert profile.city == ""


@given(st.text(max_size=70), st.text(max_size=100))
def test_an_edit_is_whole_or_refused(display_name: str, city: str) -> None:
    profile = a_profile()
    wrong = {
        name
        for name, text, limit in (("display_name", display_name.strip(), 60), ("city", city.strip(), 80))
        if len(text) > limit or (name == "display_name" and (not text or conceals(text)))
    }
    if wrong:
        with pytest.raises(Invalid) as refusal:
            profile.edit(display_name=display_name, city=city)
        assert {one.field for one in refusal.value.errors} == wrong
        assert profile == a_profile()
    else:
        profile.edit(display_name=display_name, city=city)
        assert (profile.display_name, profile.city) == (display_name.strip(), city.strip())


def test_a_name_hides_nothing() -> None:
    profile = a_profile()
    for name in ("A\u202eda", "Ada\a", "A\nda"):
        with pytest.raises(Invalid) as refusal:
            profile.edit(display_name=name)
        assert [one.code for one in refusal.value.errors] == ["invalid_characters"]
    profile.edit(display_name="\u2764\ufe0f\u200d\U0001f525", bio="Counts.\nComputes.")


def test_nobody_follows_themself() -> None:
    refuse_self(ADA, BOB, "follow")
    with pytest.raises(Invalid) as refusal:
        refuse_self(ADA, ADA, "follow")
    assert refusal.value.code == "self"


def test_the_cap_is_the_last_that_is_allowed() -> None:
    refuse_over_cap(FOLLOWINGS_CAP - 1)
    with pytest.raises(Invalid) as refusal:
        refuse_over_cap(FOLLOWINGS_CAP)
    assert refusal.value.code == "limit_reached"
