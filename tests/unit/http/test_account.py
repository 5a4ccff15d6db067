"""One's own account over HTTP: sessions, passwords, addresses, roles; and what strangers can and cannot do to it."""

import re
from collections.abc import Awaitable
from datetime import timedelta
from itertools import cycle
from uuid import UUID

import httpx
import pytest
from tests.unit.http.conftest import API, HERE, NOBODY, PASSWORD, Person, Site, paths
from tests.unit.http.test_limits import Limited, at

from soundgraph.application import limits
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import AccountStanding, Role

NEW = "another horse battery"


@pytest.fixture(name="limited")
def limited_site() -> Limited:
    return Limited()


async def mailed(site: Site, to: str) -> str:
    """The token in the last mail to an address."""
    await site.world.settle()
    mail = [one for one in site.world.outbox.sent if one.to == to][-1]
    (token,) = re.findall(r"token=(\S+)", mail.text)
    return str(token)


async def become(
    person: Person, *, role: Role = Role.MEMBER, standing: AccountStanding = AccountStanding.ACTIVE
) -> None:
    async with person.site.world.work() as work:
        account = await work.accounts.get(AccountId(UUID(person.id)))
        assert account
        account.role, account.standing = role, standing
        await work.accounts.save(account)
        await work.commit()


async def test_known_and_unknown_addresses_get_one_answer(site: Site, ann: Person, http: httpx.AsyncClient) -> None:
    for path in ("verify-email/resend", "password/forgot"):
        answers = [
            await http.post(f"{API}/auth/{path}", json={"email": f"{name}@example.org"})
            for name in ("annika", "nobody")
        ]
        assert [one.status_code for one in answers] == [202, 202]
        assert answers[0].content == answers[1].content


async def test_a_forgotten_password(site: Site, ann: Person, http: httpx.AsyncClient) -> None:
    await http.post(f"{API}/auth/password/forgot", json={"email": "annika@example.org"})
    token = await mailed(site, "annika@example.org")
    weak = await http.post(f"{API}/auth/password/reset", json={"token": token, "password": "password123"})
    assert (weak.status_code, weak.json()["errors"][0]["code"]) == (422, "password_common")
    for status in (204, 410):
        answer = await http.post(f"{API}/auth/password/reset", json={"token": token, "password": NEW})
        assert answer.status_code == status
    assert (await ann.http.get(f"{API}/me")).json()["code"] == "session_ended"
    assert (await http.post(f"{API}/auth/login", json={"login": "annika", "password": NEW})).status_code == 200


async def test_the_page_for_a_forgotten_password(site: Site, ann: Person, http: httpx.AsyncClient) -> None:
    await http.post(f"{API}/auth/password/forgot", json={"email": "annika@example.org"})
    token = await mailed(site, "annika@example.org")
    for _ in range(2):
        page = await http.get("/reset-password", params={"token": token})
        assert (page.status_code, token in page.text) == (200, True), "looking at it uses nothing up"
    assert (await http.get("/reset-password")).status_code == 400
    evil = await http.get("/reset-password", params={"token": '"><script>'})
    assert "<script>" not in evil.text
    weak = await http.post("/reset-password", data={"token": token, "password": "short"})
    assert (weak.status_code, "10 to 256" in weak.text) == (422, True)
    assert (await http.post("/reset-password", data={"token": token, "password": NEW})).status_code == 200
    assert (await http.post("/reset-password", data={"token": token, "password": NEW})).status_code == 410


async def test_changing_a_password(ann: Person) -> None:
    wrong = await ann.http.post(f"{API}/auth/password/change", json={"current_password": "wrong", "new_password": NEW})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    right = await ann.http.post(f"{API}/auth/password/change", json={"current_password": PASSWORD, "new_password": NEW})
    assert right.status_code == 204
    assert (await ann.http.get(f"{API}/me")).status_code == 200


async def test_moving_to_another_address(site: Site, ann: Person, http: httpx.AsyncClient) -> None:
    asked = {"email": "annika@new.example", "password": PASSWORD}
    assert (await ann.http.post(f"{API}/me/email", json={**asked, "password": "wrong"})).status_code == 401
    assert (await ann.http.post(f"{API}/me/email", json={**asked, "email": "x"})).status_code == 422
    assert (await ann.http.post(f"{API}/me/email", json=asked)).status_code == 202
    old, new = await mailed(site, "annika@example.org"), await mailed(site, "annika@new.example")
    assert (await http.get("/confirm-email", params={"token": old})).status_code == 200
    page = await http.post("/confirm-email", data={"token": old})
    assert (page.status_code, "as soon as the other" in page.text) == (200, True)
    answer = await http.post(f"{API}/auth/confirm-email", json={"token": new})
    assert answer.json() == {"status": "changed"}
    assert (await http.post("/confirm-email", data={"token": new})).status_code == 410
    assert (await ann.http.get(f"{API}/me")).json()["email"] == "annika@new.example"


