"""Every rule: as many as it says pass, one more is 429. Time stands still unless a test lets it pass."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.unit.http.conftest import API, NOBODY, PASSWORD, Person, Site, paths

from soundgraph.adapters.memory.limits import MemoryLimiter
from soundgraph.adapters.system import SystemClock
from soundgraph.application import limits
from soundgraph.application.limits import RULES, Charge, Limiter, Rule, Verdict
from soundgraph.domain.errors import Unavailable
from soundgraph.entrypoints.http.app import Services, build_app
from soundgraph.entrypoints.http.origins import SAFE_METHODS

DOCS = Path(__file__).parents[3] / "docs" / "limits.md"
PROXY = ip_network("127.0.0.1")
Ask = Callable[[], Awaitable[httpx.Response]]


class Away(Limiter):
    """A Redis that does not answer."""

    async def take(self, charges: Sequence[Charge]) -> list[Verdict]:
        raise Unavailable("limits_away", "Away.")

    async def give_back(self, charge: Charge) -> None:
        raise Unavailable("limits_away", "Away.")


class Limited(Site):
    """A site with limits, and a proxy before it that says where people come from."""

    def __post_init__(self) -> None:
        self.use_limiter(self.world.use(Limiter))

    def use_limiter(self, limiter: Limiter) -> None:
        """Serve with another limiter from now on."""
        self.app: Litestar = build_app(
            Services(self.world.use, self.public_url, b"k" * 32, limiter=limiter, trusted_proxies=[PROXY])
        )

    async def member(self, handle: str) -> Person:
        """Someone who joined before there were limits, from now on under them."""
        person = await Site(self.world).join(handle)
        return Person(self, self.client(Authorization=person.http.headers["Authorization"]), person.session)


@pytest.fixture
def limited() -> Limited:
    return Limited()


def at(address: str) -> dict[str, str]:
    """The header of a request from an address."""
    return {"X-Forwarded-For": address}


async def exactly(rule: Rule, ask: Ask, passing: int) -> httpx.Response:
    """Ask as often as the rule allows, then once more. Returns the refusal."""
    for number in range(rule.limit):
        answer = await ask()
        assert answer.status_code == passing, answer.text
        assert int(answer.headers["RateLimit-Remaining"]) <= rule.limit - number - 1
    refused = await ask()
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["RateLimit-Limit"] == str(rule.limit)
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["RateLimit-Reset"] == str(int(rule.per.total_seconds()))
    assert refused.headers["Retry-After"] == str(max(rule.interval, rule.hold) // 1_000_000)
    return refused


async def test_api_by_account(limited: Limited) -> None:
    ann, bob = await limited.member("annika"), await limited.member("robert")
    await exactly(limits.API, lambda: ann.http.get(f"{API}/me"), 200)
    assert (await bob.http.get(f"{API}/me")).status_code == 200
    assert (await ann.http.get(f"{API}/users/robert", headers=at("192.0.2.1"))).status_code == 429
    limited.world.clock.advance(timedelta(seconds=29))
    assert (await ann.http.get(f"{API}/users/robert")).headers["Retry-After"] == "1"
    limited.world.clock.advance(timedelta(seconds=1))
    for left in (149, 148):
        answer = await ann.http.get(f"{API}/users/robert")
        assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (200, str(left))


async def test_on_a_running_clock_one_more_is_refused(limited: Limited) -> None:
    """One comes back every second, but not in the first thirty."""
    limited.use_limiter(MemoryLimiter(SystemClock()))
    http = limited.client()
    for number in range(limits.API_ADDRESS.limit):
        if number == 100:
            await asyncio.sleep(2.1)
        assert (await http.get(f"{API}/users/x")).status_code == 404
    refused = await http.get(f"{API}/users/x")
    assert (refused.status_code, refused.headers["RateLimit-Remaining"]) == (429, "0")
    assert 0 < int(refused.headers["Retry-After"]) <= 28


async def test_api_by_address(limited: Limited) -> None:
    http = limited.client()
    await exactly(limits.API_ADDRESS, lambda: http.get(f"{API}/users/x", headers=at("192.0.2.1")), 404)
    assert (await http.get(f"{API}/users/x", headers=at("192.0.2.2"))).status_code == 404
    # Claiming to come from elsewhere changes nothing, nor does a session that does not hold.
    assert (await http.get(f"{API}/users/x", headers=at("6.6.6.6, 192.0.2.1"))).status_code == 429
    guess = at("192.0.2.1") | {"Authorization": "Bearer guess"}
    assert (await http.get(f"{API}/me", headers=guess)).status_code == 429
    for path in (
        "/health/live",
        "/health/ready",
        "/docs",
        "/docs/assets/start.js",
        "/openapi.json",
        "/assets/pages.css",
    ):
        answer = await http.get(path, headers=at("192.0.2.1"))
        assert (answer.status_code, "RateLimit-Limit" in answer.headers) == (200, False)


async def test_guessing_sessions_counts_by_address(limited: Limited) -> None:
    http = limited.client(Authorization="Bearer guess")
    await exactly(limits.API_ADDRESS, lambda: http.get(f"{API}/me"), 401)


async def test_ipv6_counts_by_64(limited: Limited) -> None:
    http, hosts = limited.client(), iter(range(1, 10_000))
    await exactly(
        limits.API_ADDRESS, lambda: http.get(f"{API}/users/x", headers=at(f"2001:db8:0:1::{next(hosts):x}")), 404
    )
    assert (await http.get(f"{API}/users/x", headers=at("2001:db8:0:2::1"))).status_code == 404


async def test_login_by_address(limited: Limited) -> None:
    http, names = limited.client(), iter(range(100))

    def guess(address: str = "192.0.2.1") -> Awaitable[httpx.Response]:
        asked = {"login": f"nobody-{next(names)}", "password": PASSWORD}
        return http.post(f"{API}/auth/login", json=asked, headers=at(address))

    await exactly(limits.LOGIN, guess, 401)
    assert (await guess("192.0.2.2")).status_code == 401


async def test_verifying_counts_as_login_on_pages_too(limited: Limited) -> None:
    http = limited.client()
    await exactly(limits.LOGIN, lambda: http.post(f"{API}/auth/verify-email", json={"token": "x"}), 410)
    page = await http.post("/verify-email", data={"token": "x"})
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert page.headers["Retry-After"] == "30"


async def test_failed_logins_by_login_and_address(limited: Limited) -> None:
    await limited.member("annika")
    http = limited.client()

    def guess(password: str, address: str = "192.0.2.1", login: str = "annika") -> Awaitable[httpx.Response]:
        asked = {"login": login, "password": password, "transport": "bearer"}
        return http.post(f"{API}/auth/login", json=asked, headers=at(address))

    for _ in range(3):
        assert (await guess(PASSWORD)).status_code == 200, "what is right does not count"
    await exactly(limits.LOGIN_FAILURES, lambda: guess("wrong horse battery"), 401)
    assert (await guess(PASSWORD)).status_code == 429
    assert (await guess(PASSWORD, login=" ANNIKA ")).status_code == 429
    assert (await guess("wrong horse battery", login="robert")).status_code == 401
    assert (await guess(PASSWORD, address="192.0.2.2")).status_code == 200
    limited.world.clock.advance(timedelta(seconds=30))
    assert (await guess(PASSWORD)).status_code == 200


def register(http: httpx.AsyncClient, number: int, email: str, address: str) -> Awaitable[httpx.Response]:
    asked = {"email": email, "handle": f"person-{number}", "password": PASSWORD}
    return http.post(f"{API}/auth/register", json=asked, headers=at(address))


async def test_register_by_address(limited: Limited) -> None:
    http, numbers = limited.client(), iter(range(100))

    def ask(address: str = "192.0.2.1") -> Awaitable[httpx.Response]:
        number = next(numbers)
        return register(http, number, f"p{number}@example.org", address)

    await exactly(limits.REGISTER, ask, 202)
    assert (await ask("192.0.2.2")).status_code == 202


async def test_mails_by_mail_address_and_address(limited: Limited) -> None:
    http = limited.client()

    def ask(email: str, address: str = "192.0.2.1") -> Awaitable[httpx.Response]:
        return http.post(f"{API}/auth/password/forgot", json={"email": email}, headers=at(address))

    await exactly(limits.MAIL, lambda: ask("ada@example.org"), 202)
    assert (await ask(" ADA@Example.org ")).status_code == 429
    assert (await ask("bob@example.org")).status_code == 202
    # What others asked for shows to nobody.
    answer = await ask("ada@example.org", "192.0.2.2")
    assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (202, "4")


async def test_mails_to_one_address_are_bounded_wherever_they_are_asked_for(limited: Limited) -> None:
    await limited.member("annika")
    http = limited.client()
    for number in range(limits.MAIL.limit + 3):
        asked = {"email": "annika@example.org"}
        answer = await http.post(f"{API}/auth/password/forgot", json=asked, headers=at(f"192.0.2.{number}"))
        assert answer.status_code == 202
    await limited.world.settle()
    # The first was that of her registration.
    assert [one.to for one in limited.world.outbox.sent] == ["annika@example.org"] * limits.MAIL.limit


async def test_mails_in_a_day(limited: Limited) -> None:
    http, sent = limited.client(), 0
    for number in range(40):
        answer = await register(http, number, "ada@example.org", "192.0.2.1")
        sent += answer.status_code == 202
        if answer.headers["RateLimit-Limit"] == str(limits.MAIL_DAILY.limit) and answer.status_code == 429:
            break
        limited.world.clock.advance(timedelta(minutes=6))
    # In the two hours that this took, none came back by the day's rule.
    assert sent == limits.MAIL_DAILY.limit


async def test_a_registration_that_is_malformed_or_invalid_costs_none(limited: Limited) -> None:
    http, numbers = limited.client(), iter(range(100))

    def ask(status: int, **changes: Any) -> Awaitable[httpx.Response]:
        asked = {"email": "ada@example.org", "handle": f"person-{next(numbers)}", "password": PASSWORD} | changes
        return http.post(f"{API}/auth/register", json=asked, headers=at("192.0.2.1"))

    for _ in range(limits.REGISTER.limit):
        for status, changes in ((400, {"email": 1}), (400, {"role": "admin"}), (422, {"handle": "!"})):
            refused = await ask(status, **changes)
            # What it tells is the general rule, which counts it.
            assert (refused.status_code, refused.headers["RateLimit-Limit"]) == (status, "300")
    await exactly(limits.REGISTER, lambda: ask(202), 202)


async def test_a_handle_that_is_taken_costs_a_registration(limited: Limited) -> None:
    await limited.member("annika")
    http, numbers = limited.client(), iter(range(100))

    def ask() -> Awaitable[httpx.Response]:
        asked = {"email": f"p{next(numbers)}@example.org", "handle": "annika", "password": PASSWORD}
        return http.post(f"{API}/auth/register", json=asked)

    await exactly(limits.REGISTER, ask, 409)


@pytest.mark.parametrize("known", [True, False])
async def test_mailing_an_unverified_login_again_counts_and_tells_nobody(limited: Limited, *, known: bool) -> None:
    http, world = limited.client(), limited.world
    if known:
        await limited.member("ada")
    before = len(world.outbox.sent)
    asked = {"login": "ada@example.org", "password": "another horse battery"}
    wanted = {"email": asked["login"], "handle": "somebody", "password": asked["password"]}
    assert (await http.post(f"{API}/auth/register", json=wanted)).status_code == 202
    for _ in range(8):
        answer = await http.post(f"{API}/auth/login", json=asked)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
        await world.settle()
    assert len(world.outbox.sent) - before == (1 if known else limits.MAIL.limit)
    # What was mailed is not to be seen from outside, or it would tell whether the address is known.
    answer = await http.post(f"{API}/auth/register", json=wanted | {"handle": "somebody-else"})
    assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (202, "3")


async def test_refresh(limited: Limited) -> None:
    http = limited.client()
    await exactly(limits.REFRESH, lambda: http.post(f"{API}/auth/refresh", json={"refresh_token": "x"}), 401)


async def test_uploads(limited: Limited) -> None:
    ann = await limited.member("annika")
    await exactly(limits.UPLOADS, lambda: ann.http.post(f"{API}/tracks"), 415)


async def test_two_tracks_in_processing(limited: Limited) -> None:
    ann = await limited.member("annika")

    def upload() -> Awaitable[httpx.Response]:
        files = {"audio": ("a.wav", b"RIFF", "audio/wav")}
        return ann.http.post(f"{API}/tracks", data={"title": "A"}, files=files)

    for _ in range(2):
        assert (await upload()).status_code == 202
    refused = await upload()
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_processing")
    assert int(refused.headers["Retry-After"]) > 0
    await limited.world.settle()
    assert (await upload()).status_code == 202


@pytest.mark.parametrize(("method", "passing"), [("PUT", 404), ("DELETE", 204)])
async def test_likes(limited: Limited, method: str, passing: int) -> None:
    ann = await limited.member("annika")
    await exactly(limits.LIKES, lambda: ann.http.request(method, f"{API}/me/likes/tracks/{NOBODY}"), passing)
    other = "DELETE" if method == "PUT" else "PUT"
    assert (await ann.http.request(other, f"{API}/me/likes/tracks/{NOBODY}")).status_code == 429
    assert (await ann.http.get(f"{API}/me")).status_code == 200


async def test_follows(limited: Limited) -> None:
    ann = await limited.member("annika")
    await exactly(limits.FOLLOWS, lambda: ann.http.put(f"{API}/me/followings/{NOBODY}"), 404)
    assert (await ann.http.delete(f"{API}/me/followings/{NOBODY}")).status_code == 429


async def test_follows_in_a_day(limited: Limited) -> None:
    ann, followed = await limited.member("annika"), 0
    for _ in range(500):
        answer = await ann.http.put(f"{API}/me/followings/{NOBODY}")
        if answer.headers["RateLimit-Limit"] == "400" and answer.status_code == 429:
            break
        followed += 1
        limited.world.clock.advance(timedelta(seconds=1))
    # In the 400 seconds that this took, none came back by the day's rule.
    assert followed == limits.FOLLOWS_DAILY.limit


async def test_while_nobody_counts_accounts_are_guarded_and_the_rest_is_open(limited: Limited) -> None:
    ann = await limited.member("annika")
    limited.use_limiter(Away())
    http = limited.client()
    ann.http = limited.client(Authorization=ann.http.headers["Authorization"])
    for path, body in (
        ("login", {"login": "annika", "password": PASSWORD}),
        ("register", {"email": "x@example.org", "handle": "someone", "password": PASSWORD}),
        ("verify-email", {"token": "x"}),
        ("refresh", {"refresh_token": "x"}),
    ):
        answer = await http.post(f"{API}/auth/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "limits_away")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await http.get(f"{API}/users/annika")).status_code == 200
    assert (await ann.http.put(f"{API}/me/likes/tracks/{NOBODY}")).status_code == 404
    assert (await ann.upload())["state"] == "ready"
    assert (await ann.http.post(f"{API}/auth/logout")).status_code == 204


class Forgetful(MemoryLimiter):
    """Goes away between a request and its answer."""

    async def give_back(self, charge: Charge) -> None:
        raise Unavailable("limits_away", "Away.")


async def test_a_right_password_that_cannot_be_given_back_is_right(limited: Limited) -> None:
    await limited.member("annika")
    limited.use_limiter(Forgetful(limited.world.clock))
    asked = {"login": "annika", "password": PASSWORD}
    assert (await limited.client().post(f"{API}/auth/login", json=asked)).status_code == 200


async def test_what_is_invalid_is_told_also_where_nothing_can_be_given_back(limited: Limited) -> None:
    limited.use_limiter(Forgetful(limited.world.clock))
    asked = {"email": "ada@example.org", "handle": "!", "password": PASSWORD}
    assert (await limited.client().post(f"{API}/auth/register", json=asked)).status_code == 422


async def test_without_a_limiter_there_are_no_limits(site: Site) -> None:
    async with site.client() as http:
        for _ in range(400):
            answer = await http.post(f"{API}/auth/refresh", json={"refresh_token": "x"})
            assert (answer.status_code, "RateLimit-Limit" in answer.headers) == (401, False)


def handlers(app: Litestar) -> list[tuple[str, str, Any]]:
    """Every route: method, path, handler."""
    return [
        (str(method), route.path_format, handler)
        for route in app.routes
        for method, (handler, _) in getattr(route, "route_handler_map", {}).items()
    ]


FORMS = ("/verify-email", "/reset-password", "/confirm-email")


def test_every_unsafe_auth_route_has_a_limit_that_fails_closed(site: Site) -> None:
    unsafe = {
        (method, path): handler.opt["limits"]
        for method, path, handler in handlers(site.app)
        if method not in SAFE_METHODS and (path.startswith(f"{API}/auth/") or path in FORMS)
    }
    assert len(unsafe) >= 6
    # Whoever wants out must get out, also while nobody counts.
    leaving = {("POST", f"{API}/auth/logout"), ("POST", f"{API}/auth/logout-all")}
    for method, path in unsafe.keys() - leaving - {("DELETE", f"{API}/auth/sessions/{{session_id}}")}:
        assert any(rule.closed for rule in unsafe[method, path]), path


def test_every_rule_of_the_table_is_declared_somewhere(site: Site) -> None:
    declared = {rule for _, _, handler in handlers(site.app) for rule in handler.opt.get("limits", ())}
    assert declared | {limits.API, limits.API_ADDRESS, *limits.FAILURES, limits.LOGIN_GUESSES} == set(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


async def test_every_api_route_counts(limited: Limited) -> None:
    http = limited.client()
    for number, (method, path) in enumerate(paths(limited.app)):
        answer = await http.request(method, path, headers=at(f"192.0.{number}.1"))
        # Asking what may be asked is free.
        counted = path.startswith(API) and method != "OPTIONS"
        assert ("RateLimit-Limit" in answer.headers) == counted, (method, path)


async def test_what_matches_no_route_does_not_count(limited: Limited) -> None:
    http = limited.client()
    for method, path, status in (("GET", "/nothing/here", 404), ("PATCH", "/auth/login", 405)):
        answer = await http.request(method, API + path)
        assert (answer.status_code, "RateLimit-Limit" in answer.headers) == (status, False)
    assert (await http.get(f"{API}/users/x")).headers["RateLimit-Remaining"] == "299"


def test_the_documented_table_is_the_constant() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| .* \|$", DOCS.read_text(), re.MULTILINE)
    assert rows == [
        (one.name, f"{one.limit} per {spelled(one.per)}", str(one.by), "refused" if one.closed else "admitted")
        for one in RULES
    ]


def spelled(per: timedelta) -> str:
    """A period as the documentation has it."""
    minutes = per // limits.MINUTE
    return {1: "minute", 60: "hour", 24 * 60: "day"}.get(minutes, f"{minutes} minutes")
