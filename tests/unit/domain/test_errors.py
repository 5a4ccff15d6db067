"""Refusals carry a stable code, a message for a person, and what else their category needs."""

from uuid import UUID

import pytest

from soundgraph.domain.errors import (
    Conflict,
    DomainError,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    LimitReached,
    NotFound,
    Stale,
    Unauthenticated,
    Unavailable,
    refuse_stale,
)


@pytest.mark.parametrize("category", [Conflict, Forbidden, Gone, Invalid, LimitReached, Unauthenticated, Unavailable])
def test_every_category_carries_code_and_message(category: type[DomainError]) -> None:
    error = category("some_code", "Some words.")
    assert (error.code, error.message, str(error)) == ("some_code", "Some words.", "Some words.")


def test_not_found_needs_no_words() -> None:
    assert NotFound().code == "not_found"


def test_invalid_names_every_broken_field() -> None:
    errors = [FieldError("a", "length", "Too long."), FieldError("b", "length", "Too short.")]
    refusal = Invalid.fields(errors)
    assert (refusal.code, refusal.errors) == ("invalid", tuple(errors))


def test_a_stale_version_is_refused_and_no_version_is_not() -> None:
    refuse_stale(3, None)
    refuse_stale(3, 3)
    with pytest.raises(Stale) as refusal:
        refuse_stale(3, 2)
    assert (refusal.value.code, refusal.value.present) == ("version_mismatch", ())
    assert Stale((UUID(int=1),)).present == (UUID(int=1),)


def test_limits_and_absences_say_when_to_come_back() -> None:
    assert LimitReached("busy", "Busy.", retry_after=7).retry_after == 7
    assert Unavailable("away", "Away.").retry_after == 5
