"""Who may call what, and from where."""

import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from litestar import Litestar, get
from litestar.routes import HTTPRoute
from tests.unit.http.conftest import API, HERE, NOBODY, PASSWORD, Person, Site, paths

from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import AccountStanding
from soundgraph.entrypoints.http.origins import SAFE_METHODS
from soundgraph.entrypoints.http.policies import Policy

ELSEWHERE = "https://evil.example"
SAME = [{"Sec-Fetch-Site": "same-origin"}, {"Origin": HERE}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}]
HOSTILE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
    {"Origin": ELSEWHERE},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost:81"},
    {"Origin": "http://localhost.evil.example"},
]
SILENT: dict[str, str] = {}


def declared(app: Litestar) -> dict[tuple[str, str], object]:
    """The policy of every route and method, but for the OPTIONS that litestar answers by itself."""
    return {
        (method, route.path): handler.opt.get("policy")
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS" or handler.fn.__module__ != HTTPRoute.__module__
    }


def test_every_route_declares_who_may_call_it(site: Site) -> None:
    undeclared = [route for route, policy in declared(site.app).items() if not isinstance(policy, Policy)]
    assert undeclared == []


def test_what_the_contract_calls_public_is_public_and_the_rest_is_not(site: Site) -> None:
    by_policy = {policy: {route for route, one in declared(site.app).items() if one is policy} for policy in Policy}
    pages = {"/", "/{handle:str}/{permalink:str}"}
    assert {path for method, path in by_policy[Policy.PUBLIC]} - pages == {
        f"{API}{path}"
        for path in (
            "/plans",
            "/users/{id_or_handle:str}",
            "/users/{id_or_handle:str}/followers",
            "/users/{id_or_handle:str}/followings",
            "/users/{id_or_handle:str}/likes",
            "/users/{id_or_handle:str}/tracks",
            "/playlists/{playlist_id:uuid}",
            "/playlists/{playlist_id:uuid}/tracks",
            "/users/{id_or_handle:str}/playlists",
            "/tracks/{track_id:uuid}",
            "/tracks/{track_id:uuid}/download",
            "/tracks/{track_id:uuid}/hls.m3u8",
            "/tracks/{track_id:uuid}/artwork",
            "/tracks/{track_id:uuid}/plays",
            "/tracks/{track_id:uuid}/likers",
            "/tracks/{track_id:uuid}/stream",
            "/tracks/{track_id:uuid}/streams",
            "/tracks/{track_id:uuid}/waveform",
            "/tracks/{track_id:uuid}/waveform.dat",
        )
    }
    reported = ("POST", f"{API}/tracks/{{track_id:uuid}}/plays")
    assert {method for method, _ in by_policy[Policy.PUBLIC] - {reported}} == {"GET"}
    inside = {path for _, path in by_policy[Policy.OPEN] if path.startswith(API)}
    mailing = ("register", "verify-email", "verify-email/resend", "confirm-email", "password/forgot", "password/reset")
    names = (*mailing, "login", "refresh", "logout", "restore")
    through = ("{provider:str}", "{provider:str}/callback", "complete")
    # What tus can do is told to all, by OPTIONS.
    assert [method for method, path in by_policy[Policy.OPEN] if path == f"{API}/uploads"] == ["OPTIONS"]
    inside.remove(f"{API}/uploads")
    assert inside == {f"{API}/auth/{name}" for name in names} | {f"{API}/auth/oauth/{name}" for name in through} | {
        f"{API}/.well-known/jwks.json"
    }


async def test_a_route_that_declares_nothing_is_refused() -> None:
    @get("/forgotten")
    async def forgotten() -> str:
        return "secret"

    site = Site()
    site.app.register(forgotten)
    answer = await site.client().get("/forgotten")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_policy")