async def test_one_is_called_otherwise(ann: Person) -> None:
    assert (await ann.http.patch(f"{API}/me", json={"display_name": "Annika B."})).json()["display_name"] == "Annika B."
    assert (await ann.http.patch(f"{API}/me", json={})).status_code == 200
    assert (await ann.http.patch(f"{API}/me", json={"display_name": ""})).status_code == 422
    for field in ("role", "plan", "email", "handle", "standing", "id"):
        assert (await ann.http.patch(f"{API}/me", json={field: "admin"})).status_code == 400


async def test_the_list_of_sessions(ann: Person, bob: Person) -> None:
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1 (KHTML, like Gecko) Version/17.5 Safari/604.1"
    asked = {"login": "annika", "password": PASSWORD, "transport": "bearer"}
    ann.site.world.clock.advance(timedelta(seconds=1))
    async with ann.site.client(**{"User-Agent": agent}) as phone:
        assert (await phone.post(f"{API}/auth/login", json=asked)).status_code == 200
    listed = (await ann.http.get(f"{API}/auth/sessions", params={"limit": 1})).json()
    (newest,) = listed["items"]
    assert set(newest) == {"id", "device", "address", "created_at", "last_seen_at", "current"}
    assert (newest["device"], newest["current"]) == ("Safari on iPhone", False)
    (own,) = (await ann.http.get(listed["next"])).json()["items"]
    assert own["current"] is True
    assert (await bob.http.delete(f"{API}/auth/sessions/{newest['id']}")).status_code == 404
    assert (await ann.http.delete(f"{API}/auth/sessions/{newest['id']}")).status_code == 204
    assert len((await ann.http.get(f"{API}/auth/sessions")).json()["items"]) == 1
    assert (await ann.http.delete(f"{API}/auth/sessions/{own['id']}")).status_code == 204
    assert (await ann.http.get(f"{API}/me")).json()["code"] == "session_ended"


async def test_logging_out_everywhere(ann: Person) -> None:
    async with ann.site.client(Origin=HERE) as browser:
        await browser.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
        answer = await browser.post(f"{API}/auth/logout-all")
        assert answer.status_code == 204
        assert not {"sg_access", "sg_refresh"} & set(browser.cookies)
    assert (await ann.http.get(f"{API}/me")).json()["code"] == "session_ended"


async def test_a_planted_session_never_becomes_the_one_of_a_login(site: Site, ann: Person, bob: Person) -> None:
    """Session fixation: what the browser brought is neither kept nor continued."""
    planted = {"sg_access": bob.http.headers["Authorization"].split()[1], "sg_refresh": bob.session["refresh_token"]}
    cookie = "; ".join(f"{name}={value}" for name, value in planted.items())
    async with site.client(Cookie=cookie, Origin=HERE) as victim:
        answer = await victim.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
    assert answer.json()["user"]["handle"] == "annika"
    given = dict(one.partition(";")[0].split("=", 1) for one in answer.headers.get_list("set-cookie"))
    assert not set(planted.values()) & set(given.values())
    assert (await bob.http.get(f"{API}/me")).json()["handle"] == "robert"


async def test_cookies_of_a_login_are_hidden_and_lax(ann: Person) -> None:
    answer = await ann.site.client().post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; ")), cookie


async def test_roles_are_given_by_admins(ann: Person, bob: Person, http: httpx.AsyncClient) -> None:
    path = f"{API}/admin/users/{bob.id}/role"
    assert (await http.put(path, json={"role": "admin"})).status_code == 401
    for role in (Role.MEMBER, Role.MODERATOR):
        await become(ann, role=role)
        for target in (path, f"{API}/admin/users/{ann.id}/role"):
            refused = await ann.http.put(target, json={"role": "admin"})
            assert (refused.status_code, refused.json()["code"]) == (403, "admins_only")
    await become(ann, role=Role.ADMIN)
    assert (await ann.http.put(path, json={"role": "moderator"})).status_code == 204
    assert (await bob.http.get(f"{API}/me")).json()["role"] == "moderator"
    assert (await ann.http.put(path, json={"role": "owner"})).status_code == 400
    own = await ann.http.put(f"{API}/admin/users/{ann.id}/role", json={"role": "member"})
    assert (own.status_code, own.json()["code"]) == (403, "own_role")
    assert (await ann.http.put(f"{API}/admin/users/{NOBODY}/role", json={"role": "member"})).status_code == 404


