"""Signing in through a provider, as a browser does, and the ways in which strangers would."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.unit.http.conftest import API, HERE, PASSWORD, Person, Site

from soundgraph.application.identity import ExpireSignIns
from soundgraph.domain import federation

BEGIN, BACK = f"{API}/auth/oauth/plain", f"{API}/auth/oauth/plain/callback"
ISSUER = "https://plain.example"
SAME = {"Origin": HERE}


def someone(subject: str = "1", email: str | None = "ann@mail.example", *, verified: bool = True) -> federation.Person:
    return federation.Person(issuer=ISSUER, subject=subject, email=email, email_verified=verified)


def state_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


async def set_out(browser: httpx.AsyncClient, **query: str) -> str:
    """Go to the provider; the state to come back with."""
    answer = await browser.get(BEGIN, params=query)
    assert answer.status_code == 302, answer.text
    return state_in(answer.headers["location"])


async def come_back(
    site: Site, browser: httpx.AsyncClient, state: str, who: federation.Person, code: str = "code"
) -> httpx.Response:
    site.world.providers.people[code] = who
    return await browser.get(BACK, params={"state": state, "code": code})


async def arrive(site: Site, browser: httpx.AsyncClient, who: federation.Person, **query: str) -> httpx.Response:
    return await come_back(site, browser, await set_out(browser, **query), who)


async def settle_in(site: Site, browser: httpx.AsyncClient, who: federation.Person, handle: str) -> httpx.Response:
    """Sign in for the first time and choose a handle."""
    arrived = await arrive(site, browser, who)
    assert arrived.status_code == 302, arrived.text
    token = parse_qs(urlsplit(arrived.headers["location"]).query)["token"][0]
    return await browser.post(f"{API}/auth/oauth/complete", json={"token": token, "handle": handle}, headers=SAME)


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client(Accept="application/json") as one:
        yield one


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_first_sign_in_chooses_its_handle_and_the_next_one_just_works(
    site: Site, browser: httpx.AsyncClient
) -> None:
    answer = await settle_in(site, browser, someone(), "annika")
    assert answer.status_code == 200, answer.text
    user = answer.json()["user"]
    assert (user["handle"], user["email"]) == ("annika", "ann@mail.example")
    assert (user["has_password"], user["identities"]) == (False, ["plain"])
    assert (await browser.get(f"{API}/me")).json()["handle"] == "annika"
    async with site.client() as later:
        back = await arrive(site, later, someone(), next="/annika?tab=tracks#top")
        assert (back.status_code, back.headers["location"]) == (302, "/annika?tab=tracks#top")
        assert (await later.get(f"{API}/me")).json()["id"] == user["id"]


async def test_the_page_where_a_handle_is_chosen(site: Site, browser: httpx.AsyncClient) -> None:
    arrived = await arrive(site, browser, someone(), next="/somewhere")
    place = arrived.headers["location"]
    assert place.startswith("/welcome?token=")
    shown = await browser.get(place)
    token = parse_qs(urlsplit(place).query)["token"][0]
    assert shown.status_code == 200
    assert token in shown.text
    form = {"token": token, "handle": "x", "display_name": ""}
    assert (await browser.post("/welcome", data=form, headers=SAME)).status_code == 422
    # A handle that will not do costs nothing: the same token serves again.
    done = await browser.post("/welcome", data={**form, "handle": "annika"}, headers=SAME)
    assert (done.status_code, done.headers["location"]) == (303, "/somewhere")
    assert (await browser.get(f"{API}/me")).json()["display_name"] == "annika"
    assert (await browser.post("/welcome", data={**form, "handle": "other"}, headers=SAME)).status_code == 410
    assert (await browser.get("/welcome")).status_code == 400


async def test_a_taken_handle_can_be_chosen_again(site: Site, browser: httpx.AsyncClient, bob: Person) -> None:
    arrived = await arrive(site, browser, someone())
    token = parse_qs(urlsplit(arrived.headers["location"]).query)["token"][0]
    asked = {"token": token, "handle": "robert"}
    taken = await browser.post(f"{API}/auth/oauth/complete", json=asked, headers=SAME)
    assert code_of(taken) == (409, "handle_taken")
    asked = {"token": token, "handle": "Annika ", "display_name": "Ann", "transport": "bearer"}
    answer = await browser.post(f"{API}/auth/oauth/complete", json=asked, headers=SAME)
    assert answer.json()["access_token"]
    assert (answer.json()["user"]["handle"], answer.json()["user"]["display_name"]) == ("annika", "Ann")


async def test_the_cookie_is_for_this_browser_and_for_no_script() -> None:
    site = Site(public_url="https://music.example")
    async with site.client() as browser:
        cookie = (await browser.get(BEGIN)).headers["set-cookie"]
    assert cookie.startswith("__Host-sg_sign_in=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {one.strip() for one in cookie.split(";")}
    async with Site().client() as plain:
        assert (await plain.get(BEGIN)).headers["set-cookie"].startswith("sg_sign_in=")


@pytest.mark.parametrize(
    "next_",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/ /evil",
        "evil",
        "",
        "javascript:alert(1)",
        "/%0d%0a\r\nSet-Cookie: a=b",
        "/" + "a" * 500,
        "/é",
    ],
)
async def test_nothing_leads_to_another_site(browser: httpx.AsyncClient, next_: str) -> None:
    answer = await browser.get(BEGIN, params={"next": next_})
    assert code_of(answer) == (422, "invalid")
    assert answer.json()["errors"][0]["field"] == "next"


async def test_a_provider_that_nobody_configured_is_off(browser: httpx.AsyncClient, ann: Person) -> None:
    assert code_of(await browser.get(f"{API}/auth/oauth/google")) == (404, "feature_off")
    assert code_of(await ann.http.post(f"{API}/me/identities/google")) == (404, "feature_off")
    page = await browser.get(f"{API}/auth/oauth/google", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (404, "text/html")


async def test_a_state_holds_once(site: Site, browser: httpx.AsyncClient) -> None:
    state = await set_out(browser)
    assert (await come_back(site, browser, state, someone())).status_code == 302
    assert code_of(await come_back(site, browser, state, someone())) == (410, "sign_in_expired")


async def test_a_state_that_nobody_gave_out(site: Site, browser: httpx.AsyncClient) -> None:
    await set_out(browser)
    assert code_of(await come_back(site, browser, "made-up", someone())) == (410, "sign_in_expired")
    assert code_of(await browser.get(BACK)) == (410, "sign_in_expired")


async def test_a_state_runs_out(site: Site, browser: httpx.AsyncClient) -> None:
    state = await set_out(browser)
    site.world.clock.advance(timedelta(minutes=10))
    assert code_of(await come_back(site, browser, state, someone())) == (410, "sign_in_expired")


async def test_another_browser_cannot_come_back(site: Site, browser: httpx.AsyncClient) -> None:
    """Or a stranger's link would log someone in as the stranger, who reads along from then on."""
    state = await set_out(browser)
    async with site.client() as victim:
        assert code_of(await come_back(site, victim, state, someone())) == (403, "wrong_state")
        await set_out(victim)
        assert code_of(await come_back(site, victim, await set_out(browser), someone())) == (403, "wrong_state")