async def test_members_routes_are_closed_to_visitors(site: Site, http: httpx.AsyncClient) -> None:
    closed = [route for route, policy in declared(site.app).items() if policy is Policy.MEMBER]
    assert len(closed) > 10
    for method, path in closed:
        address = re.sub(r"\{\w+:uuid\}", NOBODY, path)
        answer = await http.request(method, address)
        assert answer.status_code == 401, (method, path)
        assert not path.startswith(API) or answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "bearer a.b.c", "Token x"]
)
async def test_a_bad_authorization_header_is_refused_even_on_public_routes(ann: Person, header: str) -> None:
    async with ann.site.client(Authorization=header) as client:
        for path in ("/me", "/users/annika"):
            answer = await client.get(f"{API}{path}")
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


async def test_an_expired_session(ann: Person) -> None:
    tokens = ann.http.headers["Authorization"].split()[1]
    ann.site.world.clock.advance(timedelta(minutes=16))
    for path in ("/me", "/users/annika"):
        assert (await ann.http.get(f"{API}{path}")).json()["code"] == "token_expired"
    async with ann.site.client(Cookie=f"sg_access={tokens}") as browser:
        assert (await browser.get(f"{API}/me")).json()["code"] == "token_expired"
        assert (await browser.get(f"{API}/users/annika")).status_code == 200


async def test_a_suspended_account_is_told_so(site: Site, ann: Person) -> None:
    async with site.world.work() as work:
        account = await work.accounts.get(AccountId(UUID(ann.id)))
        assert account
        account.standing = AccountStanding.SUSPENDED
        await work.accounts.save(account)
        await work.commit()
    answer = await ann.http.get(f"{API}/me")
    assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended")
    login = await site.client().post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
    assert (login.status_code, login.json()["code"]) == (403, "account_suspended")


async def browser_of(ann: Person) -> httpx.AsyncClient:
    browser = ann.site.client()
    answer = await browser.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
    assert answer.status_code == 200
    return browser


def unsafe(app: Litestar) -> list[tuple[str, str]]:
    """Every method that changes something and its path, documented or not, with names of what does not exist."""
    found = [(method, path) for method, path in declared(app) if method not in SAFE_METHODS]
    return [
        (method, re.sub(r"\{\w+:\w+\}", NOBODY, path.replace("{provider:str}", "google"))) for method, path in found
    ]


def refused_as_forgery(answer: httpx.Response) -> bool:
    """Whether it says so: to programs by a code, on pages in words."""
    words = "this must come from a page of this site"
    told = answer.json()["code"] == "cross_origin" if "json" in answer.headers["content-type"] else words in answer.text
    return told and answer.status_code == 403 and "set-cookie" not in answer.headers


def test_every_unsafe_route_is_tried(site: Site) -> None:
    tried = set(unsafe(site.app))
    assert {(method, path) for method, path in paths(site.app) if method not in SAFE_METHODS} < tried
    undocumented = {(method, path) for method, path in tried if not path.startswith(API)}
    forms = {("POST", f"/{page}") for page in ("verify-email", "reset-password", "confirm-email", "welcome")}
    assert undocumented == forms | {("POST", "/media"), ("PUT", f"/media/{NOBODY}")}


async def test_with_cookies_every_unsafe_route_needs_a_page_of_ours(ann: Person) -> None:
    browser = await browser_of(ann)
    for method, path in unsafe(ann.site.app):
        for headers in (SILENT, *HOSTILE):
            answer = await browser.request(method, path, headers=headers)
            assert refused_as_forgery(answer), (method, path, headers, answer.text)
    assert (await browser.get(f"{API}/me", headers=HOSTILE[0])).status_code == 200


@pytest.mark.parametrize("cookie", ["sg_access", "sg_refresh"])
async def test_either_cookie_is_enough_for_every_unsafe_route_to_need_a_page_of_ours(site: Site, cookie: str) -> None:
    """A cookie that has run out too: what holds is not looked at before where it comes from."""
    async with site.client(Cookie=f"{cookie}=old", Origin=ELSEWHERE) as browser:
        for method, path in unsafe(site.app):
            answer = await browser.request(method, path)
            assert refused_as_forgery(answer), (method, path, answer.text)


