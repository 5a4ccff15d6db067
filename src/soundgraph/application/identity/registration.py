"""Asking for an account and verifying its address."""

from collections.abc import Callable

from soundgraph.application.identity.ports import IdentityWork, Mail, Mailer, Passwords, Tokens, digest
from soundgraph.application.identity.sessions import Client, Session, Sessions
from soundgraph.application.limits import MAILS, Charge, Limiter
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

VERIFY = """\
Welcome to soundgraph, {handle}.

Open this page and press its button to verify your address and log in:

{link}

The link works once, for 24 hours. If you did not ask for this, ignore it.
"""


ALREADY_KNOWN = """\
Someone tried to register on soundgraph with your address. You have an account already.

If it was you, log in at {base}. If not, there is nothing you need to do.
"""


class Register:
    """Ask for an account. Anyone. The answer does not tell whether the address is known.

    Raises Invalid naming every broken rule, Conflict(handle_taken).
    """

    def __init__(
        self, work: Callable[[], IdentityWork], passwords: Passwords, tokens: Tokens, ids: Ids, clock: Clock
    ) -> None:
        self._work, self._passwords, self._tokens, self._ids, self._clock = work, passwords, tokens, ids, clock

    async def __call__(self, *, email: str, handle: str, password: str, display_name: str | None = None) -> None:
        email, handle = normalise_email(email), handle.strip().lower()
        display_name = handle if display_name is None else display_name.strip()
        require_valid(registration_errors(email, handle, password, display_name))
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


class VerifyEmail:
    """Turn a registration into an account and log in. Whoever holds the token from the mail.

    Raises Gone(token_spent | token_expired).
    """

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, ids: Ids, clock: Clock) -> None:
        self._work, self._ids, self._clock = work, ids, clock
        self._sessions = Sessions(tokens, ids, clock)

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
    """Subscriber: mail the link that verifies an address, or tell the owner of a known address that someone tried.

    What is too often for one address is not sent. That is decided here and shows in no answer, because what a login
    sends depends on whether the address is known.
    """

    def __init__(
        self, work: Callable[[], IdentityWork], tokens: Tokens, mailer: Mailer, links: Links, limiter: Limiter
    ) -> None:
        self._work, self._tokens, self._mailer, self._links = work, tokens, mailer, links
        self._limiter = limiter

    async def __call__(self, event: RegistrationRequested, debt: Debt) -> None:
        async with self._work() as work:
            registration = await work.registrations.get(event.registration_id)
            known = registration and await work.accounts.by_login(registration.email)
        if registration is None:
            return
        if known:
            subject, text = "You already have an account", ALREADY_KNOWN.format(base=self._links.base)
        else:
            link = self._links.verify_email(self._tokens.verification(registration.id))
            subject, text = "Verify your e-mail address", VERIFY.format(handle=registration.handle, link=link)
        await self._send(Mail(id=f"verify-{debt.event_id}", to=registration.email, subject=subject, text=text))

    async def _send(self, mail: Mail) -> None:
        charges = [Charge(rule, f"sent to {mail.to}") for rule in MAILS]
        if not all(one.allowed for one in await self._limiter.take(charges)):
            return
        try:
            await self._mailer.send(mail)
        except BaseException:
            # It will be tried again, and must not find its own failures in the way.
            for charge in charges:
                await self._limiter.give_back(charge)
            raise
