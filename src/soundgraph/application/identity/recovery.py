"""Ways back in, and ways to move: passwords forgotten and changed, addresses changed."""

from collections.abc import Callable
from dataclasses import dataclass

from soundgraph.application.identity.credentials import CommonPasswords, Passwords, Tokens, digest, guessed_first
from soundgraph.application.identity.federation import FederationWork
from soundgraph.application.identity.ports import IdentityWork
from soundgraph.application.identity.sessions import end_sessions
from soundgraph.application.ports import Clock, Ids
from soundgraph.domain.errors import Conflict, Gone, Unauthenticated
from soundgraph.domain.identity import (
    Account,
    EmailChange,
    PasswordReset,
    email_errors,
    normalise_email,
    password_errors,
    require_valid,
)
from soundgraph.domain.ids import AccountId, EmailChangeId, FamilyId, ResetId
from soundgraph.domain.visibility import AccountStanding, Actor

RESET, OLD_ADDRESS, NEW_ADDRESS = "reset", "old-address", "new-address"


class ForgetPassword:
    """Ask for a link to choose another password. Anyone; nothing tells whether the address is known."""

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, ids: Ids, clock: Clock) -> None:
        self._work, self._tokens, self._ids, self._clock = work, tokens, ids, clock

    async def __call__(self, *, email: str) -> None:
        reset_id, email = ResetId(self._ids.new()), normalise_email(email)
        token = self._tokens.mailed(RESET, reset_id)
        async with self._work() as work:
            found = await work.accounts.by_login(email)
            # A handle is no address, though both are logins.
            account_id = found.id if found and found.email == email else None
            reset, requested = PasswordReset.request(
                reset_id, account_id, token_digest=digest(token), at=self._clock.now()
            )
            await work.password_resets.add(reset)
            work.record(requested)
            await work.commit()


@dataclass(frozen=True, slots=True)
class Recovered:
    """The account whose owner has just shown that its mail reaches them, and both its logins."""

    account_id: AccountId
    email: str
    handle: str


class ResetPassword:
    """Choose another password. Whoever holds the token from the mail, once.

    The account may have been in other hands. So every session ends, a change of address that waits is off, and so is
    every provider that vouched for another address than the one this token was sent to. A deleted account stays
    deleted; until it is purged it can be restored with the new password.
    Raises Invalid for a password that will not do, Gone(token_spent | token_expired).
    """

    def __init__(
        self, work: Callable[[], FederationWork], passwords: Passwords, common: CommonPasswords, clock: Clock
    ) -> None:
        self._work, self._passwords, self._common, self._clock = work, passwords, common, clock

    async def __call__(self, *, token: str, password: str) -> Recovered:
        _require_rare(self._common, password)
        now, hashed = self._clock.now(), await self._passwords.hash(password)
        async with self._work() as work:
            await work.serialise(f"reset:{digest(token).hex()}")
            reset = await work.password_resets.by_token(digest(token))
            if reset is not None and reset.account_id is not None:
                # The change before the account, which is how whoever confirms one locks them.
                await work.email_changes.cancel(reset.account_id)
            account = await work.accounts.get(reset.account_id) if reset and reset.account_id else None
            if reset is None or account is None or await _being_purged(work, account):
                raise Gone("token_spent", "This link was used already, or never existed.")
            reset.use(at=now)
            _require_rare(self._common, password, account.email, account.handle)
            changed = account.change_password(hashed, unlinked=await self._unlink(work, account))
            await work.accounts.save(account)
            await work.password_resets.remove_of(account.id)
            await end_sessions(work, account.id, at=now)
            work.record(changed)
            await work.commit()
        return Recovered(account.id, account.email, account.handle)

    async def _unlink(self, work: FederationWork, account: Account) -> tuple[str, ...]:
        others = [one for one in await work.external_identities.of(account.id) if one.email != account.email]
        for one in others:
            await work.external_identities.remove(account.id, one.provider)
        return tuple(one.provider for one in others)