async def test_another_browser_cannot_choose_the_handle(site: Site, browser: httpx.AsyncClient) -> None:
    arrived = await arrive(site, browser, someone())
    token = parse_qs(urlsplit(arrived.headers["location"]).query)["token"][0]
    async with site.client() as other:
        answer = await other.post(f"{API}/auth/oauth/complete", json={"token": token, "handle": "annika"})
        assert code_of(answer) == (403, "wrong_state")
    site.world.clock.advance(timedelta(minutes=30))
    late = await browser.post(f"{API}/auth/oauth/complete", json={"token": token, "handle": "annika"}, headers=SAME)
    assert code_of(late) == (410, "sign_in_expired")


async def test_a_code_that_was_used_and_a_person_who_declined(site: Site, browser: httpx.AsyncClient) -> None:
    answer = await browser.get(BACK, params={"state": await set_out(browser), "code": "spent"})
    assert code_of(answer) == (401, "provider_refused")
    declined = await browser.get(BACK, params={"state": await set_out(browser), "error": "access_denied"})
    assert code_of(declined) == (401, "provider_refused")


async def test_an_address_that_has_an_account_is_never_merged(
    site: Site, browser: httpx.AsyncClient, ann: Person
) -> None:
    assert code_of(await arrive(site, browser, someone(email="Annika@Example.org"))) == (409, "link_required")
    assert (await ann.http.get(f"{API}/me")).json()["identities"] == []


