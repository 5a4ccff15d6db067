"""Deleting one's account, coming back, and taking one's data along, over HTTP."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from tests.unit.http.conftest import API, HERE, PASSWORD, Person, Site
from tests.unit.http.test_limits import Limited, at
from tests.unit.http.test_oauth import arrive, settle_in, someone

from soundgraph.application.limits import LOGIN_GUESSES

SAME = {"Origin": HERE}


@pytest.fixture(name="limited")
def limited_site() -> Limited:
    return Limited()


async def delete(person: Person, password: str | None = PASSWORD) -> httpx.Response:
    return await person.http.request("DELETE", f"{API}/me", json={"password": password})


async def test_deleting_and_coming_back(site: Site, ann: Person, bob: Person) -> None:
    track = await ann.upload()
    answer = await delete(ann)
    assert answer.status_code == 204
    assert (await ann.http.get(f"{API}/me")).json()["code"] == "session_ended"
    for path in ("/users/annika", f"/tracks/{track['id']}", f"/tracks/{track['id']}/streams"):
        assert (await bob.http.get(f"{API}{path}")).status_code == 404
    credentials = {"login": "annika", "password": PASSWORD}
    async with site.client() as browser:
        refused = await browser.post(f"{API}/auth/login", json=credentials)
        assert (refused.status_code, refused.json()["code"]) == (403, "account_deleted")
        wrong = await browser.post(f"{API}/auth/restore", json={**credentials, "password": "something else"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
        restored = await browser.post(f"{API}/auth/restore", json=credentials)
        assert restored.status_code == 200
        assert restored.json()["user"]["handle"] == "annika"
        assert (await browser.get(f"{API}/me")).status_code == 200
        again = await browser.post(f"{API}/auth/restore", json=credentials, headers=SAME)
        assert (again.status_code, again.json()["code"]) == (409, "not_deleted")
    assert (await bob.http.get(f"{API}/tracks/{track['id']}")).status_code == 200


async def test_deleting_needs_the_password_and_nothing_else(ann: Person) -> None:
    for password in ("something else", None):
        answer = await delete(ann, password)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert (await ann.http.delete(f"{API}/me")).status_code == 401
    mistyped = await ann.http.request("DELETE", f"{API}/me", json={"password": PASSWORD, "force": True})
    assert mistyped.status_code == 400
    assert (await ann.http.get(f"{API}/me")).status_code == 200


async def test_after_thirty_days_there_is_nothing_to_come_back_to(site: Site, ann: Person) -> None:
    assert (await delete(ann)).status_code == 204
    site.world.clock.advance(timedelta(days=30))
    await site.world.settle()
    async with site.client() as browser:
        answer = await browser.post(f"{API}/auth/restore", json={"login": "annika", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


async def test_an_archive_of_ones_own(site: Site, ann: Person, bob: Person) -> None:
    await ann.upload()
    assert (await ann.http.get(f"{API}/me/export")).status_code == 404
    asked = await ann.http.post(f"{API}/me/export")
    assert asked.status_code == 202
    assert asked.json() == {
        "state": "preparing",
        "progress": 0,
        "url": None,
        "size_bytes": None,
        "sha256": None,
        "expires_at": None,
        "kept_until": None,
    }
    page = await ann.http.get("/account/export")
    assert "preparing" in page.text
    await site.world.settle()
    ready = (await ann.http.get(f"{API}/me/export")).json()
    assert (ready["state"], ready["progress"]) == ("ready", 100)
    assert (ready["expires_at"], ready["kept_until"]) == ("2026-01-01T13:00:00Z", "2026-01-08T12:00:00Z")
    assert "lifetime=3600" in ready["url"]
    assert "exports/" in urlsplit(ready["url"]).path
    assert ready["sha256"] in (await ann.http.get("/account/export")).text
    assert (await bob.http.get(f"{API}/me/export")).status_code == 404
    site.world.clock.advance(timedelta(days=6, hours=23, minutes=30))
    async with site.client() as browser:
        credentials = {"login": "annika", "password": PASSWORD}
        await browser.post(f"{API}/auth/login", json=credentials, headers=SAME)
        late = (await browser.get(f"{API}/me/export")).json()
    assert late["expires_at"] == late["kept_until"] == ready["kept_until"]
    assert "lifetime=1800" in late["url"]


async def test_strangers_do_not_keep_an_owner_from_coming_back(limited: Limited) -> None:
    ann = await limited.member("annika")
    own, credentials = limited.client(), {"login": "annika", "password": PASSWORD}
    assert (await own.post(f"{API}/auth/login", json=credentials, headers=SAME)).status_code == 200
    assert (await delete(ann)).status_code == 204
    own.cookies.delete("sg_access")
    own.cookies.delete("sg_refresh")
    for number in range(LOGIN_GUESSES.limit + 1):
        wrong = {**credentials, "password": "wrong horse battery"}
        answer = await limited.client().post(f"{API}/auth/restore", json=wrong, headers=at(f"198.51.100.{number}"))
    assert answer.status_code == 429
    assert (await own.post(f"{API}/auth/restore", json=credentials, headers=SAME)).status_code == 200


async def test_who_signs_in_through_a_provider_deletes_and_restores_through_it(site: Site) -> None:
    async with site.client() as browser:
        await settle_in(site, browser, someone(), "annika")
        site.world.clock.advance(timedelta(minutes=11))
        late = await browser.delete(f"{API}/me", headers=SAME)
        assert (late.status_code, late.json()["code"]) == (403, "recent_sign_in_required")
        await arrive(site, browser, someone())
        assert (await browser.delete(f"{API}/me", headers=SAME)).status_code == 204
        refused = await arrive(site, browser, someone())
        assert (refused.status_code, refused.json()["code"]) == (403, "account_deleted")
        assert (await arrive(site, browser, someone(), restore="true")).status_code == 302
        assert (await browser.get(f"{API}/me")).json()["handle"] == "annika"
