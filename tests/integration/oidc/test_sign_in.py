"""The whole way through two real providers on loopback: a well-known one, and one of ours that insists on PKCE."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests import openid
from tests.unit.http.conftest import API, HERE, Site

from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.oidc.providers import OidcProviders, ProviderSettings
from soundgraph.adapters.system import SystemClock
from soundgraph.application.identity import Providers


def site_with(url: str) -> Site:
    one = ProviderSettings("ours", url + openid.WELL_KNOWN, openid.CLIENT_ID, openid.CLIENT_SECRET)
    providers = OidcProviders([one], SystemClock())
    return Site(memory_app({Providers: providers}, base_url=HERE))


def inside(address: str) -> str:
    """An address of the site, as its client asks for it."""
    assert address.startswith(HERE)
    return address.removeprefix(HERE)


@pytest.fixture
def mock() -> Iterator[str]:
    """The provider that others test against, in a process of its own. It does not check PKCE."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    claims = '{"sub": "7", "email": "ann@mail.example", "email_verified": true}'
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--require-nonce", "true", "--user-claims", claims],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(url + openid.WELL_KNOWN, timeout=1)
                break
            except httpx.HTTPError:
                assert process.poll() is None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


async def test_signing_in_as_a_browser_does(mock: str) -> None:
    site = site_with(mock)
    async with site.client() as browser, httpx.AsyncClient() as outside:
        for again in (False, True):
            begun = await browser.get(f"{API}/auth/oauth/ours", params={"next": "/feed"})
            consent = await outside.get(begun.headers["location"])
            assert consent.status_code == 200
            agreed = await outside.post(begun.headers["location"], data={"sub": "7"})
            back = await browser.get(inside(agreed.headers["location"]))
            assert back.status_code == 302, back.text
            place = back.headers["location"]
            if again:
                assert place == "/feed"
            else:
                token = parse_qs(urlsplit(place).query)["token"][0]
                form = {"token": token, "handle": "annika", "display_name": "Ann"}
                done = await browser.post("/welcome", data=form, headers={"Origin": HERE})
                assert (done.status_code, done.headers["location"]) == (303, "/feed")
            me = (await browser.get(f"{API}/me")).json()
            assert (me["handle"], me["email"], me["identities"]) == ("annika", "ann@mail.example", ["ours"])
            browser.cookies.clear()


async def test_a_person_who_declines(mock: str) -> None:
    async with site_with(mock).client() as browser, httpx.AsyncClient() as outside:
        begun = await browser.get(f"{API}/auth/oauth/ours")
        denied = await outside.post(begun.headers["location"], data={"action": "deny"})
        address = urlsplit(denied.headers["location"])
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        answer = await browser.get(f"{address.path}?error=access_denied&state={state}")
        assert (answer.status_code, answer.json()["code"]) == (401, "provider_refused")


async def test_a_provider_that_insists_on_pkce() -> None:
    with openid.running() as provider:
        site = site_with(provider.url)
        async with site.client() as browser:
            begun = await browser.get(f"{API}/auth/oauth/ours")
            back = await browser.get(inside(provider.authorize(begun.headers["location"])))
            assert back.headers["location"].startswith("/welcome?token=")


async def test_a_code_of_another_flow_is_of_no_use() -> None:
    """The attacker's code in the victim's flow: the verifier of that flow does not fit it."""
    with openid.running() as provider:
        site = site_with(provider.url)
        async with site.client() as victim, site.client() as attacker:
            theirs = await attacker.get(f"{API}/auth/oauth/ours")
            stolen = parse_qs(urlsplit(provider.authorize(theirs.headers["location"])).query)["code"][0]
            own = await victim.get(f"{API}/auth/oauth/ours")
            state = parse_qs(urlsplit(own.headers["location"]).query)["state"][0]
            answer = await victim.get(f"{API}/auth/oauth/ours/callback", params={"state": state, "code": stolen})
            assert (answer.status_code, answer.json()["code"]) == (401, "provider_refused")


async def test_a_provider_that_is_away_is_503() -> None:
    with openid.running() as provider:
        site = site_with(provider.url)
    async with site.client() as browser:
        answer = await browser.get(f"{API}/auth/oauth/ours")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_away")
    assert answer.headers["Retry-After"]