class ChangePassword:
    """Choose another password, which ends every other session and a change of address that waits. Its owner, with the
    present one.

    Raises Unauthenticated(invalid_credentials), Invalid for a password that will not do.
    """

    def __init__(
        self, work: Callable[[], IdentityWork], passwords: Passwords, common: CommonPasswords, clock: Clock
    ) -> None:
        self._work, self._passwords, self._common, self._clock = work, passwords, common, clock

    async def __call__(self, *, actor: Actor, family_id: FamilyId, current_password: str, new_password: str) -> None:
        _require_rare(self._common, new_password, field="new_password")
        before = await proven(self._work, self._passwords, actor, current_password)
        _require_rare(self._common, new_password, before.email, before.handle, field="new_password")
        now, hashed = self._clock.now(), await self._passwords.hash(new_password)
        async with self._work() as work:
            await work.email_changes.cancel(actor.id)
            account = await work.accounts.get(actor.id)
            if account is None or account.password_hash != before.password_hash:
                raise _not_yours()
            changed = account.change_password(hashed)
            await work.accounts.save(account)
            await work.password_resets.remove_of(account.id)
            await end_sessions(work, account.id, at=now, but=family_id)
            work.record(changed)
            await work.commit()


class RequestEmailChange:
    """Ask for another address, which both have to agree to. Its owner, with the password.

    Nothing tells whether the new address is known. Raises Unauthenticated(invalid_credentials), Invalid.
    """

    def __init__(
        self, work: Callable[[], IdentityWork], passwords: Passwords, tokens: Tokens, ids: Ids, clock: Clock
    ) -> None:
        self._work, self._passwords, self._tokens, self._ids, self._clock = work, passwords, tokens, ids, clock

    async def __call__(self, *, actor: Actor, email: str, password: str) -> None:
        email = normalise_email(email)
        require_valid(email_errors(email))
        account = await proven(self._work, self._passwords, actor, password)
        change_id = EmailChangeId(self._ids.new())
        digests = [digest(self._tokens.mailed(purpose, change_id)) for purpose in (OLD_ADDRESS, NEW_ADDRESS)]
        change, requested = EmailChange.request(
            change_id, account, email, digests=(digests[0], digests[1]), at=self._clock.now()
        )
        async with self._work() as work:
            await work.email_changes.put(change)
            # Whoever changes the password calls off what was asked for with the old one, this too.
            fresh = await work.accounts.get(account.id)
            if fresh is None or fresh.password_hash != account.password_hash:
                raise _not_yours()
            work.record(requested)
            await work.commit()


class ConfirmEmailChange:
    """Agree to a change of address, for one of the two. Whoever holds the token from either mail.

    Returns whether the address has changed now, since both have agreed. Raises Gone(token_spent | token_expired).
    """

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, token: str) -> bool:
        async with self._work() as work:
            change = await work.email_changes.by_token(digest(token))
            account = await work.accounts.get(change.account_id) if change else None
            if change is None or account is None or account.standing is AccountStanding.DELETED:
                raise Gone("token_spent", "This link was used already, or never existed.")
            change.confirm(digest(token), at=self._clock.now())
            changed = change.settle(account)
            await work.email_changes.put(change)
            if changed is not None:
                try:
                    await work.accounts.save(account)
                except Conflict as conflict:
                    raise Gone("token_spent", "Another account has this address by now.") from conflict
                await work.password_resets.remove_of(account.id)
                work.record(changed)
            await work.commit()
        return changed is not None


async def proven(work: Callable[[], IdentityWork], passwords: Passwords, actor: Actor, password: str) -> Account:
    """The actor's account, if this is its password. Raises Unauthenticated(invalid_credentials)."""
    async with work() as reading:
        account = await reading.accounts.get(actor.id)
    if account is None or not await passwords.verify(account.password_hash, password):
        raise _not_yours()
    return account


def _require_rare(common: CommonPasswords, password: str, *names: str, field: str = "password") -> None:
    require_valid(password_errors(password, common=guessed_first(common, password, *names), field=field))


async def _being_purged(work: FederationWork, account: Account) -> bool:
    deletion = await work.deletions.get(account.id)
    return deletion is not None and deletion.started_at is not None


def _not_yours() -> Unauthenticated:
    return Unauthenticated("invalid_credentials", "This is not your password.")