async def test_no_route_is_open_to_a_suspended_account_and_none_of_admins_to_members(ann: Person, bob: Person) -> None:
    document = ann.site.app.openapi_schema.to_schema()["paths"]
    routes = [
        (method.upper(), re.sub(r"\{\w+\}", NOBODY, path), operation)
        for path, methods in document.items()
        for method, operation in methods.items()
    ]
    for method, path, _ in routes:
        if path.startswith(f"{API}/admin/"):
            body = {"role": "member"} if method != "GET" else None
            answer = await bob.http.request(method, path, json=body)
            assert answer.status_code == 403, (method, path)
    await become(ann, standing=AccountStanding.SUSPENDED)
    for method, path, operation in routes:
        if {} not in operation.get("security", [{}]):
            answer = await ann.http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended"), (method, path)
    assert len(routes) == len(paths(ann.site.app))


async def test_asking_for_mails_counts_by_address(limited: Limited) -> None:
    http, numbers = limited.client(), iter(range(100))

    def ask(path: str = "password/forgot", address: str = "192.0.2.1") -> Awaitable[httpx.Response]:
        asked = {"email": f"p{next(numbers)}@example.org"}
        return http.post(f"{API}/auth/{path}", json=asked, headers=at(address))

    for _ in range(limits.RECOVER.limit):
        assert (await ask()).status_code == 202
    for path in ("password/forgot", "verify-email/resend"):
        refused = await ask(path)
        assert (refused.status_code, refused.headers["RateLimit-Limit"]) == (429, str(limits.RECOVER.limit))
        assert int(refused.headers["Retry-After"]) == 180
    assert (await ask(address="192.0.2.2")).status_code == 202


@pytest.mark.parametrize("path", ["password/forgot", "verify-email/resend"])
async def test_asking_for_mails_counts_by_mail_address(limited: Limited, path: str) -> None:
    http = limited.client()
    for number in range(limits.MAIL.limit + 1):
        answer = await http.post(f"{API}/auth/{path}", json={"email": "x@example.org"}, headers=at(f"192.0.2.{number}"))
        assert answer.status_code == (429 if number == limits.MAIL.limit else 202)


async def guess(http: httpx.AsyncClient, password: str, address: str, login: str = "annika") -> httpx.Response:
    asked = {"login": login, "password": password}
    return await http.post(f"{API}/auth/login", json=asked, headers=at(address) | {"Origin": HERE})


async def test_failures_grow_into_a_delay(limited: Limited) -> None:
    """Guessing as fast as it is let, one waits half a minute, then two, then twenty-four."""
    await limited.member("annika")
    http, clock, waits = limited.client(), limited.world.clock, set[int]()
    for number in range(63):
        answer = await guess(http, "wrong horse battery", "192.0.2.1")
        if answer.status_code == 429:
            wait = int(answer.headers["Retry-After"])
            waits.add(wait)
            clock.advance(timedelta(seconds=wait))
            answer = await guess(http, "wrong horse battery", "192.0.2.1")
        assert answer.status_code == 401, number
    assert min(waits) == 30
    assert any(90 <= one <= 120 for one in waits)
    assert max(waits) > 5 * 60


async def test_nobody_locks_another_person_out(limited: Limited) -> None:
    await limited.member("annika")
    own, thief = limited.client(), limited.client()
    assert (await guess(own, PASSWORD, "192.0.2.50")).status_code == 200
    addresses = cycle(range(1, 250))
    for _ in range(limits.LOGIN_GUESSES.limit):
        assert (await guess(thief, "wrong horse battery", f"198.51.100.{next(addresses)}")).status_code == 401
    refused = await guess(thief, PASSWORD, f"198.51.100.{next(addresses)}")
    assert (refused.status_code, refused.headers["RateLimit-Limit"]) == (429, str(limits.LOGIN_GUESSES.limit))
    new = limited.client()
    assert (await guess(new, PASSWORD, "192.0.2.51")).status_code == 429
    # Whoever reads the owner's mail gets in with another device too, while guessing goes on.
    await new.post(f"{API}/auth/password/forgot", json={"email": "annika@example.org"})
    reset = {"token": await mailed(limited, "annika@example.org"), "password": PASSWORD}
    assert (await new.post(f"{API}/auth/password/reset", json=reset)).status_code == 204
    for login in ("annika", "annika@example.org"):
        for _ in range(limits.LOGIN_GUESSES.limit):
            await guess(thief, "wrong horse battery", f"198.51.100.{next(addresses)}", login)
        assert (await guess(thief, PASSWORD, f"198.51.100.{next(addresses)}", login)).status_code == 429
        assert (await guess(new, PASSWORD, "192.0.2.51", login)).status_code == 200
    assert (await guess(own, PASSWORD, "192.0.2.52")).status_code == 200
    # The cookie of one account is worth nothing for another, and a stolen one bounds guesses as an address does.
    await limited.member("robert")
    for _ in range(limits.LOGIN_FAILURES.limit):
        assert (await guess(own, "wrong horse battery", "192.0.2.53")).status_code == 401
    assert (await guess(own, PASSWORD, "192.0.2.54")).status_code == 429


