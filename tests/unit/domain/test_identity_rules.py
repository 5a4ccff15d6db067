"""Registrations, accounts and session families."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soundgraph.domain.errors import FieldError, Forbidden, Gone, Invalid, Unauthenticated
from soundgraph.domain.identity import (
    FAMILY_LIFETIME,
    HANDLE,
    REFRESH_GRACE,
    REGISTRATION_LIFETIME,
    RESERVED_HANDLES,
    Account,
    EmailChange,
    Refresh,
    Registration,
    SessionFamily,
    is_name,
    is_plain,
    normalise_email,
    registration_errors,
    require_valid,
    skeleton,
    words_in,
)
from soundgraph.domain.ids import AccountId, EmailChangeId, FamilyId, RegistrationId
from soundgraph.domain.visibility import AccountStanding, Actor, Role

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HANDLE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-"


def broken(
    *, email: str = "ada@example.org", handle: str = "ada", password: str = "0123456789", name: str = "A"
) -> str:
    """The fields and codes of every broken rule."""
    return " ".join(f"{one.field}:{one.code}" for one in registration_errors(email, handle, password, name))


@pytest.mark.parametrize(
    "email", ["a@b.cd", "ada.l+x@mail.ex-ample.org", "jürgen@bücher.example", f"{'a' * 64}@b.cd", "-@b--c.de"]
)
def test_addresses_that_are_taken_as_they_are(email: str) -> None:
    assert broken(email=email) == ""


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "ada@example.c",
        "a b@example.org",
        "a@b@example.org",
        "ada@example..org",
        "ada@.example.org",
        "ada@example.org\nBcc: eve@example.org",
        "ada\x00@example.org",
        "<ada@example.org>",
        "ada@example.org,eve@example.org",
        f"{'a' * 65}@b.cd",
        f"a@{'b.' * 130}cd",
        f"a@{'b' * 64}.cd",
        "a..b@example.org",
        ".a@example.org",
        "a.@example.org",
        "a@-example.org",
        "a@example-.org",
        "a@example.-org",
        "a@example.org-",
        "a\u202eb@example.org",
        "a\u200db@example.org",
        "a\u200b@example.org",
        "a@exam\u00adple.org",
        "a\u0085@example.org",
    ],
)
def test_addresses_that_are_refused(email: str) -> None:
    assert broken(email=email) == "email:invalid_email"


@given(st.text(HANDLE_LETTERS, min_size=3, max_size=30))
def test_a_handle_is_refused_only_for_a_reason(handle: str) -> None:
    looks_like_an_id = len(handle) >= 12 and all(one in "0123456789abcdef-" for one in handle[:14])
    reserved = skeleton(handle) in {skeleton(name) for name in RESERVED_HANDLES}
    if broken(handle=handle):
        assert looks_like_an_id or reserved
    else:
        assert HANDLE.fullmatch(handle)
        assert not reserved


@given(st.text(max_size=40))
def test_no_other_text_is_a_handle(text: str) -> None:
    if not 3 <= len(text) <= 30 or set(text) - set(HANDLE_LETTERS):
        assert broken(handle=text) == "handle:invalid_handle"


@given(st.uuids())
def test_nothing_that_looks_like_an_id_is_a_handle(one: UUID) -> None:
    assert broken(handle=str(one)[:30]) == broken(handle=one.hex[:30]) == "handle:invalid_handle"


@pytest.mark.parametrize(
    "handle",
    [
        "admin",
        "adm1n",
        "adrnin",
        "a-d-m-i-n",
        "4dmin",
        "supp0rt",
        "vvebhooks",
        "l0gin",
        "soundqraph",
        "s0undgraph_",
        "no_reply",
        "nu11",
        "moderat0rs",
        "lo-qin",
    ],
)
def test_lookalikes_of_reserved_handles_are_reserved(handle: str) -> None:
    assert broken(handle=handle) == "handle:reserved_handle"


def test_every_reserved_handle_is_refused() -> None:
    assert all("handle" in broken(handle=handle) for handle in RESERVED_HANDLES)


@given(st.text(HANDLE_LETTERS, max_size=30))
def test_a_lookalike_of_a_skeleton_is_itself(handle: str) -> None:
    assert skeleton(skeleton(handle)) == skeleton(skeleton(skeleton(handle)))


@pytest.mark.parametrize(("length", "wrong"), [(9, True), (10, False), (256, False), (257, True)])
def test_passwords_have_a_length(length: int, wrong: bool) -> None:
    assert broken(password="x" * length) == ("password:password_length" if wrong else "")


HEART_ON_FIRE, KSHA = "\u2764\ufe0f\u200d\U0001f525", "\u0915\u094d\u200c\u0937"


@pytest.mark.parametrize("name", ["Ada Lovelace", "Zoë", "زكريا", "你好", HEART_ON_FIRE, KSHA])
def test_names_in_any_script_are_taken(name: str) -> None:
    assert broken(name=name) == ""


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\a", "\n", "\x7f", "\u0085", "\u2066", "\u200b", "\ufeff", "\u2028", "\U000e0041"]
)
def test_names_hide_nothing(hidden: str) -> None:
    assert broken(name=f"A{hidden}da") == "display_name:invalid_characters"
    assert broken(name=hidden + "x" * 60) == "display_name:length"


PLAIN = [
    "passwordpassword",
    "aaaaaaaaaa",
    "testtest123",
    "ha ha ha ha ha ha",
    "你好你好你好你好你好",
    "abcabcabcab",
    "abcdefghij",
    "ZYXWVUTSRQ",
    "abcd123456",
    "qwerty123456",
    "poiuytrewq",
    "qweasdzxcrty",
    "2024!!abcd!!",
    "8391027465",
    "!!!???!!!???",
]
NAMES = [
    "soundgraph1",
    "2026-SoundGraph!",
    "soundgraphsoundgraph",
    "ada@example.org",
    "Ada@Example.org1",
    "ada.lovelace42!",
    "!!the_countess!!",
    "The_Countess_2026",
]
GOOD = [
    "correct horse battery",
    "correct horse battery staple",
    "a horse of another colour",
    "ada likes horses",
    "my soundgraph account",
    "zkTq9 vbWm2 x",
    "x7391048265y",
    "abcdefghiz",
    "qwertyandmore",
    "correct horse battery correct horse battery",
]


@pytest.mark.parametrize("password", PLAIN)
def test_patterns_are_guessed_first(password: str) -> None:
    assert is_plain(password)


@pytest.mark.parametrize("password", NAMES)
def test_names_are_guessed_first(password: str) -> None:
    names = ("ada@example.org", "ada.lovelace@example.org", "the_countess")
    assert is_name(password, *names)
    assert password.casefold().startswith(("soundgraph", "2026-s")) == is_name(password)


@pytest.mark.parametrize("password", GOOD)
def test_passphrases_are_not(password: str) -> None:
    assert not is_plain(password)
    assert not is_name(password, "ada@example.org", "ada", "")
    assert password.casefold() in set(words_in(password))


def test_what_is_looked_up_of_a_password() -> None:
    assert set(words_in("Love!!")) == {"love", "love!", "love!!"}
    assert set(words_in("4u2")) == {"4u2"}
    assert set(words_in("12")) == {"12", ""}
    # However long, it is looked up a limited number of times.
    assert len(list(words_in("1" * 128 + "x" + "1" * 127))) < 64 * 64


def test_addresses_are_compared_in_one_form() -> None:
    assert normalise_email(" Ju\u0308rgen@example.org ") == "j\u00fcrgen@example.org"


def test_display_names_have_a_length() -> None:
    assert broken(name="") == broken(name="x" * 61) == "display_name:length"


def test_every_broken_rule_is_named_at_once() -> None:
    errors = registration_errors("no", "no", "no", "")
    assert [one.field for one in errors] == ["email", "handle", "password", "display_name"]
    with pytest.raises(Invalid) as refusal:
        require_valid(errors)
    assert refusal.value.errors == tuple(errors)
    assert all(isinstance(one, FieldError) for one in refusal.value.errors)
    require_valid([])


@given(st.emails())
def test_normalising_twice_is_normalising_once(email: str) -> None:
    assert normalise_email(normalise_email(f" {email} ")) == normalise_email(email)


def a_registration() -> Registration:
    registration, requested = Registration.request(
        RegistrationId(UUID(int=1)),
        email="ada@example.org",
        handle="ada",
        display_name="Ada",
        password_hash="hash",
        token_digest=b"digest",
        at=NOON,
    )
    assert requested.registration_id == registration.id
    return registration


def test_a_registration_becomes_the_account_it_described() -> None:
    account, created = a_registration().confirm(AccountId(UUID(int=2)), at=NOON)
    assert (account.email, account.handle, account.password_hash) == ("ada@example.org", "ada", "hash")
    assert created.account_id == account.id == UUID(int=2)
    account.rehash("stronger")
    assert account.password_hash == "stronger"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
def test_a_registration_expires(late: timedelta) -> None:
    a_registration().confirm(AccountId(UUID(int=2)), at=NOON + REGISTRATION_LIFETIME - timedelta(microseconds=1))
    with pytest.raises(Gone) as refusal:
        a_registration().confirm(AccountId(UUID(int=2)), at=NOON + REGISTRATION_LIFETIME + late)
    assert refusal.value.code == "token_expired"


def a_family() -> SessionFamily:
    ids = FamilyId(UUID(int=1)), AccountId(UUID(int=2))
    return SessionFamily.start(*ids, at=NOON, device="d" * 300, address="192.0.2.1")


def test_a_long_device_name_is_cut() -> None:
    assert a_family().device == "d" * 200


def test_ending_twice_is_ending_once() -> None:
    family = a_family()
    family.end(at=NOON)
    family.end(at=NOON + timedelta(days=1))
    assert family.ended_at == NOON


def test_rotation_moves_the_end_of_the_family() -> None:
    family = a_family()
    later = NOON + FAMILY_LIFETIME - timedelta(seconds=1)
    assert family.present(1, at=later) is Refresh.ROTATED
    assert family.expires_at == later + FAMILY_LIFETIME


def test_the_previous_token_repeats_within_the_grace_and_ends_the_family_after_it() -> None:
    family = a_family()
    family.present(1, at=NOON)
    assert family.present(1, at=NOON + REFRESH_GRACE) is Refresh.REPEATED
    assert family.present(1, at=NOON + REFRESH_GRACE + timedelta(microseconds=1)) is Refresh.REUSED
    assert family.ended_at is not None


def test_an_older_token_ends_the_family_at_once() -> None:
    family = a_family()
    family.present(1, at=NOON)
    family.present(2, at=NOON)
    assert family.present(1, at=NOON) is Refresh.REUSED


class Sessions(RuleBasedStateMachine):
    """Any sequence of refreshes with tokens old and new, at any pace."""

    @initialize()
    def log_in(self) -> None:
        self.family, self.now, self.over = a_family(), NOON, False
        self.spent: dict[int, datetime] = {}

    @rule(seconds=st.integers(0, 40))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def wait_long(self) -> None:
        self.now += FAMILY_LIFETIME
        self.over = True

    @precondition(lambda self: not self.over)
    @rule()
    def present_the_live_one(self) -> None:
        live = self.family.generation
        assert self.family.present(live, at=self.now) is Refresh.ROTATED
        assert self.family.generation == live + 1
        self.spent[live] = self.now

    @precondition(lambda self: not self.over and self.spent)
    @rule(data=st.data())
    def present_a_spent_one(self, data: st.DataObject) -> None:
        generation = data.draw(st.sampled_from(sorted(self.spent)))
        latest = generation == max(self.spent) and self.now - self.spent[generation] <= REFRESH_GRACE
        before = replace(self.family)
        outcome = self.family.present(generation, at=self.now)
        assert outcome is (Refresh.REPEATED if latest else Refresh.REUSED)
        if latest:
            assert self.family == before
        else:
            self.over = True
            assert self.family.ended_at == self.now

    @precondition(lambda self: not self.over)
    @rule()
    def log_out(self) -> None:
        self.family.end(at=self.now)
        self.over = True

    @precondition(lambda self: self.over)
    @rule(generation=st.integers(0, 5))
    def present_anything_when_it_is_over(self, generation: int) -> None:
        with pytest.raises(Unauthenticated) as refusal:
            self.family.present(generation, at=self.now)
        assert refusal.value.code == "session_ended"

    @invariant()
    def exactly_one_generation_is_live_and_it_was_never_presented(self) -> None:
        assert self.family.generation == len(self.spent) + 1
        assert self.family.generation not in self.spent


Sessions.TestCase.settings = settings(deadline=None, max_examples=100)
TestSessions = Sessions.TestCase


def an_account() -> Account:
    return Account(id=AccountId(UUID(int=9)), email="ada@example.org", handle="ada", password_hash="h", created_at=NOON)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
def test_only_admins_give_roles_and_suspend(role: Role) -> None:
    account, other = an_account(), Actor(AccountId(UUID(int=8)), role)
    with pytest.raises(Forbidden):
        account.take_role(Role.ADMIN, by=other)
    with pytest.raises(Forbidden):
        account.stand(AccountStanding.SUSPENDED, by=other)
    assert (account.role, account.standing) == (Role.MEMBER, AccountStanding.ACTIVE)


def test_an_address_that_changed_in_another_way_does_not_change_back() -> None:
    account = an_account()
    change, _ = EmailChange.request(
        EmailChangeId(UUID(int=7)), account, "ada@elsewhere.example", digests=(b"old", b"new"), at=NOON
    )
    account.email = "ada@third.example"
    change.confirm(b"old", at=NOON)
    change.confirm(b"new", at=NOON)
    with pytest.raises(Gone):
        change.settle(account)
    assert account.email == "ada@third.example"