async def link(site: Site, person: Person, who: federation.Person) -> httpx.Response:
    async with site.client() as browser:
        asked = await browser.post(
            f"{API}/me/identities/plain?next=/settings", headers={"Authorization": person.http.headers["Authorization"]}
        )
        assert asked.status_code == 200, asked.text
        return await come_back(site, browser, state_in(asked.json()["url"]), who)


async def test_linking_and_unlinking(site: Site, browser: httpx.AsyncClient, ann: Person, bob: Person) -> None:
    linked = await link(site, ann, someone(email="other@mail.example"))
    assert (linked.status_code, linked.headers["location"]) == (302, "/settings")
    assert "sg_access" not in linked.headers.get("set-cookie", "")
    assert (await ann.http.get(f"{API}/me")).json()["identities"] == ["plain"]
    assert (await link(site, ann, someone())).status_code == 302
    assert code_of(await link(site, ann, someone("2"))) == (409, "already_linked")
    assert code_of(await link(site, bob, someone())) == (409, "identity_taken")
    assert (await arrive(site, browser, someone(email="new@mail.example"))).headers["location"] == "/"
    assert (await browser.get(f"{API}/me")).json()["id"] == ann.id
    for _ in range(2):
        assert (await ann.http.delete(f"{API}/me/identities/plain")).status_code == 204
    assert (await ann.http.get(f"{API}/me")).json()["identities"] == []


async def test_an_owner_is_told_of_a_linked_and_an_unlinked_provider_once(site: Site, ann: Person, bob: Person) -> None:
    async def told() -> list[tuple[str, str]]:
        before = len(site.world.outbox.sent)
        await site.world.settle()
        return [(mail.to, mail.subject) for mail in site.world.outbox.sent[before:]]

    await told()
    # To the address here, whatever address the provider knows.
    assert (await link(site, ann, someone(email="other@mail.example"))).status_code == 302
    assert await told() == [("annika@example.org", "Your account was linked with another one")]
    assert "plain" in site.world.outbox.sent[-1].text
    assert (await link(site, ann, someone())).status_code == 302
    assert code_of(await link(site, bob, someone())) == (409, "identity_taken")
    assert await told() == [], "nothing has changed"
    for _ in range(2):
        assert (await ann.http.delete(f"{API}/me/identities/plain")).status_code == 204
    assert await told() == [("annika@example.org", "Your account was unlinked from another one")]


async def test_an_owner_is_told_of_a_new_device_and_it_is_known_from_then_on(
    site: Site, browser: httpx.AsyncClient
) -> None:
    await settle_in(site, browser, someone(), "annika")

    async def told(one: httpx.AsyncClient) -> bool:
        before = len(site.world.outbox.sent)
        assert (await arrive(site, one, someone())).status_code == 302
        await site.world.settle()
        new = [mail.subject for mail in site.world.outbox.sent[before:]]
        assert new in ([], ["A new device logged in to your account"])
        return new != []

    browser.headers["User-Agent"] = "another version of the same browser"
    assert not await told(browser), "its cookie says that it was here before"
    async with site.client() as other:
        other.headers["User-Agent"] = "a phone"
        assert await told(other)
        other.headers["User-Agent"] = "the same phone after an update"
        assert not await told(other)


async def test_the_last_way_in_stays(site: Site, browser: httpx.AsyncClient) -> None:
    await settle_in(site, browser, someone(), "annika")
    assert code_of(await browser.delete(f"{API}/me/identities/plain", headers=SAME)) == (409, "last_way_in")
    assert (await browser.delete(f"{API}/me/identities/google", headers=SAME)).status_code == 204


async def test_who_logged_out_meanwhile_links_nothing(site: Site, ann: Person) -> None:
    asked = await ann.http.post(f"{API}/me/identities/plain")
    assert (await ann.http.post(f"{API}/auth/logout")).status_code == 204
    answer = await come_back(site, ann.http, state_in(asked.json()["url"]), someone())
    assert code_of(answer) == (401, "session_ended")
    await ann.log_in()
    assert (await ann.http.get(f"{API}/me")).json()["identities"] == []


async def test_linking_needs_a_page_of_ours(site: Site, ann: Person) -> None:
    async with site.client() as browser:
        await browser.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
        hostile = {"Sec-Fetch-Site": "cross-site"}
        assert code_of(await browser.post(f"{API}/me/identities/plain", headers=hostile)) == (403, "cross_origin")


