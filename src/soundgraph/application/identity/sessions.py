"""Logging in and out, and staying logged in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec import structs

from soundgraph.application.identity.credentials import AccessClaims, Captcha, Passwords, Tokens
from soundgraph.application.identity.ports import IdentityReader, IdentityWork
from soundgraph.application.ports import Clock, Debt, Ids
from soundgraph.application.views import Page, Position, SessionView
from soundgraph.domain.errors import Forbidden, NotFound, Unauthenticated
from soundgraph.domain.identity import (
    ACCESS_LIFETIME,
    Account,
    NewDeviceSeen,
    Refresh,
    Registration,
    RegistrationRequested,
    SessionFamily,
    device_name,
    normalise_email,
)
from soundgraph.domain.ids import AccountId, FamilyId
from soundgraph.domain.visibility import AccountStanding, Actor


@dataclass(frozen=True, slots=True)
class Client:
    """Where a login comes from, as the device list shows it.

    `logged_in_as` is whose account this device has logged in to before, as far as it can prove that.
    """

    device: str = ""
    address: str = ""
    logged_in_as: AccountId | None = None


UNKNOWN_CLIENT = Client()


@dataclass(frozen=True, slots=True)
class Session:
    """A live pair of tokens."""

    account_id: AccountId
    access_token: str
    refresh_token: str
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())


class Sessions:
    """Opens session families for the use cases below."""

    def __init__(self, tokens: Tokens, ids: Ids, clock: Clock) -> None:
        self._tokens, self._ids, self._clock = tokens, ids, clock

    def start(self, account: Account, client: Client) -> tuple[SessionFamily, Session]:
        """A new family and its first pair. Raises Forbidden(account_suspended | account_deleted)."""
        refuse_suspended(account.standing)
        family = SessionFamily.start(
            FamilyId(self._ids.new()),
            account.id,
            at=self._clock.now(),
            device=client.device,
            address=client.address,
        )
        return family, self.pair(family)

    def pair(self, family: SessionFamily) -> Session:
        """The pair of the family's live generation."""
        claims = AccessClaims(family.account_id, family.id)
        return Session(
            account_id=family.account_id,
            access_token=self._tokens.access(claims, at=self._clock.now()),
            refresh_token=self._tokens.refresh(family.id, family.generation),
        )


def refuse_suspended(standing: AccountStanding | None) -> None:
    """Raise Forbidden(account_suspended | account_deleted) unless an account takes part."""
    if standing is AccountStanding.DELETED:
        raise Forbidden("account_deleted", "This account is being deleted. It can be restored.")
    if standing is not AccountStanding.ACTIVE:
        raise Forbidden("account_suspended", "This account is suspended.")


class LogIn:
    """Exchange an address or handle and a password for a session. Anyone.

    Raises Unauthenticated(invalid_credentials), the same and as slowly for an unknown login, a wrong password and an
    address that is not verified yet (which is mailed again); Forbidden(account_suspended) after a right password;
    Invalid(captcha_required | captcha_failed) before anything; LimitReached(busy) when too many wait.
    """

    def __init__(
        self, work: Callable[[], IdentityWork], passwords: Passwords, captcha: Captcha, sessions: Sessions
    ) -> None:
        self._work, self._passwords, self._captcha, self._sessions = work, passwords, captcha, sessions

    async def __call__(self, *, login: str, password: str, client: Client, captcha_token: str | None = None) -> Session:
        await self._captcha.check(captcha_token, client.address)
        async with self._passwords.turn():
            return await self._let_in(normalise_email(login), password, client)

    async def _let_in(self, login: str, password: str, client: Client) -> Session:
        for _ in range(2):
            account = await self._proven(login, password)
            session = await self._enter(account, await self._strengthened(account, password), client)
            if session is not None:
                return session
        raise _wrong_credentials()

    async def _proven(self, login: str, password: str) -> Account:
        async with self._work() as work:
            account = await work.accounts.by_login(login)
            # Asked for either way: the time it takes must not tell which of them there is.
            waiting = await work.registrations.by_login(login)
        known = account or waiting
        right = await self._passwords.verify(known.password_hash if known else None, password)
        if account is None and waiting is not None and right:
            await self._mail_again(waiting)
        if account is None or not right:
            raise _wrong_credentials()
        return account

    async def _enter(self, account: Account, stronger: str | None, client: Client) -> Session | None:
        """None if the password was changed while it was checked: whoever changes one ends every session, and none must
        begin with the old one meanwhile. It may also be the same one, made stronger by another login.
        """
        async with self._work() as work:
            fresh = await work.accounts.get(account.id)
            if fresh is None or fresh.password_hash != account.password_hash:
                return None
            family, session = self._sessions.start(fresh, client)
            if stronger is not None:
                fresh.rehash(stronger)
                await work.accounts.save(fresh)
            await let_in(work, family, client)
            await work.commit()
        return session

    async def _mail_again(self, registration: Registration) -> None:
        async with self._work() as work:
            work.record(RegistrationRequested(registration_id=registration.id))
            await work.commit()

    async def _strengthened(self, account: Account, password: str) -> str | None:
        if account.password_hash is None or not self._passwords.outdated(account.password_hash):
            return None
        return await self._passwords.hash(password)


