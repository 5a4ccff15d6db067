"""The contract of `CommonPasswords`, over the memory adapter and the published list."""

import pytest

from soundgraph.adapters.memory.identity import FewCommonPasswords
from soundgraph.adapters.zxcvbn.passwords import PublishedPasswords
from soundgraph.application.identity import CommonPasswords


@pytest.fixture(params=[FewCommonPasswords, PublishedPasswords])
def common(request: pytest.FixtureRequest) -> CommonPasswords:
    made: CommonPasswords = request.param()
    return made


@pytest.mark.parametrize(
    "password", ["password", "PassWord", "password123!", "2026!password", "qwertyuiop", "ILoveYou2!", "0123456789"]
)
def test_what_everybody_tries_is_common(common: CommonPasswords, password: str) -> None:
    assert common.holds(password)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "a horse of another colour",
        "press play, and smile",
        "zkTq9 vbWm2 x",
        "你好你好你好你好你好",
    ],
)
def test_what_nobody_tries_is_not(common: CommonPasswords, password: str) -> None:
    assert not common.holds(password)


@pytest.mark.parametrize(
    "password", ["administrator", "jennifer123", "root123456", "123456root", "TrustNo1!!!!", "dragon2026!"]
)
def test_words_and_names_are_published_too(password: str) -> None:
    assert PublishedPasswords().holds(password)


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "1234a56789b", "dragon of another colour", "7391-ka-2048"]
)
def test_what_only_contains_one_is_not_common(password: str) -> None:
    assert not PublishedPasswords().holds(password)


def test_the_published_list_is_long() -> None:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    published = FREQUENCY_LISTS["passwords"]
    assert len(published) >= 30_000
    assert all(map(PublishedPasswords().holds, published[:5_000]))
