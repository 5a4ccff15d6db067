"""Signing in through a provider, and linking an account with one."""

from collections.abc import Callable
from dataclasses import dataclass

from soundgraph.application.identity.credentials import digest
from soundgraph.application.identity.deletion import restore
from soundgraph.application.identity.federation import FederationWork, Providers, Randomness, Trip
from soundgraph.application.identity.sessions import Client, Session, Sessions, let_in
from soundgraph.application.ports import Clock, Debt, Ids
from soundgraph.application.views import Links
from soundgraph.domain.errors import Conflict, Forbidden, Gone, NotFound, Unauthenticated
from soundgraph.domain.federation import (
    ARRIVAL_LIFETIME,
    SIGN_IN_LIFETIME,
    Arrival,
    ExternalIdentity,
    Intent,
    Person,
    SignIn,
    checked_path,
    vouched_email,
)
from soundgraph.domain.identity import (
    Account,
    AccountCreated,
    ProviderLinked,
    ProviderUnlinked,
    normalise_email,
    registration_errors,
    require_valid,
)
from soundgraph.domain.ids import AccountId, FamilyId
from soundgraph.domain.people import Profile
from soundgraph.domain.visibility import AccountStanding, Actor

EXPIRED = "This took too long, or was used already. Begin signing in again."


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret that it has to keep in a cookie until it comes back."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came of it: a session, or the token to choose a handle with, or neither where two were linked."""

    next: str
    session: Session | None = None
    arrival: str | None = None


class BeginSignIn:
    """Send someone to a provider. Anyone; to link, whoever is logged in, from the session `family_id`.

    Raises NotFound(feature_off), Invalid for a `path` that is none of this site, Unavailable(provider_away).
    """

    def __init__(
        self,
        work: Callable[[], FederationWork],
        providers: Providers,
        randomness: Randomness,
        links: Links,
        clock: Clock,
    ) -> None:
        self._work, self._providers, self._randomness = work, providers, randomness
        self._links, self._clock = links, clock

    async def __call__(
        self,
        *,
        provider: str,
        path: str = "/",
        intent: Intent = Intent.LOG_IN,
        actor: Actor | None = None,
        family_id: FamilyId | None = None,
    ) -> Begun:
        checked_path(path)
        state, browser, nonce, verifier = (self._randomness.token() for _ in range(4))
        trip = Trip(self._links.oauth_callback(provider), state, nonce, verifier)
        url = await self._providers.address(provider, trip)
        sign_in = SignIn(
            id=digest(state),
            browser=digest(browser),
            provider=provider,
            nonce=nonce,
            verifier=verifier,
            next=path,
            expires_at=self._clock.now() + SIGN_IN_LIFETIME,
            intent=intent,
            account_id=None if actor is None else actor.id,
            family_id=family_id,
        )
        async with self._work() as work:
            await work.sign_ins.add(sign_in)
            await work.commit()
        return Begun(url, browser)


class FinishSignIn:
    """Take in whoever comes back from a provider. The browser that was sent there, once.

    An address that has an account already is never taken for its owner: Conflict(link_required). Raises also
    Gone(sign_in_expired), Forbidden(wrong_state | email_unverified | account_suspended | account_deleted),
    Unauthenticated(provider_refused | bad_id_token | session_ended), Conflict(identity_taken | already_linked),
    NotFound(feature_off), Unavailable(provider_away).
    """

    def __init__(
        self,
        work: Callable[[], FederationWork],
        providers: Providers,
        sessions: Sessions,
        randomness: Randomness,
        links: Links,
        clock: Clock,
    ) -> None:
        self._work, self._providers, self._randomness = work, providers, randomness
        self._sessions, self._links, self._clock = sessions, links, clock

    async def __call__(self, *, provider: str, state: str, browser: str, code: str, client: Client) -> Arrived:
        self._providers.require(provider)
        sign_in = await self._taken(state)
        sign_in.check(provider=provider, browser=digest(browser), at=self._clock.now())
        if not code:
            raise Unauthenticated("provider_refused", "The provider did not let you in.")
        trip = Trip(self._links.oauth_callback(provider), state, sign_in.nonce, sign_in.verifier)
        person = await self._providers.person(provider, trip, code)
        email = normalise_email(vouched_email(person))
        if sign_in.intent is Intent.LINK:
            return await self._link(sign_in, person, email)
        return await self._sign_in(sign_in, person, email, client)

    async def _taken(self, state: str) -> SignIn:
        async with self._work() as work:
            sign_in = await work.sign_ins.take(digest(state))
            await work.commit()
        if sign_in is None:
            raise Gone("sign_in_expired", EXPIRED)
        return sign_in

    async def _sign_in(self, sign_in: SignIn, person: Person, email: str, client: Client) -> Arrived:
        async with self._work() as work:
            identity = await work.external_identities.find(person.issuer, person.subject)
            if identity is None:
                arrived = await self._welcome(work, sign_in, person, email)
            else:
                account = await work.accounts.get(identity.account_id)
                assert account is not None, "an identity goes with its account"
                if sign_in.intent is Intent.RESTORE:
                    await restore(work, account)
                family, session = self._sessions.start(account, client)
                await let_in(work, family, client)
                arrived = Arrived(sign_in.next, session=session)
            await work.commit()
        return arrived

    async def _welcome(self, work: FederationWork, sign_in: SignIn, person: Person, email: str) -> Arrived:
        if await work.accounts.by_login(email) is not None:
            message = "This address has an account already. Log in to it, then link this provider in its settings."
            raise Conflict("link_required", message)
        token = self._randomness.token()
        arrival = Arrival(
            id=digest(token),
            browser=sign_in.browser,
            provider=sign_in.provider,
            issuer=person.issuer,
            subject=person.subject,
            email=email,
            name=person.name,
            next=sign_in.next,
            expires_at=self._clock.now() + ARRIVAL_LIFETIME,
        )
        await work.sign_ins.welcome(arrival)
        return Arrived(sign_in.next, arrival=token)

    async def _link(self, sign_in: SignIn, person: Person, email: str) -> Arrived:
        assert sign_in.account_id is not None
        assert sign_in.family_id is not None
        now = self._clock.now()
        async with self._work() as work:
            # Whoever logged out meanwhile links nothing any more.
            account = await work.accounts.get(sign_in.account_id)
            family = await work.families.get(sign_in.family_id)
            live = family is not None and family.ended_at is None and family.expires_at > now
            if not live or account is None or account.standing is not AccountStanding.ACTIVE:
                raise Unauthenticated("session_ended", "The session that began this is over. Log in again.")
            identity = ExternalIdentity(
                issuer=person.issuer,
                subject=person.subject,
                provider=sign_in.provider,
                account_id=account.id,
                email=email,
                linked_at=now,
            )
            known = await work.external_identities.find(person.issuer, person.subject)
            if known is None or known.account_id != account.id:
                await work.external_identities.add(identity)
                work.record(ProviderLinked(account_id=account.id, provider=sign_in.provider))
            await work.commit()
        return Arrived(sign_in.next)


