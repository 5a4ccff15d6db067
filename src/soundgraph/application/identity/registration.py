"""Asking for an account and verifying its address."""

from collections.abc import Callable

from soundgraph.application.identity.credentials import (
    Captcha,
    CommonPasswords,
    Passwords,
    Tokens,
    digest,
    guessed_first,
)
from soundgraph.application.identity.letters import AlreadyKnown, VerifyAddress
from soundgraph.application.identity.mail import Post
from soundgraph.application.identity.ports import IdentityWork
from soundgraph.application.identity.sessions import UNKNOWN_CLIENT, Client, Session, Sessions
from soundgraph.application.ports import Clock, Debt, Ids
from soundgraph.application.views import Links
from soundgraph.domain.errors import Conflict, Gone
from soundgraph.domain.identity import (
    Registration,
    RegistrationRequested,
    normalise_email,
    registration_errors,
    require_valid,
)
from soundgraph.domain.ids import AccountId, RegistrationId
from soundgraph.domain.people import Profile


class Register:
    """Ask for an account. Anyone. The answer does not tell whether the address is known.

    Raises Invalid naming every broken rule, or (captcha_required | captcha_failed); Conflict(handle_taken), also for a
    handle that looks like another one.
    """

    def __init__(
        self,
        work: Callable[[], IdentityWork],
        passwords: Passwords,
        common: CommonPasswords,
        captcha: Captcha,
        tokens: Tokens,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._work, self._tokens, self._ids, self._clock = work, tokens, ids, clock
        self._passwords, self._common, self._captcha = passwords, common, captcha

    async def __call__(
        self,
        *,
        email: str,
        handle: str,
        password: str,
        display_name: str | None = None,
        captcha_token: str | None = None,
        client: Client = UNKNOWN_CLIENT,
    ) -> None:
        email, handle = normalise_email(email), handle.strip().lower()
        display_name = handle if display_name is None else display_name.strip()
        common = guessed_first(self._common, password, email, handle)
        require_valid(registration_errors(email, handle, password, display_name, common=common))
        await self._captcha.check(captcha_token, client.address)
        registration_id, now = RegistrationId(self._ids.new()), self._clock.now()
        registration, requested = Registration.request(
            registration_id,
            email=email,
            handle=handle,
            display_name=display_name,
            password_hash=await self._passwords.hash(password),
            token_digest=digest(self._tokens.verification(registration_id)),
            at=now,
        )
        async with self._work() as work:
            await work.registrations.reserve(registration, now=now)
            work.record(requested)
            await work.commit()


class ResendVerification:
    """Mail the link of a registration once more. Anyone; nothing tells whether there is one for this address."""

    def __init__(self, work: Callable[[], IdentityWork], ids: Ids) -> None:
        self._work, self._ids = work, ids

    async def __call__(self, *, email: str) -> None:
        async with self._work() as work:
            found = await work.registrations.by_login(normalise_email(email))
            # A registration that never was is looked for by the subscriber, so that both cases cost the same here.
            registration_id = found.id if found else RegistrationId(self._ids.new())
            work.record(RegistrationRequested(registration_id=registration_id))
            await work.commit()


class ReadRegistration:
    """Which handle an address is asked to be verified for. Whoever holds the token from the mail, which stays good.

    Returns None for a token that is spent or expired.
    """

    def __init__(self, work: Callable[[], IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def __call__(self, *, token: str) -> str | None:
        async with self._work() as work:
            registration = await work.registrations.by_token(digest(token))
        live = registration is not None and self._clock.now() < registration.expires_at
        return registration.handle if registration and live else None


class VerifyEmail:
    """Turn a registration into an account and log in. Whoever holds the token from the mail.

    Raises Gone(token_spent | token_expired).
    """

    def __init__(self, work: Callable[[], IdentityWork], sessions: Sessions, ids: Ids, clock: Clock) -> None:
        self._work, self._sessions, self._ids, self._clock = work, sessions, ids, clock

    async def __call__(self, *, token: str, client: Client) -> Session:
        async with self._work() as work:
            registration = await work.registrations.by_token(digest(token))
            if registration is None:
                raise Gone("token_spent", "This link was used already, or never existed.")
            account, created = registration.confirm(AccountId(self._ids.new()), at=self._clock.now())
            await work.registrations.remove(registration)
            try:
                await work.accounts.add(account)
            except Conflict as conflict:
                raise Gone("token_spent", "This address has an account already. Log in instead.") from conflict
            await work.profiles.add(
                Profile(id=account.id, handle=account.handle, display_name=registration.display_name)
            )
            family, session = self._sessions.start(account, client)
            await work.families.add(family)
            work.record(created)
            await work.commit()
        return session


class SendVerification:
    """Subscriber: mail the link that verifies an address, or tell the owner of a known address that someone tried."""

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, post: Post, links: Links) -> None:
        self._work, self._tokens, self._post, self._links = work, tokens, post, links

    async def __call__(self, event: RegistrationRequested, debt: Debt) -> None:
        async with self._work() as work:
            registration = await work.registrations.get(event.registration_id)
            known = registration and await work.accounts.by_login(registration.email)
        if registration is None:
            return
        letter: VerifyAddress | AlreadyKnown
        if known:
            letter = AlreadyKnown(base=self._links.base)
        else:
            link = self._links.verify_email(self._tokens.verification(registration.id))
            letter = VerifyAddress(handle=registration.handle, link=link)
        await self._post.send(letter, to=registration.email, mail_id=f"verify-{debt.event_id}", counted=True)
