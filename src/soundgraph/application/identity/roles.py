"""Who may do what to others' things, and who takes part at all. Everything here is audited."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from soundgraph.application.identity.credentials import CommonPasswords, Passwords, guessed_first
from soundgraph.application.identity.deletion import DeletionWork
from soundgraph.application.identity.ports import IdentityWork
from soundgraph.application.ports import Clock, Ids
from soundgraph.domain.audit import AuditEntry
from soundgraph.domain.errors import Conflict, Forbidden, Gone, NotFound
from soundgraph.domain.identity import (
    Account,
    AccountCreated,
    normalise_email,
    registration_errors,
    require_valid,
)
from soundgraph.domain.ids import AccountId, AuditId
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import AccountStanding, Actor, Role


class Audited:
    """Makes audit entries for the use cases below."""

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids, self._clock = ids, clock

    def entry(self, actor: Actor, action: str, subject_id: UUID, detail: Mapping[str, str] | None = None) -> AuditEntry:
        """What `actor` does now."""
        return AuditEntry(
            id=AuditId(self._ids.new()),
            at=self._clock.now(),
            actor_id=actor.id,
            action=action,
            subject_id=subject_id,
            detail=detail or {},
        )


class CreateAdmin:
    """Make the first admin's account, with an address that needs no verifying. The operator, once.

    Raises Conflict(admin_exists | email_taken | handle_taken), Invalid naming every broken rule.
    """

    def __init__(
        self,
        work: Callable[[], IdentityWork],
        passwords: Passwords,
        common: CommonPasswords,
        audited: Audited,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._work, self._passwords, self._common = work, passwords, common
        self._audited, self._ids, self._clock = audited, ids, clock

    async def __call__(self, *, actor: Actor, email: str, handle: str, password: str) -> AccountId:
        email, handle = normalise_email(email), handle.strip().lower()
        common = guessed_first(self._common, password, email, handle)
        require_valid(registration_errors(email, handle, password, handle, common=common))
        account = Account(
            id=AccountId(self._ids.new()),
            email=email,
            handle=handle,
            password_hash=await self._passwords.hash(password),
            created_at=self._clock.now(),
            role=Role.ADMIN,
        )
        async with self._work() as work:
            await work.serialise("first admin")
            if await work.accounts.any_admin():
                raise Conflict("admin_exists", "There is an admin already, who gives roles to others.")
            await work.accounts.add(account)
            await work.profiles.add(Profile(id=account.id, handle=handle, display_name=handle))
            await work.audit.add(self._audited.entry(actor, "admin_created", account.id))
            work.record(AccountCreated(account_id=account.id))
            await work.commit()
        return account.id


class ChangeRole:
    """Make someone a member, moderator or admin. An admin, for anyone but themself; the same role again is no change.

    Raises NotFound, Forbidden(admins_only | own_role).
    """

    def __init__(self, work: Callable[[], IdentityWork], audited: Audited) -> None:
        self._work, self._audited = work, audited

    async def __call__(self, *, actor: Actor, account_id: AccountId, role: Role) -> None:
        _refuse_others(actor)
        async with self._work() as work:
            account = await work.accounts.get(account_id)
            if account is None:
                raise NotFound
            before = account.role
            changed = account.take_role(role, by=actor)
            if changed is not None:
                await work.accounts.save(account)
                detail = {"from": before.value, "to": role.value}
                await work.audit.add(self._audited.entry(actor, "role_changed", account.id, detail))
                work.record(changed)
            await work.commit()


class ChangeStanding:
    """Suspend an account or let it take part again. An admin. What stands so already is no change.

    Raises NotFound, Forbidden(admins_only), Gone(account_deleted).
    """

    def __init__(self, work: Callable[[], DeletionWork], audited: Audited) -> None:
        self._work, self._audited = work, audited

    async def __call__(self, *, actor: Actor, account_id: AccountId, standing: AccountStanding) -> None:
        _refuse_others(actor)
        async with self._work() as work:
            account = await work.accounts.get(account_id)
            if account is None:
                raise NotFound
            if await work.deletions.get(account_id) is not None:
                # However it stands: it will be purged, unless its owner restores it.
                raise Gone("account_deleted", "This account is deleted.")
            changed = account.stand(standing, by=actor)
            if changed is not None:
                await work.accounts.save(account)
                action = "suspended" if standing is AccountStanding.SUSPENDED else "unsuspended"
                await work.audit.add(self._audited.entry(actor, action, account.id))
                work.record(changed)
            await work.commit()


class FindAccount:
    """The id of the account with a handle or address. An admin. Raises NotFound, Forbidden(admins_only)."""

    def __init__(self, work: Callable[[], IdentityWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, login: str) -> AccountId:
        _refuse_others(actor)
        async with self._work() as work:
            account = await work.accounts.by_login(normalise_email(login))
        if account is None:
            raise NotFound("not_found", f"There is no account {login}.")
        return account.id


class ReadAudit:
    """What was done to someone or something, newest first. An admin. Raises Forbidden(admins_only)."""

    def __init__(self, work: Callable[[], IdentityWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, subject_id: UUID, limit: int) -> Sequence[AuditEntry]:
        _refuse_others(actor)
        async with self._work() as work:
            return await work.audit.about(subject_id, limit=limit)


def _refuse_others(actor: Actor) -> None:
    if actor.role is not Role.ADMIN:
        raise Forbidden("admins_only", "Only an admin may do this.")