async def test_who_never_comes_back_is_forgotten(site: Site, browser: httpx.AsyncClient) -> None:
    await set_out(browser)
    await arrive(site, browser, someone())
    tables = site.world.database
    assert (len(tables.tables.sign_ins), len(tables.tables.arrivals)) == (1, 1)
    site.world.clock.advance(timedelta(minutes=31))
    await site.world.use(ExpireSignIns)(None, None)  # type: ignore[arg-type]  # a chore needs only the time
    assert (len(tables.tables.sign_ins), len(tables.tables.arrivals)) == (0, 0)


# The five account pre-hijacking attacks, by the names that Sudhodanan and Paverd gave them (2022). In each, the
# attacker knows the victim's address and acts before the victim has an account.

VICTIM = "victim@mail.example"


async def attacker_registers(site: Site, handle: str = "attacker") -> str:
    """An account that waits for the victim's address to be verified. The token goes to the victim's mailbox."""
    async with site.client() as attacker:
        asked = {"email": VICTIM, "handle": handle, "password": PASSWORD}
        assert (await attacker.post(f"{API}/auth/register", json=asked)).status_code == 202
    await site.world.settle()
    mail = site.world.outbox.sent[-1]
    assert mail.to == VICTIM
    return mail.text.partition("token=")[2].split()[0]


async def attackers_login(site: Site, login: str) -> tuple[int, str]:
    async with site.client() as attacker:
        answer = await attacker.post(f"{API}/auth/login", json={"login": login, "password": PASSWORD})
        return code_of(answer)


async def test_pre_hijacking_classic_federated_merge(site: Site, browser: httpx.AsyncClient) -> None:
    """The attacker registers the address with a password; the victim signs in with a provider; both must not meet."""
    token = await attacker_registers(site)
    answer = await settle_in(site, browser, someone("v", VICTIM), "victim")
    assert answer.json()["user"]["has_password"] is False
    assert await attackers_login(site, VICTIM) == (401, "invalid_credentials")
    assert await attackers_login(site, "attacker") == (401, "invalid_credentials")
    # Even the link in the victim's mailbox brings the attacker's password to nothing.
    verified = await browser.post(f"{API}/auth/verify-email", json={"token": token}, headers=SAME)
    assert code_of(verified) == (410, "token_spent")
    assert await attackers_login(site, VICTIM) == (401, "invalid_credentials")


async def test_pre_hijacking_unexpired_session(site: Site, browser: httpx.AsyncClient) -> None:
    """The attacker keeps a session open until the victim comes; without a verified address there is none to keep."""
    await attacker_registers(site)
    assert await attackers_login(site, VICTIM) == (401, "invalid_credentials")
    assert site.world.database.tables.families == {}
    answer = await settle_in(site, browser, someone("v", VICTIM), "victim")
    sessions = site.world.database.tables.families.values()
    assert [str(one.account_id) for one in sessions] == [answer.json()["user"]["id"]]


async def test_pre_hijacking_trojan_identifier(site: Site, browser: httpx.AsyncClient) -> None:
    """The attacker links an identity of their own with an account of the victim's address, as a second way in."""
    await attacker_registers(site)
    attackers_own = someone("attacker", "attacker@mail.example")
    async with site.client() as attacker:
        # Linking needs a session, which an unverified account has not.
        assert code_of(await attacker.post(f"{API}/me/identities/plain")) == (401, "unauthenticated")
    await settle_in(site, browser, someone("v", VICTIM), "victim")
    async with site.client() as attacker:
        # What is bound to an address is bound to the provider's account that has it: another one opens another.
        arrived = await arrive(site, attacker, attackers_own)
        assert arrived.headers["location"].startswith("/welcome")
    assert (await browser.get(f"{API}/me")).json()["identities"] == ["plain"]


async def test_pre_hijacking_non_verifying_identity_provider(
    site: Site, browser: httpx.AsyncClient, ann: Person
) -> None:
    """The attacker has a provider say that the victim's address is theirs; one that has not checked is not believed."""
    for unverified in (someone("a", VICTIM, verified=False), someone("a", None)):
        assert code_of(await arrive(site, browser, unverified)) == (403, "email_unverified")
        assert code_of(await link(site, ann, unverified)) == (403, "email_unverified")
    assert site.world.database.tables.external_identities == {}
    assert site.world.database.tables.arrivals == {}


