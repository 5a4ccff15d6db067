"""Getting back in, moving to another address, devices, and what owners are told."""

import asyncio
from datetime import timedelta

import pytest
from tests.builders import CLIENT, PASSWORD, App, join, register, stand, token_in

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.application.identity import (
    ChangePassword,
    Client,
    ConfirmEmailChange,
    CreateAdmin,
    EndAllSessions,
    EndSession,
    ExpireIdentities,
    ForgetPassword,
    IdentityReader,
    ListSessions,
    LogIn,
    ReadRegistration,
    RefreshSession,
    RequestEmailChange,
    ResendVerification,
    ResetPassword,
    Session,
    Tokens,
    VerifyEmail,
)
from soundgraph.domain.audit import OPERATOR
from soundgraph.domain.errors import Forbidden, Gone, Invalid, NotFound, Unauthenticated
from soundgraph.domain.identity import EMAIL_CHANGE_LIFETIME, REGISTRATION_LIFETIME, RESET_LIFETIME
from soundgraph.domain.ids import FamilyId
from soundgraph.domain.visibility import AccountStanding, Actor

NEW = "another horse battery"


@pytest.fixture
def app() -> World:
    return memory_app()


async def log_in(app: App, login: str = "ada", password: str = PASSWORD, client: Client = CLIENT) -> Session:
    return await app.use(LogIn)(login=login, password=password, client=client)


def family_of(app: App, session: Session) -> FamilyId:
    return app.use(Tokens).read_refresh(session.refresh_token)[0]


async def alive(app: App, session: Session) -> bool:
    claims = app.use(Tokens).read_access(session.access_token, at=app.clock.now())
    return await app.use(IdentityReader).actor(claims, now=app.clock.now()) is not None


async def forget(app: World, email: str = "ada@example.org") -> str:
    await app.use(ForgetPassword)(email=email)
    await app.settle()
    assert app.outbox.sent[-1].to == email
    return token_in(app.outbox.sent[-1])


async def test_a_forgotten_password_is_replaced_once_and_every_session_ends(app: World) -> None:
    await join(app, "ada")
    session, token = await log_in(app), await forget(app)
    await app.use(ResetPassword)(token=token, password=NEW)
    assert not await alive(app, session)
    with pytest.raises(Unauthenticated):
        await log_in(app)
    assert await alive(app, await log_in(app, password=NEW))
    with pytest.raises(Gone) as refusal:
        await app.use(ResetPassword)(token=token, password="one more horse battery")
    assert refusal.value.code == "token_spent"
    await app.settle()
    assert "Your password was changed" in {one.subject for one in app.outbox.sent}


async def test_of_ten_who_use_one_link_at_once_one_gets_through(app: World) -> None:
    await join(app, "ada")
    token, reset = await forget(app), app.use(ResetPassword)
    asked = (reset(token=token, password=f"horse battery {one}") for one in range(10))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [one.code for one in outcomes if isinstance(one, Gone)] == ["token_spent"] * 9


async def test_a_reset_link_expires_and_goes(app: World) -> None:
    await join(app, "ada")
    token = await forget(app)
    app.clock.advance(RESET_LIFETIME)
    with pytest.raises(Gone) as refusal:
        await app.use(ResetPassword)(token=token, password=NEW)
    assert refusal.value.code == "token_expired"
    await app.use(ExpireIdentities)(object(), None)  # type: ignore[arg-type]
    with pytest.raises(Gone) as refusal:
        await app.use(ResetPassword)(token=token, password=NEW)
    assert refusal.value.code == "token_spent"


async def test_another_link_is_void_once_one_was_used(app: World) -> None:
    await join(app, "ada")
    first, second = await forget(app), await forget(app)
    await app.use(ResetPassword)(token=second, password=NEW)
    with pytest.raises(Gone):
        await app.use(ResetPassword)(token=first, password=PASSWORD)


@pytest.mark.parametrize("email", ["nobody@example.org", "ada", "waiting@example.org", "not an address"])
async def test_an_address_without_an_account_gets_no_mail(app: World, email: str) -> None:
    await join(app, "ada")
    await register(app, "waiting")
    before = len(app.outbox.sent)
    await app.use(ForgetPassword)(email=email)
    await app.settle()
    assert len(app.outbox.sent) == before


@pytest.mark.parametrize("password", ["short", "x" * 257, "Password123!", "qwertyuiop"])
async def test_a_password_that_will_not_do_costs_no_link(app: World, password: str) -> None:
    await join(app, "ada")
    token = await forget(app)
    with pytest.raises(Invalid):
        await app.use(ResetPassword)(token=token, password=password)
    await app.use(ResetPassword)(token=token, password=NEW)


