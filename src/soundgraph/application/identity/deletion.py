"""Deleting one's account, and coming back while that can be undone. The privacy module purges what is left."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from soundgraph.application.identity.credentials import Captcha, Passwords
from soundgraph.application.identity.ports import IdentityWork
from soundgraph.application.identity.sessions import Client, Session, Sessions, end_sessions, let_in
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import Conflict, NotFound, Unauthenticated
from soundgraph.domain.identity import Account, normalise_email
from soundgraph.domain.ids import AccountId, FamilyId
from soundgraph.domain.privacy import Deletion, refuse_old_session
from soundgraph.domain.visibility import AccountStanding, Actor


class Deletions(ABC):
    """Accounts that were deleted, and the reports on those that were purged."""

    @abstractmethod
    async def get(self, account_id: AccountId) -> Deletion | None: ...

    @abstractmethod
    async def put(self, deletion: Deletion) -> None:
        """Insert, or replace the one of the same account."""

    @abstractmethod
    async def remove(self, account_id: AccountId) -> None:
        """Forget one that was undone."""


class DeletionWork(IdentityWork, Protocol):
    """The unit of work of deleting accounts."""

    @property
    def deletions(self) -> Deletions: ...


class DeleteAccount:
    """Delete one's account: hidden at once, purged in thirty days. Its owner, who gives the password again.

    A change of address that waits is off, and a link to another password that was asked for before is void.
    Who has none must have signed in within ten minutes: `family_id` is the session that asks. Raises
    Unauthenticated(invalid_credentials), Forbidden(recent_sign_in_required).
    """

    def __init__(self, work: Callable[[], DeletionWork], passwords: Passwords, clock: Clock) -> None:
        self._work, self._passwords, self._clock = work, passwords, clock

    async def __call__(self, *, actor: Actor, password: str | None, family_id: FamilyId) -> None:
        async with self._work() as work:
            account = await work.accounts.get(actor.id)
            family = await work.families.get(family_id)
        if account is None or family is None:
            raise NotFound
        now = self._clock.now()
        if account.password_hash is None:
            refuse_old_session(family.created_at, at=now)
        elif not await self._passwords.verify(account.password_hash, password or ""):
            raise Unauthenticated("invalid_credentials", "The password is wrong.")
        deletion, deleted = Deletion.request(actor.id, at=now)
        async with self._work() as work:
            # The change before the account, which is how whoever confirms one locks them.
            await work.email_changes.cancel(actor.id)
            fresh = await work.accounts.get(actor.id)
            if fresh is None or fresh.standing is not AccountStanding.ACTIVE:
                return
            fresh.standing = AccountStanding.DELETED
            await work.accounts.save(fresh)
            await work.password_resets.remove_of(actor.id)
            await end_sessions(work, actor.id, at=now)
            await work.deletions.put(deletion)
            work.record(deleted)
            await work.commit()


class RestoreAccount:
    """Undo a deletion and log in. Whoever knows its login and password, within thirty days.

    Raises Unauthenticated(invalid_credentials), Conflict(not_deleted), Gone(account_purged),
    Forbidden(account_suspended); Invalid(captcha_required | captcha_failed) before anything; LimitReached(busy) when
    too many wait.
    """

    def __init__(
        self, work: Callable[[], DeletionWork], passwords: Passwords, captcha: Captcha, sessions: Sessions
    ) -> None:
        self._work, self._passwords, self._captcha, self._sessions = work, passwords, captcha, sessions

    async def __call__(self, *, login: str, password: str, client: Client, captcha_token: str | None = None) -> Session:
        await self._captcha.check(captcha_token, client.address)
        async with self._passwords.turn():
            return await self._come_back(normalise_email(login), password, client)

    async def _come_back(self, login: str, password: str, client: Client) -> Session:
        async with self._work() as work:
            known = await work.accounts.by_login(login)
        right = await self._passwords.verify(known.password_hash if known else None, password)
        if known is None or not right:
            raise Unauthenticated("invalid_credentials", "Login or password is wrong.")
        async with self._work() as work:
            account = await work.accounts.get(known.id)
            if account is None or account.password_hash != known.password_hash:
                raise Unauthenticated("invalid_credentials", "Login or password is wrong.")
            if not await restore(work, account):
                raise Conflict("not_deleted", "This account is not deleted. Log in instead.")
            family, session = self._sessions.start(account, client)
            await let_in(work, family, client)
            await work.commit()
        return session


async def restore(work: DeletionWork, account: Account) -> bool:
    """Undo the deletion of an account that is loaded. False if it is not deleted. Raises Gone(account_purged)."""
    if account.standing is not AccountStanding.DELETED:
        return False
    deletion = await work.deletions.get(account.id)
    if deletion is not None:
        deletion.require_undoable()
        await work.deletions.remove(account.id)
    account.standing = AccountStanding.ACTIVE
    await work.accounts.save(account)
    return True
