"""Registering, verifying, logging in and out, and staying logged in."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.builders import CLIENT, PASSWORD, a_debt, join, promote, register, stand, token_in

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.adapters.memory.identity import QuickPasswords
from soundgraph.application.identity import (
    ExpireIdentities,
    IdentityReader,
    LogIn,
    LogOut,
    Mail,
    Mailer,
    Passwords,
    RefreshSession,
    Register,
    Session,
    Tokens,
    VerifyEmail,
)
from soundgraph.application.limits import MAIL, MAILS, Charge, Limiter
from soundgraph.application.views import Links
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, Unauthenticated, Unavailable
from soundgraph.domain.events import PeriodicDue
from soundgraph.domain.identity import FAMILY_LIFETIME, REFRESH_GRACE, REGISTRATION_LIFETIME
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import AccountStanding, Actor, Role

MOMENT = timedelta(microseconds=1)


async def log_in(app: World, login: str = "ada", password: str = PASSWORD) -> Session:
    return await app.use(LogIn)(login=login, password=password, client=CLIENT)


async def actor_of(app: World, session: Session) -> Actor | None:
    claims = app.use(Tokens).read_access(session.access_token, at=app.clock.now())
    return await app.use(IdentityReader).actor(claims, now=app.clock.now())


async def test_registering_mails_one_link_that_makes_an_account_and_logs_in(app: World) -> None:
    await app.use(Register)(email=" Ada@Example.org ", handle=" ADA ", password=PASSWORD, display_name=" Ada L. ")
    assert app.outbox.sent == []
    await app.settle()
    (mail,) = app.outbox.sent
    assert mail.to == "ada@example.org"
    assert app.use(Links).verify_email(token_in(mail)) in mail.text
    session = await app.use(VerifyEmail)(token=token_in(mail), client=CLIENT)
    actor = await actor_of(app, session)
    assert actor == Actor(session.account_id, Role.MEMBER)
    me = await app.use(IdentityReader).me(actor)
    assert me is not None
    assert (me.handle, me.email, me.display_name, me.has_password) == ("ada", "ada@example.org", "Ada L.", True)


async def test_the_handle_is_the_display_name_until_one_is_given(app: World) -> None:
    me = await app.use(IdentityReader).me(await join(app, "ada"))
    assert me is not None
    assert me.display_name == "ada"


async def test_a_registration_names_every_broken_rule_and_keeps_nothing(app: World) -> None:
    with pytest.raises(Invalid) as refusal:
        await app.use(Register)(email="ada", handle="a", password="short", display_name="")
    assert len(refusal.value.errors) == 4
    assert await app.settle() == 0


async def test_a_handle_is_reserved_by_an_account_and_by_whoever_waits(app: World) -> None:
    await join(app, "ada")
    await register(app, "bob")
    for handle in ("ada", "bob"):
        with pytest.raises(Conflict) as refusal:
            await app.use(Register)(email="eve@example.org", handle=handle, password=PASSWORD)
        assert refusal.value.code == "handle_taken"


async def test_a_reservation_ends_with_its_link(app: World) -> None:
    token = await register(app, "ada")
    app.clock.advance(REGISTRATION_LIFETIME)
    with pytest.raises(Gone) as refusal:
        await app.use(VerifyEmail)(token=token, client=CLIENT)
    assert refusal.value.code == "token_expired"
    other = await register(app, "ada", email="other@example.org")
    await app.use(VerifyEmail)(token=other, client=CLIENT)


async def test_a_link_works_once(app: World) -> None:
    token = await register(app, "ada")
    await app.use(VerifyEmail)(token=token, client=CLIENT)
    for spent in (token, "made up"):
        with pytest.raises(Gone) as refusal:
            await app.use(VerifyEmail)(token=spent, client=CLIENT)
        assert refusal.value.code == "token_spent"


async def test_of_two_registrations_of_one_address_the_first_verified_wins(app: World) -> None:
    first = await register(app, "ada", email="ada@example.org")
    second = await register(app, "countess", email="ada@example.org")
    await app.use(VerifyEmail)(token=second, client=CLIENT)
    with pytest.raises(Gone) as refusal:
        await app.use(VerifyEmail)(token=first, client=CLIENT)
    assert refusal.value.code == "token_spent"


async def test_a_known_address_gets_the_same_answer_and_another_mail(app: World) -> None:
    await join(app, "ada")
    await app.use(Register)(email="ada@example.org", handle="countess", password=PASSWORD)
    await app.settle()
    mail = app.outbox.sent[-1]
    assert (mail.to, mail.subject) == ("ada@example.org", "You already have an account")
    assert "token=" not in mail.text


async def test_a_mail_that_is_owed_for_a_registration_that_is_gone_is_not_sent(app: World) -> None:
    await app.use(Register)(email="ada@example.org", handle="ada", password=PASSWORD)
    app.clock.advance(REGISTRATION_LIFETIME)
    async with app.work() as work:
        await work.registrations.expire(now=app.clock.now())
        await work.commit()
    assert await app.settle() == 1
    assert app.outbox.sent == []


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", " Ada@Example.org "])
async def test_logging_in_by_handle_or_address(app: World, login: str) -> None:
    actor = await join(app, "ada")
    assert await actor_of(app, await log_in(app, login)) == actor


@pytest.mark.parametrize(("login", "password"), [("ada", "wrong password"), ("nobody", PASSWORD)])
async def test_a_wrong_login_and_a_wrong_password_get_one_answer(app: World, login: str, password: str) -> None:
    await join(app, "ada")
    with pytest.raises(Unauthenticated) as refusal:
        await log_in(app, login, password)
    assert (refusal.value.code, refusal.value.message) == ("invalid_credentials", "Login or password is wrong.")


async def test_an_account_without_a_password_has_no_right_one(app: World) -> None:
    await join(app, "ada")
    async with app.work() as work:
        account = await work.accounts.by_login("ada")
        assert account is not None
        account.password_hash = None
        await work.accounts.save(account)
        await work.commit()
    with pytest.raises(Unauthenticated):
        await log_in(app)


async def test_an_unverified_address_looks_like_a_wrong_password_and_is_mailed_again(app: World) -> None:
    token = await register(app, "ada")
    for password, mails in (("wrong password", 1), (PASSWORD, 2)):
        with pytest.raises(Unauthenticated) as refusal:
            await log_in(app, "ada@example.org", password)
        assert refusal.value.code == "invalid_credentials"
        await app.settle()
        assert len(app.outbox.sent) == mails
    assert token_in(app.outbox.sent[-1]) == token
    assert len({mail.id for mail in app.outbox.sent}) == 2


async def test_a_suspended_account_is_told_only_after_the_right_password(app: World) -> None:
    actor = await join(app, "ada")
    session = await log_in(app)
    await stand(app, actor, AccountStanding.SUSPENDED)
    with pytest.raises(Unauthenticated):
        await log_in(app, password="wrong password")
    with pytest.raises(Forbidden) as refusal:
        await log_in(app)
    assert refusal.value.code == "account_suspended"
    with pytest.raises(Forbidden):
        await actor_of(app, session)
    await stand(app, actor, AccountStanding.DELETED)
    assert await actor_of(app, session) is None


async def test_a_role_comes_from_the_database_and_never_from_the_token(app: World) -> None:
    actor = await join(app, "ada")
    session = await log_in(app)
    moderator = await promote(app, actor, Role.MODERATOR)
    assert await actor_of(app, session) == moderator


class AgingPasswords(Passwords):
    """Hashes that are outdated as soon as `generation` moves on."""

    def __init__(self) -> None:
        self.generation, self._inner = 1, QuickPasswords()

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._inner.turn()

    async def hash(self, password: str) -> str:
        return f"{self.generation}:{await self._inner.hash(password)}"

    async def verify(self, encoded: str | None, password: str) -> bool:
        return await self._inner.verify(encoded.partition(":")[2] if encoded else None, password)

    def outdated(self, encoded: str) -> bool:
        return not encoded.startswith(f"{self.generation}:")


async def stored_hash(app: World, actor: Actor) -> str | None:
    async with app.work() as work:
        account = await work.accounts.get(actor.id)
    assert account is not None
    return account.password_hash


async def test_an_outdated_hash_is_made_again_at_login() -> None:
    passwords = AgingPasswords()
    app = memory_app({Passwords: passwords})
    actor = await join(app, "ada")
    passwords.generation = 2
    with pytest.raises(Unauthenticated):
        await log_in(app, password="wrong password")
    assert (await stored_hash(app, actor) or "").startswith("1:")
    await log_in(app)
    assert (await stored_hash(app, actor) or "").startswith("2:")
    await log_in(app)


class MeddlingPasswords(AgingPasswords):
    """Changes the stored password while a stronger hash of the old one is being made."""

    app: World

    async def hash(self, password: str) -> str:
        if self.generation > 1:
            async with self.app.work() as work:
                account = await work.accounts.by_login("ada")
                assert account is not None
                account.rehash("2:another password")
                await work.accounts.save(account)
                await work.commit()
        return await super().hash(password)


async def test_a_password_that_was_changed_meanwhile_is_not_brought_back() -> None:
    passwords = MeddlingPasswords()
    passwords.app = app = memory_app({Passwords: passwords})
    actor = await join(app, "ada")
    passwords.generation = 2
    with pytest.raises(Unauthenticated):
        await log_in(app)
    assert await stored_hash(app, actor) == "2:another password"


async def test_refreshing_rotates_and_the_previous_token_repeats_within_the_grace(app: World) -> None:
    await join(app, "ada")
    first = await log_in(app)
    second = await app.use(RefreshSession)(refresh_token=first.refresh_token)
    assert second.refresh_token != first.refresh_token
    app.clock.advance(REFRESH_GRACE)
    again = await app.use(RefreshSession)(refresh_token=first.refresh_token)
    assert again.refresh_token == second.refresh_token
    third = await app.use(RefreshSession)(refresh_token=second.refresh_token)
    assert await actor_of(app, third) is not None


async def test_reuse_ends_the_family_for_every_token_of_it_and_for_no_other(app: World) -> None:
    await join(app, "ada")
    first, elsewhere = await log_in(app), await log_in(app)
    second = await app.use(RefreshSession)(refresh_token=first.refresh_token)
    app.clock.advance(REFRESH_GRACE + MOMENT)
    with pytest.raises(Unauthenticated) as refusal:
        await app.use(RefreshSession)(refresh_token=first.refresh_token)
    assert refusal.value.code == "token_reused"
    with pytest.raises(Unauthenticated) as refusal:
        await app.use(RefreshSession)(refresh_token=second.refresh_token)
    assert refusal.value.code == "session_ended"
    assert await actor_of(app, second) is None
    assert await actor_of(app, elsewhere) is not None


async def test_a_session_expires_unless_it_is_refreshed(app: World) -> None:
    await join(app, "ada")
    session = await log_in(app)
    app.clock.advance(FAMILY_LIFETIME - MOMENT)
    session = await app.use(RefreshSession)(refresh_token=session.refresh_token)
    app.clock.advance(FAMILY_LIFETIME)
    with pytest.raises(Unauthenticated) as refusal:
        await app.use(RefreshSession)(refresh_token=session.refresh_token)
    assert refusal.value.code == "session_ended"


async def test_a_token_that_nobody_made_is_refused(app: World) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await app.use(RefreshSession)(refresh_token="made up")
    assert refusal.value.code == "bad_token"


async def test_logging_out_ends_the_session_once(app: World) -> None:
    await join(app, "ada")
    session = await log_in(app)
    family_id, _ = app.use(Tokens).read_refresh(session.refresh_token)
    await app.use(LogOut)(family_id=family_id)
    await app.use(LogOut)(family_id=family_id)
    assert await actor_of(app, session) is None
    with pytest.raises(Unauthenticated):
        await app.use(RefreshSession)(refresh_token=session.refresh_token)


async def test_the_chore_drops_what_is_over_and_nothing_else(app: World) -> None:
    await join(app, "ada")
    over, kept = await log_in(app), await log_in(app)
    await register(app, "bob")
    tokens = app.use(Tokens)
    over_id, _ = tokens.read_refresh(over.refresh_token)
    await app.use(LogOut)(family_id=over_id)
    await app.use(ExpireIdentities)(PeriodicDue(chore="identity.expire"), a_debt())
    assert await waits(app, "bob")
    app.clock.advance(REGISTRATION_LIFETIME)
    await app.use(ExpireIdentities)(PeriodicDue(chore="identity.expire"), a_debt())
    assert not await waits(app, "bob")
    await app.use(LogOut)(family_id=over_id)
    with pytest.raises(Unauthenticated) as refusal:
        await app.use(RefreshSession)(refresh_token=over.refresh_token)
    assert refusal.value.code == "session_ended"
    await app.use(RefreshSession)(refresh_token=kept.refresh_token)


async def waits(app: World, login: str) -> bool:
    async with app.work() as work:
        return await work.registrations.by_login(login) is not None


async def test_me_is_none_for_an_account_that_is_gone(app: World) -> None:
    nobody = replace(await join(app, "ada"), id=AccountId(uuid4()))
    assert await app.use(IdentityReader).me(nobody) is None


class BrokenMailer(Mailer):
    """Fails."""

    async def send(self, mail: Mail) -> None:
        raise Unavailable("mail_away", f"{mail.to} cannot be reached.")


async def test_a_mail_that_could_not_be_sent_does_not_count() -> None:
    app = memory_app({Mailer: BrokenMailer()})
    await app.use(Register)(email="ada@example.org", handle="ada", password=PASSWORD)
    for _ in range(3):
        assert await app.settle() > 0
        app.clock.advance(timedelta(hours=1))
    for rule in MAILS:
        (verdict,) = await app.use(Limiter).take([Charge(rule, "sent to ada@example.org")])
        assert verdict.remaining == rule.limit - 1


async def test_more_mails_than_an_address_may_have_are_not_sent(app: World) -> None:
    for number in range(MAIL.limit + 3):
        await app.use(Register)(email="ada@example.org", handle=f"ada-{number}", password=PASSWORD)
    await app.settle()
    assert len(app.outbox.sent) == MAIL.limit