async def test_changing_a_password_ends_the_other_sessions(app: World) -> None:
    actor = await join(app, "ada")
    here, there = await log_in(app), await log_in(app)
    change, family_id = app.use(ChangePassword), family_of(app, here)
    with pytest.raises(Unauthenticated):
        await change(actor=actor, family_id=family_id, current_password="wrong", new_password=NEW)
    with pytest.raises(Invalid) as refusal:
        await change(actor=actor, family_id=family_id, current_password=PASSWORD, new_password="short")
    assert refusal.value.errors[0].field == "new_password"
    link = await forget(app)
    await change(actor=actor, family_id=family_id, current_password=PASSWORD, new_password=NEW)
    assert (await alive(app, here), await alive(app, there)) == (True, False)
    with pytest.raises(Gone):
        await app.use(ResetPassword)(token=link, password=PASSWORD)
    await app.settle()
    assert app.outbox.sent[-1].subject == "Your password was changed"


async def asked_to_move(app: World, actor: Actor, email: str = "ada@new.example") -> dict[str, str]:
    before = len(app.outbox.sent)
    await app.use(RequestEmailChange)(actor=actor, email=email, password=PASSWORD)
    await app.settle()
    return {one.to: one.text for one in app.outbox.sent[before:]}


def token_of(text: str) -> str:
    return text.partition("token=")[2].split()[0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_both_addresses_have_to_agree(app: World, order: tuple[int, int]) -> None:
    actor = await join(app, "ada")
    mails = await asked_to_move(app, actor, " Ada@New.example ")
    assert list(mails) == ["ada@example.org", "ada@new.example"]
    tokens, confirm = [token_of(text) for text in mails.values()], app.use(ConfirmEmailChange)
    assert await confirm(token=tokens[order[0]]) is False
    assert await confirm(token=tokens[order[0]]) is False
    with pytest.raises(Unauthenticated):
        await log_in(app, "ada@new.example")
    assert await confirm(token=tokens[order[1]]) is True
    await log_in(app, "ada@new.example")
    with pytest.raises(Unauthenticated):
        await log_in(app, "ada@example.org")
    for token in tokens:
        with pytest.raises(Gone):
            await confirm(token=token)
    await app.settle()
    told = [one.to for one in app.outbox.sent if one.subject == "Your e-mail address was changed"]
    assert told == ["ada@example.org", "ada@new.example"]


async def test_a_change_of_address_needs_the_password_and_an_address(app: World) -> None:
    actor, ask = await join(app, "ada"), app.use(RequestEmailChange)
    with pytest.raises(Unauthenticated):
        await ask(actor=actor, email="ada@new.example", password="wrong")
    with pytest.raises(Invalid):
        await ask(actor=actor, email="nowhere", password=PASSWORD)
    assert await app.settle() == 0


async def test_a_change_of_address_expires_and_a_later_one_takes_its_place(app: World) -> None:
    actor, confirm = await join(app, "ada"), app.use(ConfirmEmailChange)
    first = [token_of(text) for text in (await asked_to_move(app, actor)).values()]
    second = [token_of(text) for text in (await asked_to_move(app, actor, "ada@other.example")).values()]
    with pytest.raises(Gone) as refusal:
        await confirm(token=first[0])
    assert refusal.value.code == "token_spent"
    await confirm(token=second[0])
    app.clock.advance(EMAIL_CHANGE_LIFETIME)
    with pytest.raises(Gone) as refusal:
        await confirm(token=second[1])
    assert refusal.value.code == "token_expired"
    await app.use(ExpireIdentities)(object(), None)  # type: ignore[arg-type]
    with pytest.raises(Gone):
        await confirm(token=second[1])


async def test_moving_to_a_known_address_tells_its_owner_and_nobody_else(app: World) -> None:
    actor = await join(app, "ada")
    await join(app, "bob")
    mails = await asked_to_move(app, actor, "bob@example.org")
    assert "token=" in mails["ada@example.org"]
    assert "token=" not in mails["bob@example.org"]


async def test_an_address_that_found_an_account_meanwhile_is_not_taken(app: World) -> None:
    actor = await join(app, "ada")
    tokens = [token_of(text) for text in (await asked_to_move(app, actor, "bob@example.org")).values()]
    await join(app, "bob")
    await app.use(ConfirmEmailChange)(token=tokens[0])
    with pytest.raises(Gone):
        await app.use(ConfirmEmailChange)(token=tokens[1])
    await log_in(app, "ada@example.org")


async def test_sessions_are_listed_and_ended_one_by_one(app: World) -> None:
    actor, other = await join(app, "ada"), await join(app, "bob")
    app.clock.advance(timedelta(seconds=1))
    browser = Client("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "192.0.2.7")
    session = await log_in(app, client=browser)
    family_id = family_of(app, session)
    page = await app.use(ListSessions)(actor=actor, family_id=family_id, after=None, limit=10)
    assert [(one.device, one.address, one.current) for one in page.items] == [
        ("Firefox on Linux", "192.0.2.7", True),
        ("a", "192.0.2.1", False),
    ]
    with pytest.raises(NotFound):
        await app.use(EndSession)(actor=other, family_id=family_id)
    for _ in range(2):
        await app.use(EndSession)(actor=actor, family_id=family_id)
    assert not await alive(app, session)
    page = await app.use(ListSessions)(actor=actor, family_id=family_id, after=None, limit=10)
    assert [one.address for one in page.items] == ["192.0.2.1"]


async def test_logging_out_everywhere(app: World) -> None:
    actor, other = await join(app, "ada"), await join(app, "bob")
    sessions = [await log_in(app) for _ in range(3)]
    bobs = await log_in(app, "bob")
    await app.use(EndAllSessions)(actor=actor)
    assert [await alive(app, one) for one in sessions] == [False] * 3
    assert await alive(app, bobs)
    assert other.id != actor.id


async def test_a_suspended_account_refreshes_nothing_and_loses_nothing(app: World) -> None:
    actor = await join(app, "ada")
    session = await log_in(app)
    await stand(app, actor, AccountStanding.SUSPENDED)
    app.clock.advance(timedelta(minutes=1))
    with pytest.raises(Forbidden):
        await app.use(RefreshSession)(refresh_token=session.refresh_token)
    await stand(app, actor, AccountStanding.ACTIVE)
    app.clock.advance(timedelta(minutes=1))
    await app.use(RefreshSession)(refresh_token=session.refresh_token)


async def test_a_new_device_is_told_of_and_a_known_one_is_not(app: World) -> None:
    actor = await join(app, "ada")
    stranger = Client("curl/8.5.0", "198.51.100.9")

    async def told(client: Client) -> bool:
        before = len(app.outbox.sent)
        await log_in(app, client=client)
        await app.settle()
        return len(app.outbox.sent) > before

    assert not await told(CLIENT)
    assert await told(stranger)
    mail = app.outbox.sent[-1]
    assert (mail.to, mail.subject) == ("ada@example.org", "A new device logged in to your account")
    assert "device: curl" in mail.text
    assert "198.51.100.9" in mail.text
    assert not await told(stranger)
    assert not await told(Client("a phone", "203.0.113.1", logged_in_as=actor.id))
    other = await join(app, "bob")
    assert await told(Client("a phone", "203.0.113.2", logged_in_as=other.id))


async def test_a_browser_that_was_updated_is_known(app: World) -> None:
    await join(app, "ada")
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
    told = []
    for client in (
        Client(firefox.format(130), "192.0.2.7"),
        Client(firefox.format(131), "192.0.2.7"),
        Client(firefox.format(131).replace("Linux", "Windows"), "192.0.2.7"),
        Client(firefox.format(131), "192.0.2.8"),
    ):
        before = len(app.outbox.sent)
        await log_in(app, client=client)
        await app.settle()
        told.append(len(app.outbox.sent) - before)
    assert told == [1, 0, 1, 1]


@pytest.mark.parametrize("password", ["lovelace_ada1", "lovelace_ada@example.org", "Lovelace_Ada!!!", "soundgraph2026"])
async def test_ones_own_names_are_no_passwords(app: World, password: str) -> None:
    with pytest.raises(Invalid):
        await register(app, "lovelace_ada", password=password)
    with pytest.raises(Invalid):
        await app.use(CreateAdmin)(
            actor=OPERATOR, email="lovelace_ada@example.org", handle="lovelace_ada", password=password
        )
    actor = await join(app, "lovelace_ada")
    family_id = family_of(app, await log_in(app, "lovelace_ada"))
    with pytest.raises(Invalid) as refusal:
        await app.use(ChangePassword)(
            actor=actor, family_id=family_id, current_password=PASSWORD, new_password=password
        )
    assert [(one.field, one.code) for one in refusal.value.errors] == [("new_password", "password_common")]
    token = await forget(app, "lovelace_ada@example.org")
    with pytest.raises(Invalid):
        await app.use(ResetPassword)(token=token, password=password)
    await app.use(ResetPassword)(token=token, password=NEW)


async def test_whom_a_verification_is_for_is_told_without_spending_it(app: World) -> None:
    token, read = await register(app, "ada"), app.use(ReadRegistration)
    assert await read(token=token) == "ada"
    assert await read(token=token) == "ada"
    await app.use(VerifyEmail)(token=token, client=CLIENT)
    assert await read(token=token) is None
    late = await register(app, "bob")
    app.clock.advance(REGISTRATION_LIFETIME)
    assert await read(token=late) is None


async def test_a_verification_is_sent_again_to_whoever_waits(app: World) -> None:
    token = await register(app, "ada")
    await join(app, "bob")
    before = len(app.outbox.sent)
    for email in ("ADA@example.org", "bob@example.org", "nobody@example.org"):
        await app.use(ResendVerification)(email=email)
        assert await app.settle() == 1
    assert [one.to for one in app.outbox.sent[before:]] == ["ada@example.org"]
    assert token_in(app.outbox.sent[-1]) == token
    await app.use(VerifyEmail)(token=token, client=CLIENT)
