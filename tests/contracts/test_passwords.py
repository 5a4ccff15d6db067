"""The contract of `Passwords`, over the memory adapter and argon2."""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator

import pytest
from argon2 import extract_parameters

from soundgraph.adapters.argon2.passwords import Argon2Passwords
from soundgraph.adapters.memory.identity import QuickPasswords
from soundgraph.application.identity import Passwords
from soundgraph.domain.errors import LimitReached

PASSWORD = "correct horse battery"


@pytest.fixture
def argon2() -> Iterator[Argon2Passwords]:
    passwords = Argon2Passwords()
    yield passwords
    passwords.close()


@pytest.fixture(params=["memory", "argon2"])
def passwords(request: pytest.FixtureRequest, argon2: Argon2Passwords) -> Passwords:
    return QuickPasswords() if request.param == "memory" else argon2


async def test_the_right_password_matches_and_others_do_not(passwords: Passwords) -> None:
    encoded = await passwords.hash(PASSWORD)
    assert await passwords.verify(encoded, PASSWORD)
    assert not await passwords.verify(encoded, PASSWORD + " ")
    assert not await passwords.verify(encoded, "")


async def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert not await passwords.verify(None, PASSWORD)
    assert not await passwords.verify(None, "")


async def test_what_it_made_is_not_outdated_and_the_rest_is(passwords: Passwords) -> None:
    assert not passwords.outdated(await passwords.hash(PASSWORD))
    assert passwords.outdated("something else")


async def test_a_hash_that_is_none_never_matches(passwords: Passwords) -> None:
    assert not await passwords.verify("something else", PASSWORD)


@pytest.mark.parametrize("password", ["pässwörd mit ümlaut", "密码密码密码密码", "a" * 256, "\x00" * 12])
async def test_any_text_is_a_password(passwords: Passwords, password: str) -> None:
    assert await passwords.verify(await passwords.hash(password), password)


async def test_hashes_are_salted_and_at_or_above_owasps_parameters(argon2: Argon2Passwords) -> None:
    one, other = await argon2.hash(PASSWORD), await argon2.hash(PASSWORD)
    assert one != other
    parameters = extract_parameters(one)
    assert one.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19_456, 2, 1)


async def test_weaker_parameters_are_outdated_but_still_match(argon2: Argon2Passwords) -> None:
    weak = Argon2Passwords(memory_kib=1_024, passes=1)
    encoded = await weak.hash(PASSWORD)
    weak.close()
    assert argon2.outdated(encoded)
    assert await argon2.verify(encoded, PASSWORD)


async def test_a_full_queue_says_busy_and_empties_again() -> None:
    passwords = Argon2Passwords(queue=2)
    answers = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(5)), return_exceptions=True)
    busy = [one for one in answers if isinstance(one, LimitReached)]
    assert len(busy) == 3
    assert {(one.code, one.retry_after) for one in busy} == {("busy", 1)}
    assert await passwords.hash(PASSWORD)
    passwords.close()


async def test_in_turn_a_few_go_on_at_once_and_everyone_gets_there(passwords: Passwords) -> None:
    inside, most = 0, 0

    async def log_in(number: int) -> int:
        nonlocal inside, most
        async with passwords.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1
        return number

    assert await asyncio.gather(*map(log_in, range(50))) == list(range(50))
    assert inside == 0
    assert most <= (os.cpu_count() or 1) + 1 or isinstance(passwords, QuickPasswords)


async def test_those_for_whom_there_is_no_turn_are_told_at_once_and_failure_gives_it_back() -> None:
    passwords, entered, go = Argon2Passwords(queue=3), list[int](), asyncio.Event()

    async def log_in(number: int) -> None:
        async with passwords.turn():
            entered.append(number)
            await go.wait()
            raise ValueError("as if a database failed")

    waiting = [asyncio.create_task(log_in(number)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(LimitReached) as refused:
        await log_in(3)
    assert (refused.value.code, refused.value.retry_after) == ("busy", 1)
    waiting[2].cancel()
    go.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert 3 not in entered
    for number in range(4, 8):
        with pytest.raises(ValueError, match="as if a database failed"):
            await log_in(number)
    passwords.close()


async def test_a_caller_who_gave_up_leaves_no_hole_in_the_queue() -> None:
    passwords = Argon2Passwords(queue=1)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(passwords.hash(PASSWORD), 0.001)
        await asyncio.sleep(0.3)
    assert await passwords.hash(PASSWORD)
    passwords.close()


@pytest.mark.serial
async def test_the_loop_goes_on_while_passwords_are_hashed(argon2: Argon2Passwords) -> None:
    hashing = asyncio.gather(*(argon2.hash(PASSWORD) for _ in range(20)))
    stalls = []
    while not hashing.done():
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls.append(time.perf_counter() - begun)
    await hashing
    assert statistics.median(stalls) < 0.02


@pytest.mark.serial
async def test_nobody_costs_as_much_as_somebody(argon2: Argon2Passwords) -> None:
    encoded = await argon2.hash(PASSWORD)

    async def seconds(hashed: str | None) -> float:
        begun = time.perf_counter()
        await argon2.verify(hashed, "wrong horse battery")
        return time.perf_counter() - begun

    pairs = [(await seconds(encoded), await seconds(None)) for _ in range(15)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.5 < unknown / known < 2
