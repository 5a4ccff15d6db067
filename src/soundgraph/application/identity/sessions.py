"""Logging in and out, and staying logged in."""

from collections.abc import Callable
from dataclasses import dataclass

from soundgraph.application.identity.ports import AccessClaims, IdentityWork, Passwords, Tokens
from soundgraph.application.ports import Clock, Debt, Ids
from soundgraph.domain.errors import Forbidden, Unauthenticated
from soundgraph.domain.identity import (
    ACCESS_LIFETIME,
    Account,
    Refresh,
    Registration,
    RegistrationRequested,
    SessionFamily,
    normalise_email,
)
from soundgraph.domain.ids import AccountId, FamilyId
from soundgraph.domain.visibility import AccountStanding


@dataclass(frozen=True, slots=True)
class Client:
    """Where a login comes from, as the device list shows it."""

    device: str = ""
    address: str = ""


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
        """A new family and its first pair. Raises Forbidden(account_suspended)."""
        if account.standing is not AccountStanding.ACTIVE:
            raise Forbidden("account_suspended", "This account is suspended.")
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


class LogIn:
    """Exchange an address or handle and a password for a session. Anyone.

    Raises Unauthenticated(invalid_credentials), the same and as slowly for an unknown login, a wrong password and an
    address that is not verified yet (which is mailed again); Forbidden(account_suspended) after a right password.
    """

    def __init__(
        self, work: Callable[[], IdentityWork], passwords: Passwords, tokens: Tokens, ids: Ids, clock: Clock
    ) -> None:
        self._work, self._passwords, self._clock = work, passwords, clock
        self._sessions = Sessions(tokens, ids, clock)

    async def __call__(self, *, login: str, password: str, client: Client) -> Session:
        login = normalise_email(login)
        async with self._work() as work:
            account = await work.accounts.by_login(login)
            waiting = None if account else await work.registrations.by_login(login)
        known = account or waiting
        right = await self._passwords.verify(known.password_hash if known else None, password)
        if waiting is not None and right:
            await self._mail_again(waiting)
        if account is None or not right:
            raise Unauthenticated("invalid_credentials", "Login or password is wrong.")
        await self._strengthen(account, password)
        async with self._work() as work:
            family, session = self._sessions.start(account, client)
            await work.families.add(family)
            await work.commit()
        return session

    async def _mail_again(self, registration: Registration) -> None:
        async with self._work() as work:
            work.record(RegistrationRequested(registration_id=registration.id))
            await work.commit()

    async def _strengthen(self, account: Account, password: str) -> None:
        if account.password_hash is None or not self._passwords.outdated(account.password_hash):
            return
        stronger = await self._passwords.hash(password)
        async with self._work() as work:
            fresh = await work.accounts.get(account.id)
            if fresh is not None and fresh.password_hash == account.password_hash:
                fresh.rehash(stronger)
                await work.accounts.save(fresh)
                await work.commit()


class RefreshSession:
    """Exchange a refresh token for a new pair. Whoever holds it. A spent token ends the whole family.

    Raises Unauthenticated(bad_token | session_ended | token_reused).
    """

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, ids: Ids, clock: Clock) -> None:
        self._work, self._tokens, self._clock = work, tokens, clock
        self._sessions = Sessions(tokens, ids, clock)

    async def __call__(self, *, refresh_token: str) -> Session:
        family_id, generation = self._tokens.read_refresh(refresh_token)
        async with self._work() as work:
            family = await work.families.get(family_id)
            if family is None:
                raise Unauthenticated("session_ended", "This session is over. Log in again.")
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


class ExpireIdentities:
    """Chore: drop registrations that were never verified and sessions that can no longer be refreshed."""

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            await work.registrations.expire(now=self._clock.now())
            await work.families.expire(now=self._clock.now())
            await work.commit()