async def test_pre_hijacking_unexpired_email_change(site: Site, browser: httpx.AsyncClient) -> None:
    """The attacker asks for a change of address and confirms it once the victim has come."""
    await attacker_registers(site)
    move = {"email": "attacker@mail.example", "password": PASSWORD}
    async with site.client() as attacker:
        # Asking needs a session, which an unverified account has not.
        assert code_of(await attacker.post(f"{API}/me/email", json=move)) == (401, "unauthenticated")
    assert site.world.database.tables.email_changes == {}
    await settle_in(site, browser, someone("v", VICTIM), "victim")
    assert (await browser.get(f"{API}/me")).json()["email"] == VICTIM


@dataclass
class Infested:
    """An account of the victim's address that is in the attacker's hands too, as the victim gets it back."""

    attacker: Person
    state: str
    tokens: list[str]

    @classmethod
    async def make(cls, site: Site) -> "Infested":
        """The victim followed the link in the attacker's registration, and the attacker did what there is to do."""
        token = await attacker_registers(site)
        client = site.client()
        answer = await client.post(f"{API}/auth/verify-email", json={"token": token, "transport": "bearer"})
        attacker = Person(site, client, answer.json())
        await attacker.log_in()
        await link(site, attacker, someone("attacker", "attacker@mail.example"))
        move = {"email": "attacker@mail.example", "password": PASSWORD}
        assert (await client.post(f"{API}/me/email", json=move)).status_code == 202
        pending = await client.post(f"{API}/me/identities/plain")
        await site.world.settle()
        mails = [one.text for one in site.world.outbox.sent if "/confirm-email?token=" in one.text]
        return cls(attacker, state_in(pending.json()["url"]), [one.partition("token=")[2].split()[0] for one in mails])


async def reset_password(site: Site, email: str) -> None:
    async with site.client() as owner:
        assert (await owner.post(f"{API}/auth/password/forgot", json={"email": email})).status_code == 202
        await site.world.settle()
        token = site.world.outbox.sent[-1].text.partition("token=")[2].split()[0]
        reset = {"token": token, "password": "another horse battery"}
        assert (await owner.post(f"{API}/auth/password/reset", json=reset)).status_code == 204
    await site.world.settle()


async def test_a_reset_ends_every_session_of_the_attacker(site: Site) -> None:
    infested = await Infested.make(site)
    attacker = infested.attacker
    assert (await attacker.http.get(f"{API}/me")).status_code == 200
    await reset_password(site, VICTIM)
    assert code_of(await attacker.http.get(f"{API}/me")) == (401, "session_ended")
    refresh = {"refresh_token": attacker.session["refresh_token"]}
    assert code_of(await site.client().post(f"{API}/auth/refresh", json=refresh)) == (401, "session_ended")
    assert await attackers_login(site, VICTIM) == (401, "invalid_credentials")


async def test_a_reset_calls_off_a_change_of_address(site: Site, browser: httpx.AsyncClient) -> None:
    infested = await Infested.make(site)
    assert len(infested.tokens) == 2
    await reset_password(site, VICTIM)
    for token in infested.tokens:
        answer = await browser.post(f"{API}/auth/confirm-email", json={"token": token})
        assert code_of(answer) == (410, "token_spent")


async def test_a_reset_unlinks_the_identity_of_the_attacker_and_says_so(site: Site, browser: httpx.AsyncClient) -> None:
    infested = await Infested.make(site)
    await reset_password(site, VICTIM)
    told = site.world.outbox.sent[-1]
    assert (told.to, told.subject, "plain" in told.text) == (VICTIM, "Your password was changed", True)
    # Neither by what was linked nor by what was about to be.
    arrived = await arrive(site, browser, someone("attacker", "attacker@mail.example"))
    assert arrived.headers["location"].startswith("/welcome")
    pending = await come_back(site, infested.attacker.http, infested.state, someone("attacker", VICTIM))
    assert code_of(pending) == (401, "session_ended")
    assert site.world.database.tables.external_identities == {}


async def test_a_reset_keeps_the_provider_that_vouched_for_the_same_address(
    site: Site, browser: httpx.AsyncClient
) -> None:
    await settle_in(site, browser, someone("v", VICTIM), "victim")
    await reset_password(site, VICTIM)
    assert "plain" not in site.world.outbox.sent[-1].text
    async with site.client() as later:
        assert (await arrive(site, later, someone("v", VICTIM))).headers["location"] == "/"
        me = (await later.get(f"{API}/me")).json()
        assert (me["identities"], me["has_password"]) == (["plain"], True)
