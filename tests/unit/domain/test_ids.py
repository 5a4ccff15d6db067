"""UUID version 7, and what the gate is asked about."""

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundgraph.domain.ids import AccountId, Kind, Ref, TrackId, account_ref, track_ref, uuid7

MILLISECONDS = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=10, max_size=10)


@given(MILLISECONDS, ENTROPY)
def test_version_variant_and_time_are_where_the_standard_puts_them(milliseconds: int, entropy: bytes) -> None:
    made = uuid7(milliseconds, entropy)
    assert made.version == 7
    assert made.variant == RFC_4122
    assert made.int >> 80 == milliseconds


@given(MILLISECONDS, MILLISECONDS, ENTROPY, ENTROPY)
def test_a_later_one_is_larger_as_number_and_as_text(one: int, other: int, salt: bytes, pepper: bytes) -> None:
    first, second = uuid7(min(one, other), salt), uuid7(max(one, other), pepper)
    if one != other:
        assert first < second
        assert str(first) < str(second)


@given(MILLISECONDS, ENTROPY)
def test_entropy_survives_but_for_the_bits_that_the_standard_fixes(milliseconds: int, entropy: bytes) -> None:
    flipped = bytes([*entropy[:-1], entropy[-1] ^ 1])
    assert uuid7(milliseconds, entropy) != uuid7(milliseconds, flipped)


@pytest.mark.parametrize("length", [0, 9, 11])
def test_entropy_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="ten bytes"):
        uuid7(0, bytes(length))


def test_refs_name_their_kind() -> None:
    one = UUID(int=1)
    assert account_ref(AccountId(one)) == Ref(Kind.ACCOUNT, one)
    assert track_ref(TrackId(one)) == Ref(Kind.TRACK, one)