class CompleteSignIn:
    """Make an account for someone whom a provider vouched for, and log in. The browser that came back, once.

    Raises Gone(sign_in_expired), Forbidden(wrong_state), Invalid naming every broken rule,
    Conflict(handle_taken | link_required | identity_taken).
    """

    def __init__(self, work: Callable[[], FederationWork], sessions: Sessions, ids: Ids, clock: Clock) -> None:
        self._work, self._sessions, self._ids, self._clock = work, sessions, ids, clock

    async def __call__(
        self, *, token: str, browser: str, handle: str, display_name: str | None, client: Client
    ) -> Arrived:
        handle = handle.strip().lower()
        async with self._work() as work:
            arrival = await work.sign_ins.take_arrival(digest(token))
            if arrival is None or self._clock.now() >= arrival.expires_at:
                raise Gone("sign_in_expired", EXPIRED)
            if digest(browser) != arrival.browser:
                raise Forbidden("wrong_state", "This did not begin in this browser. Begin signing in again.")
            shown = (display_name or handle).strip()
            # There is no password, so what is said of one does not count.
            errors = registration_errors(arrival.email, handle, "", shown)
            require_valid([one for one in errors if one.field != "password"])
            account = self._account(arrival, handle)
            await self._settle(work, account, arrival)
            await work.profiles.add(Profile(id=account.id, handle=handle, display_name=shown))
            family, session = self._sessions.start(account, client)
            await work.families.add(family)
            work.record(AccountCreated(account_id=account.id))
            await work.commit()
        return Arrived(arrival.next, session=session)

    async def _settle(self, work: FederationWork, account: Account, arrival: Arrival) -> None:
        try:
            await work.accounts.add(account)
        except Conflict as conflict:
            if conflict.code != "email_taken":
                raise
            raise Conflict("link_required", "This address has got an account meanwhile. Log in to it.") from conflict
        await work.external_identities.add(arrival.linked_with(account.id, at=account.created_at))

    def _account(self, arrival: Arrival, handle: str) -> Account:
        return Account(
            id=AccountId(self._ids.new()),
            email=arrival.email,
            handle=handle,
            password_hash=None,
            created_at=self._clock.now(),
        )


class UnlinkIdentity:
    """Stop a provider's account from opening one's own. Its owner. Twice is once.

    Raises Conflict(last_way_in) where there is neither a password nor another provider.
    """

    def __init__(self, work: Callable[[], FederationWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, provider: str) -> None:
        async with self._work() as work:
            # Locked, so that two who unlink at once cannot both leave the other one as the way in.
            account = await work.accounts.get(actor.id)
            if account is None:
                raise NotFound
            linked = {one.provider for one in await work.external_identities.of(actor.id)}
            if provider in linked and account.password_hash is None and len(linked) == 1:
                raise Conflict("last_way_in", "This is the only way into your account. Set a password first.")
            if provider in linked:
                await work.external_identities.remove(actor.id, provider)
                work.record(ProviderUnlinked(account_id=actor.id, provider=provider))
            await work.commit()


class ExpireSignIns:
    """Chore: forget who set out for a provider and never came back."""

    def __init__(self, work: Callable[[], FederationWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            await work.sign_ins.expire(now=self._clock.now())
            await work.commit()