async def test_the_page_of_a_verification_says_for_whom_it_is(site: Site, http: httpx.AsyncClient) -> None:
    token = await site.register("robert")
    for _ in range(2):
        page = await http.get("/verify-email", params={"token": token})
        assert "log in as robert." in page.text
    done = await http.post("/verify-email", data={"token": token}, headers={"Origin": HERE})
    assert done.status_code == 200
    for spent in (token, "<script>"):
        page = await http.get("/verify-email", params={"token": spent})
        assert (page.status_code, "robert" in page.text, "<script>" in page.text) == (200, False, False)


async def forgotten(limited: Limited, http: httpx.AsyncClient) -> dict[str, str]:
    """What a reset of annika's password is asked for with."""
    await http.post(f"{API}/auth/password/forgot", json={"email": "annika@example.org"})
    return {"token": await mailed(limited, "annika@example.org"), "password": NEW}


async def test_a_reset_forgets_the_failures_from_where_it_is_made(limited: Limited) -> None:
    """A program shows no cookie, so that the counts themselves are to go."""
    await limited.member("annika")
    for login in ("annika", "annika@example.org"):
        http = limited.client()
        asked = {"login": login, "password": "wrong horse battery", "transport": "bearer"}
        for status in (*[401] * limits.LOGIN_FAILURES.limit, 429):
            answer = await http.post(f"{API}/auth/login", json=asked, headers=at("192.0.2.1"))
            assert answer.status_code == status
        reset = await forgotten(limited, http)
        limited.world.clock.advance(timedelta(minutes=3))
        done = await http.post(f"{API}/auth/password/reset", json=reset, headers=at("192.0.2.1"))
        assert done.status_code == 204, done.text
        http.cookies.clear()
        for _ in range(limits.LOGIN_FAILURES.limit):
            answer = await http.post(f"{API}/auth/login", json=asked, headers=at("192.0.2.1"))
            assert answer.status_code == 401, answer.headers
        limited.world.clock.advance(timedelta(minutes=30))


async def test_another_site_resets_its_password_and_takes_no_cookie_away(limited: Limited) -> None:
    await limited.member("annika")
    for origin, known in (("https://evil.example", False), (HERE, True)):
        http = limited.client()
        reset = await forgotten(limited, http)
        done = await http.post("/reset-password", data=reset, headers={"Origin": origin})
        assert (done.status_code, "sg_device" in done.cookies) == (200, known)


@pytest.mark.parametrize("path", ["auth/password/change", "me/email"])
async def test_guessing_a_password_from_inside_is_bounded_too(limited: Limited, path: str) -> None:
    ann = await limited.member("annika")
    asked = {"current_password": "wrong", "new_password": NEW}
    for number in range(limits.LOGIN_FAILURES.limit + 1):
        body = asked if "change" in path else {"email": f"x{number}@example.org", "password": "wrong"}
        answer = await ann.http.post(f"{API}/{path}", json=body)
        assert answer.status_code == (429 if number == limits.LOGIN_FAILURES.limit else 401)


async def test_lookalikes_of_handles_are_taken(site: Site, http: httpx.AsyncClient) -> None:
    await site.join("morn_10")
    for number, handle in enumerate(("mom-10", "morn-lo", "morn_l0", "mom_lo")):
        asked = {"email": f"x{number}@example.org", "handle": handle, "password": PASSWORD}
        answer = await http.post(f"{API}/auth/register", json=asked)
        assert (answer.status_code, answer.json()["code"]) == (409, "handle_taken"), handle
    for number, (handle, status) in enumerate({"morn_20": 202, "adm1n": 422, "soundqraph": 422}.items()):
        asked = {"email": f"y{number}@example.org", "handle": handle, "password": PASSWORD}
        assert (await http.post(f"{API}/auth/register", json=asked)).status_code == status, handle


async def test_the_published_keys(http: httpx.AsyncClient) -> None:
    answer = await http.get("/.well-known/jwks.json")
    assert (answer.status_code, answer.json()) == (200, {"keys": []})