async def let_in(work: IdentityWork, family: SessionFamily, client: Client) -> None:
    """Keep a new family, in an open unit of work, and have its owner told of a device that the account did not know."""
    if client.logged_in_as != family.account_id and not await _seen(work, family):
        work.record(NewDeviceSeen(account_id=family.account_id, family_id=family.id))
    await work.families.add(family)


async def _seen(work: IdentityWork, family: SessionFamily) -> bool:
    """Whether the account is logged in elsewhere from the same kind of device at the same address."""
    others = await work.families.of(family.account_id)
    # By what a device is called: the same browser sends another User-Agent after every update.
    seen = {(device_name(one.device), one.address) for one in others}
    return (device_name(family.device), family.address) in seen


def _wrong_credentials() -> Unauthenticated:
    return Unauthenticated("invalid_credentials", "Login or password is wrong.")


class RefreshSession:
    """Exchange a refresh token for a new pair. Whoever holds it. A spent token ends the whole family.

    Raises Unauthenticated(bad_token | session_ended | token_reused), Forbidden(account_suspended).
    """

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, sessions: Sessions, clock: Clock) -> None:
        self._work, self._tokens, self._sessions, self._clock = work, tokens, sessions, clock

    async def __call__(self, *, refresh_token: str) -> Session:
        family_id, generation = self._tokens.read_refresh(refresh_token)
        async with self._work() as work:
            family = await work.families.get(family_id)
            if family is None:
                raise Unauthenticated("session_ended", "This session is over. Log in again.")
            refuse_suspended(await work.accounts.standing(family.account_id))
            outcome = family.present(generation, at=self._clock.now())
            if outcome is not Refresh.REPEATED:
                await work.families.save(family)
            await work.commit()
        if outcome is Refresh.REUSED:
            raise Unauthenticated("token_reused", "This token was used before, so its session has been ended.")
        return self._sessions.pair(family)


class LogOut:
    """End the session that a refresh or access token belongs to. Whoever holds one. Twice is once."""

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, family_id: FamilyId) -> None:
        async with self._work() as work:
            family = await work.families.get(family_id)
            if family is None:
                return
            family.end(at=self._clock.now())
            await work.families.save(family)
            await work.commit()


class ListSessions:
    """One's own sessions, newest first. Whoever is logged in; `family_id` is the session that asks."""

    def __init__(self, reader: IdentityReader, clock: Clock) -> None:
        self._reader, self._clock = reader, clock

    async def __call__(
        self, *, actor: Actor, family_id: FamilyId, after: Position | None, limit: int
    ) -> Page[SessionView]:
        page = await self._reader.sessions(actor, now=self._clock.now(), after=after, limit=limit)
        return Page([structs.replace(one, current=one.id == family_id) for one in page.items], page.next)


class EndSession:
    """End one of one's own sessions, wherever it is. Its owner. Twice is once. Raises NotFound."""

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, actor: Actor, family_id: FamilyId) -> None:
        async with self._work() as work:
            family = await work.families.get(family_id)
            if family is None or family.account_id != actor.id:
                raise NotFound
            family.end(at=self._clock.now())
            await work.families.save(family)
            await work.commit()


class EndAllSessions:
    """End every session of one's own, the one that asks among them. Whoever is logged in."""

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, actor: Actor) -> None:
        async with self._work() as work:
            await end_sessions(work, actor.id, at=self._clock.now())
            await work.commit()


async def end_sessions(work: IdentityWork, account_id: AccountId, *, at: datetime, but: FamilyId | None = None) -> None:
    """End every session of an account but one, in an open unit of work."""
    for family in await work.families.of(account_id):
        if family.id != but:
            family.end(at=at)
            await work.families.save(family)


class ExpireIdentities:
    """Chore: drop registrations and links that were never used, and sessions that can no longer be refreshed."""

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            now = self._clock.now()
            await work.registrations.expire(now=now)
            await work.families.expire(now=now)
            await work.password_resets.expire(now=now)
            await work.email_changes.expire(now=now)
            await work.commit()
