"""The first admin, roles, suspensions, and what is kept of them."""

import pytest
from tests.builders import CLIENT, PASSWORD, join, promote

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.application.identity import (
    ChangeRole,
    ChangeStanding,
    CreateAdmin,
    FindAccount,
    IdentityReader,
    LogIn,
    ReadAudit,
)
from soundgraph.domain.audit import OPERATOR
from soundgraph.domain.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from soundgraph.domain.ids import AccountId
from soundgraph.domain.visibility import AccountStanding, Actor, Role


@pytest.fixture
def app() -> World:
    return memory_app()


async def role_of(app: World, actor: Actor) -> str:
    view = await app.use(IdentityReader).me(actor)
    assert view is not None
    return view.role


async def audited(app: World, subject: Actor) -> list[tuple[str, AccountId, dict[str, str]]]:
    entries = await app.use(ReadAudit)(actor=OPERATOR, subject_id=subject.id, limit=10)
    return [(one.action, one.actor_id, dict(one.detail)) for one in entries]


async def test_the_first_admin_is_made_once(app: World) -> None:
    create = app.use(CreateAdmin)
    with pytest.raises(Invalid):
        await create(actor=OPERATOR, email="root@example.org", handle="chief", password="password123")
    account_id = await create(actor=OPERATOR, email="root@example.org", handle="chief", password=PASSWORD)
    with pytest.raises(Conflict) as refusal:
        await create(actor=OPERATOR, email="eve@example.org", handle="eve", password=PASSWORD)
    assert refusal.value.code == "admin_exists"
    session = await app.use(LogIn)(login="chief", password=PASSWORD, client=CLIENT)
    assert session.account_id == account_id
    assert await role_of(app, Actor(account_id)) == "admin"
    assert await audited(app, Actor(account_id)) == [("admin_created", OPERATOR.id, {})]


async def test_an_admin_gives_roles_and_it_is_kept(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    ada = await promote(app, ada, Role.ADMIN)
    change = app.use(ChangeRole)
    await change(actor=ada, account_id=bob.id, role=Role.MODERATOR)
    await change(actor=ada, account_id=bob.id, role=Role.MODERATOR)
    assert await role_of(app, bob) == "moderator"
    assert await audited(app, bob) == [("role_changed", ada.id, {"from": "member", "to": "moderator"})]
    with pytest.raises(NotFound):
        await change(actor=ada, account_id=AccountId(OPERATOR.id), role=Role.ADMIN)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MODERATOR])
async def test_nobody_else_gives_roles_suspends_or_reads_what_is_kept(app: World, role: Role) -> None:
    ada, bob = await promote(app, await join(app, "ada"), role), await join(app, "bob")
    for attempt in (
        app.use(ChangeRole)(actor=ada, account_id=bob.id, role=Role.ADMIN),
        app.use(ChangeRole)(actor=ada, account_id=ada.id, role=Role.ADMIN),
        app.use(ChangeStanding)(actor=ada, account_id=bob.id, standing=AccountStanding.SUSPENDED),
        app.use(ReadAudit)(actor=ada, subject_id=bob.id, limit=1),
        app.use(FindAccount)(actor=ada, login="bob"),
    ):
        with pytest.raises(Forbidden) as refusal:
            await attempt
        assert refusal.value.code == "admins_only"


@pytest.mark.parametrize("role", list(Role))
async def test_nobody_changes_their_own_role(app: World, role: Role) -> None:
    ada = await promote(app, await join(app, "ada"), Role.ADMIN)
    with pytest.raises(Forbidden) as refusal:
        await app.use(ChangeRole)(actor=ada, account_id=ada.id, role=role)
    assert refusal.value.code == "own_role"


async def test_suspending_and_letting_back(app: World) -> None:
    ada = await join(app, "ada")
    assert await app.use(FindAccount)(actor=OPERATOR, login=" ADA@example.org") == ada.id
    change = app.use(ChangeStanding)
    for _ in range(2):
        await change(actor=OPERATOR, account_id=ada.id, standing=AccountStanding.SUSPENDED)
    with pytest.raises(Forbidden):
        await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    await change(actor=OPERATOR, account_id=ada.id, standing=AccountStanding.ACTIVE)
    await app.use(LogIn)(login="ada", password=PASSWORD, client=CLIENT)
    assert [action for action, _, _ in await audited(app, ada)] == ["unsuspended", "suspended"]


async def test_a_deleted_account_does_not_come_back_this_way(app: World) -> None:
    ada = await join(app, "ada")
    async with app.work() as work:
        account = await work.accounts.get(ada.id)
        assert account
        account.standing = AccountStanding.DELETED
        await work.accounts.save(account)
        await work.commit()
    with pytest.raises(Gone):
        await app.use(ChangeStanding)(actor=OPERATOR, account_id=ada.id, standing=AccountStanding.ACTIVE)
    with pytest.raises(NotFound):
        await app.use(FindAccount)(actor=OPERATOR, login="nobody")
