"""The contracts of `PasswordResets`, `EmailChanges`, `Audit`, and of what accounts and families gained with them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.builders import CLIENT, PASSWORD, App, Work, an_account, inhabit, join, roll_back, token_in

from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.application.identity import (
    ChangePassword,
    Client,
    ConfirmEmailChange,
    ForgetPassword,
    IdentityReader,
    ListSessions,
    LogIn,
    RefreshSession,
    RequestEmailChange,
    ResetPassword,
    Session,
    Tokens,
)
from soundgraph.domain.audit import AuditEntry
from soundgraph.domain.errors import Conflict, Gone, Unauthenticated
from soundgraph.domain.identity import RESET_LIFETIME, EmailChange, PasswordReset, SessionFamily
from soundgraph.domain.ids import AccountId, AuditId, EmailChangeId, FamilyId, ResetId
from soundgraph.domain.visibility import AccountStanding, Role

NEW = "another horse battery"


def a_reset(account_id: AccountId | None, digest: bytes = b"digest") -> PasswordReset:
    return PasswordReset.request(ResetId(uuid4()), account_id, token_digest=digest, at=EPOCH)[0]


async def a_change(app: App, account_id: AccountId, mark: bytes = b"1") -> EmailChange:
    async with app.work() as work:
        account = await work.accounts.get(account_id)
    assert account
    digests = (b"old" + mark, b"new" + mark)
    return EmailChange.request(EmailChangeId(uuid4()), account, "new@example.org", digests=digests, at=EPOCH)[0]


async def test_resets_are_kept_found_and_dropped(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    kept = [a_reset(ada, b"1"), a_reset(bob, b"2"), a_reset(None, b"3")]
    async with app.work() as work:
        for one in kept:
            await work.password_resets.add(one)
        await work.commit()
    async with app.work() as work:
        assert [await work.password_resets.get(one.id) for one in kept] == kept
        assert await work.password_resets.by_token(b"2") == kept[1]
        assert await work.password_resets.by_token(b"4") is None
        await work.password_resets.remove_of(ada)
        assert await work.password_resets.get(kept[0].id) is None
        assert await work.password_resets.expire(now=EPOCH) == 0
        assert await work.password_resets.expire(now=EPOCH + RESET_LIFETIME) == 2
        await work.commit()


async def test_a_reset_that_is_not_committed_is_not_there(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    reset = a_reset(ada)

    async def add(work: Work) -> None:
        await work.password_resets.add(reset)

    await roll_back(app, add)
    async with app.work() as work:
        assert await work.password_resets.get(reset.id) is None


async def test_an_account_waits_for_one_change_of_address(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    first, second, bobs = await a_change(app, ada), await a_change(app, ada, b"2"), await a_change(app, bob, b"3")
    async with app.work() as work:
        for one in (first, bobs, second):
            await work.email_changes.put(one)
        assert await work.email_changes.get(first.id) is None
        assert await work.email_changes.by_token(b"old2") == await work.email_changes.by_token(b"new2") == second
        second.confirm(b"old2", at=EPOCH)
        second.confirm(b"new2", at=EPOCH)
        await work.email_changes.put(second)
        await work.email_changes.put(first)
        await work.commit()
    async with app.work() as work:
        assert await work.email_changes.get(second.id) == second, "what both agreed to is not waiting"
        assert await work.email_changes.get(first.id) == first
        await work.email_changes.cancel(ada)
        assert await work.email_changes.get(first.id) is None
        assert await work.email_changes.get(second.id) == second
        assert await work.email_changes.expire(now=EPOCH + timedelta(days=1)) == 2


async def test_the_audit_log_is_read_newest_first(app: App) -> None:
    subject = uuid4()
    entries = [
        AuditEntry(
            id=AuditId(UUID(int=number)),
            at=EPOCH,
            actor_id=AccountId(uuid4()),
            action="role_changed",
            subject_id=subject if number < 4 else uuid4(),
            detail={"from": "member", "to": "admin"},
        )
        for number in range(1, 6)
    ]
    async with app.work() as work:
        for one in entries:
            await work.audit.add(one)
        await work.commit()
    async with app.work() as work:
        assert list(await work.audit.about(subject, limit=2)) == [entries[2], entries[1]]
        assert await work.audit.about(uuid4(), limit=2) == []


async def test_standing_and_admins(app: App) -> None:
    (ada,) = await inhabit(app, "ada")
    async with app.work() as work:
        assert await work.accounts.standing(ada) is AccountStanding.ACTIVE
        assert await work.accounts.standing(AccountId(uuid4())) is None
        assert not await work.accounts.any_admin()
        account = await work.accounts.get(ada)
        assert account
        account.role = Role.ADMIN
        await work.accounts.save(account)
        assert await work.accounts.any_admin()


async def test_handles_that_look_alike_are_one(app: App) -> None:
    await inhabit(app, "morn_10")
    for handle in ("morn_10", "mom-lo", "morn-1o"):
        with pytest.raises(Conflict) as refusal:
            async with app.work() as work:
                await work.accounts.add(replace(an_account(handle), email="eve@example.org"))
        assert refusal.value.code == "handle_taken"
    await inhabit(app, "mor10", "ali", "all")


async def test_families_of_one_account_that_have_not_ended(app: App) -> None:
    ada, bob = await inhabit(app, "ada", "bob")
    families = [
        SessionFamily.start(FamilyId(UUID(int=number)), owner, at=EPOCH, device="d", address="a")
        for number, owner in enumerate((ada, ada, bob, ada), start=1)
    ]
    families[0].end(at=EPOCH)
    async with app.work() as work:
        for one in families:
            await work.families.add(one)
        await work.commit()
    async with app.work() as work:
        assert await work.families.of(ada) == [families[1], families[3]]


async def test_sessions_are_listed_in_pages(app: App) -> None:
    actor = await join(app, "ada")
    for number in range(4):
        app.clock.advance(timedelta(seconds=1))
        await app.use(LogIn)(login="ada", password=PASSWORD, client=Client("curl/8", f"192.0.2.{number}"))
    seen, after = list[str](), None
    while True:
        page = await app.use(ListSessions)(actor=actor, family_id=FamilyId(uuid4()), after=after, limit=2)
        seen += [one.address for one in page.items]
        if (after := page.next) is None:
            break
    assert seen == ["192.0.2.3", "192.0.2.2", "192.0.2.1", "192.0.2.0", "192.0.2.1"]


async def alive(app: App, session: Session) -> bool:
    claims = app.use(Tokens).read_access(session.access_token, at=app.clock.now())
    return await app.use(IdentityReader).actor(claims, now=app.clock.now()) is not None


async def test_of_fifty_parallel_refreshes_one_member_lives(app: App) -> None:
    await join(app, "ada")
    session = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    refresh = app.use(RefreshSession)
    outcomes = await asyncio.gather(*(refresh(refresh_token=session.refresh_token) for _ in range(50)))
    assert len({one.refresh_token for one in outcomes}) == 1
    assert outcomes[0].refresh_token != session.refresh_token
    app.clock.advance(timedelta(seconds=11))
    with pytest.raises(Unauthenticated):
        await refresh(refresh_token=session.refresh_token)
    assert not await alive(app, outcomes[0])


async def test_of_ten_who_reset_at_once_one_does(app: App) -> None:
    await join(app, "ada")
    session = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    await app.use(ForgetPassword)(email="ada@example.org")
    await app.settle()
    token, reset = token_in(app.outbox.sent[-1]), app.use(ResetPassword)
    asked = (reset(token=token, password=f"horse battery {one}") for one in range(10))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [one.code for one in outcomes if isinstance(one, Gone)] == ["token_spent"] * 9
    assert not await alive(app, session)


async def test_no_session_with_the_old_password_outlives_its_change(app: App) -> None:
    actor = await join(app, "ada")
    here = await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    family_id = app.use(Tokens).read_refresh(here.refresh_token)[0]
    log_in, change = app.use(LogIn), app.use(ChangePassword)
    racers = [log_in(login="ada", password=PASSWORD, client=CLIENT) for _ in range(8)]
    changing = change(actor=actor, family_id=family_id, current_password=PASSWORD, new_password=NEW)
    outcomes = await asyncio.gather(*racers[:4], changing, *racers[4:], return_exceptions=True)
    assert outcomes[4] is None
    sessions = [one for one in outcomes if isinstance(one, Session)]
    assert [await alive(app, one) for one in sessions] == [False] * len(sessions)
    assert await alive(app, here)


async def test_both_addresses_may_agree_at_the_same_time(app: App) -> None:
    actor = await join(app, "ada")
    await app.use(RequestEmailChange)(actor=actor, email="ada@new.example", password=PASSWORD)
    await app.settle()
    tokens, confirm = [token_in(one) for one in app.outbox.sent[-2:]], app.use(ConfirmEmailChange)
    outcomes = await asyncio.gather(*(confirm(token=one) for one in tokens))
    assert sorted(outcomes) == [False, True]
    await app.use(LogIn)(login="ada@new.example", password=PASSWORD, client=CLIENT)