@pytest.mark.parametrize("headers", SAME)
async def test_with_cookies_a_page_of_ours_may_do_everything(ann: Person, headers: dict[str, str]) -> None:
    browser = await browser_of(ann)
    assert (await browser.patch(f"{API}/me/profile", json={"bio": "x"}, headers=headers)).status_code == 200
    assert (await browser.post(f"{API}/auth/refresh", headers=headers)).status_code == 200
    assert (await browser.post(f"{API}/auth/logout", headers=headers)).status_code == 204


@pytest.mark.parametrize("headers", HOSTILE)
async def test_no_other_site_logs_a_browser_in(site: Site, ann: Person, headers: dict[str, str]) -> None:
    token = await site.register("robert")
    async with site.client(**headers) as victim:
        credentials = {"login": "annika", "password": PASSWORD}
        for answer in (
            await victim.post(f"{API}/auth/login", json=credentials),
            await victim.post(f"{API}/auth/verify-email", json={"token": token}),
            await victim.post("/verify-email", data={"token": token}),
        ):
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
        # A token in the body is of no use to a site that cannot read it.
        assert (await victim.post(f"{API}/auth/login", json={**credentials, "transport": "bearer"})).status_code == 200


@pytest.mark.parametrize("headers", HOSTILE)
async def test_with_a_bearer_token_the_origin_does_not_matter(ann: Person, headers: dict[str, str]) -> None:
    answer = await ann.http.patch(f"{API}/me/profile", json={"bio": "x"}, headers=headers)
    assert answer.status_code == 200


async def test_behind_a_proxy_the_public_url_is_ours() -> None:
    site = Site(public_url="https://music.example")
    ann = await site.join("annika")
    browser = site.client(Host="10.0.0.1:8000", Origin="https://music.example")
    login = await browser.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
    cookies = login.headers.get_list("set-cookie")
    names = ["__Host-sg_access", "__Host-sg_refresh", "__Host-sg_device"]
    assert [cookie.partition("=")[0] for cookie in cookies] == names
    assert all("Secure" in cookie for cookie in cookies)
    browser.headers["Cookie"] = "; ".join(cookie.partition(";")[0] for cookie in cookies)
    assert (await browser.patch(f"{API}/me/profile", json={"bio": "x"})).status_code == 200
    browser.headers["Origin"] = "http://music.example"
    assert (await browser.patch(f"{API}/me/profile", json={"bio": "x"})).status_code == 403
    assert (await ann.http.get(f"{API}/me")).headers["Strict-Transport-Security"]


async def test_reuse_of_a_refresh_token_ends_the_session(site: Site, ann: Person) -> None:
    first = ann.session["refresh_token"]
    async with site.client() as program:
        second = (await program.post(f"{API}/auth/refresh", json={"refresh_token": first})).json()["refresh_token"]
        await program.post(f"{API}/auth/refresh", json={"refresh_token": second})
        site.world.clock.advance(timedelta(seconds=11))
        again = await program.post(f"{API}/auth/refresh", json={"refresh_token": first})
        assert (again.status_code, again.json()["code"]) == (401, "token_reused")
    assert (await ann.http.get(f"{API}/me")).json()["code"] == "session_ended"


async def test_logging_out_without_a_session_is_fine(http: httpx.AsyncClient) -> None:
    assert (await http.post(f"{API}/auth/logout")).status_code == 204
    http.cookies.set("sg_refresh", "nonsense")
    assert (await http.post(f"{API}/auth/logout", headers={"Origin": HERE})).status_code == 204
    assert (await http.post(f"{API}/auth/refresh", headers={"Origin": HERE})).status_code == 401


async def test_logging_out_with_the_access_cookie_alone(ann: Person) -> None:
    token = ann.http.headers["Authorization"].split()[1]
    async with ann.site.client(Cookie=f"sg_access={token}", Origin=HERE) as browser:
        assert (await browser.post(f"{API}/auth/logout")).status_code == 204
    assert (await ann.http.get(f"{API}/me")).json()["code"] == "session_ended"
