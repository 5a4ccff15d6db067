"""Subscribers that mail what has to do with getting back in, and what an owner should know."""

from collections.abc import Callable

from soundgraph.application.identity.credentials import Tokens
from soundgraph.application.identity.letters import (
    AddressWasChanged,
    AlreadyKnown,
    ConfirmNewAddress,
    ConfirmOldAddress,
    NewDevice,
    PasswordWasChanged,
    ProviderWasLinked,
    ProviderWasUnlinked,
    ResetLetter,
)
from soundgraph.application.identity.mail import Post
from soundgraph.application.identity.ports import IdentityWork
from soundgraph.application.identity.recovery import NEW_ADDRESS, OLD_ADDRESS, RESET
from soundgraph.application.ports import Debt
from soundgraph.application.views import Links
from soundgraph.domain.identity import (
    EmailChanged,
    EmailChangeRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    ProviderLinked,
    ProviderUnlinked,
    device_name,
)


class SendReset:
    """Subscriber: mail the link that lets one choose another password, if the address is anybody's."""

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, post: Post, links: Links) -> None:
        self._work, self._tokens, self._post, self._links = work, tokens, post, links

    async def __call__(self, event: PasswordResetRequested, debt: Debt) -> None:
        async with self._work() as work:
            reset = await work.password_resets.get(event.reset_id)
            account = await work.accounts.get(reset.account_id) if reset and reset.account_id else None
        if account is None:
            return
        link = self._links.reset_password(self._tokens.mailed(RESET, event.reset_id))
        letter = ResetLetter(handle=account.handle, link=link)
        await self._post.send(letter, to=account.email, mail_id=f"reset-{debt.event_id}", counted=True)


class TellOfPassword:
    """Subscriber: tell the owner that the password was changed, and which providers were unlinked with it."""

    def __init__(self, work: Callable[[], IdentityWork], post: Post, links: Links) -> None:
        self._work, self._post, self._links = work, post, links

    async def __call__(self, event: PasswordChanged, debt: Debt) -> None:
        async with self._work() as work:
            account = await work.accounts.get(event.account_id)
        if account is not None:
            letter = PasswordWasChanged(handle=account.handle, unlinked=event.unlinked, base=self._links.base)
            await self._post.send(letter, to=account.email, mail_id=f"password-{debt.event_id}", counted=False)


class TellOfProvider:
    """Subscriber: tell the owner that a provider has become a way in, or is none any more."""

    def __init__(self, work: Callable[[], IdentityWork], post: Post, links: Links) -> None:
        self._work, self._post, self._links = work, post, links

    async def __call__(self, event: ProviderLinked | ProviderUnlinked, debt: Debt) -> None:
        async with self._work() as work:
            account = await work.accounts.get(event.account_id)
        if account is not None:
            kind = ProviderWasLinked if isinstance(event, ProviderLinked) else ProviderWasUnlinked
            letter = kind(handle=account.handle, provider=event.provider, base=self._links.base)
            await self._post.send(letter, to=account.email, mail_id=f"provider-{debt.event_id}", counted=False)


class SendEmailChange:
    """Subscriber: ask both addresses to agree, or tell the owner of a known address that someone tried."""

    def __init__(self, work: Callable[[], IdentityWork], tokens: Tokens, post: Post, links: Links) -> None:
        self._work, self._tokens, self._post, self._links = work, tokens, post, links

    async def __call__(self, event: EmailChangeRequested, debt: Debt) -> None:
        async with self._work() as work:
            change = await work.email_changes.get(event.change_id)
            account = await work.accounts.get(change.account_id) if change else None
            known = change and await work.accounts.by_login(change.new_email)
        if change is None or account is None:
            return
        links = [self._links.confirm_email(self._tokens.mailed(one, change.id)) for one in (OLD_ADDRESS, NEW_ADDRESS)]
        old = ConfirmOldAddress(handle=account.handle, new_email=change.new_email, link=links[0])
        new = AlreadyKnown(base=self._links.base) if known else ConfirmNewAddress(handle=account.handle, link=links[1])
        await self._post.send(old, to=change.old_email, mail_id=f"leave-{debt.event_id}", counted=True)
        await self._post.send(new, to=change.new_email, mail_id=f"move-{debt.event_id}", counted=True)


class TellOfEmailChange:
    """Subscriber: tell both addresses that the account has moved."""

    def __init__(self, work: Callable[[], IdentityWork], post: Post) -> None:
        self._work, self._post = work, post

    async def __call__(self, event: EmailChanged, debt: Debt) -> None:
        async with self._work() as work:
            change = await work.email_changes.get(event.change_id)
            account = await work.accounts.get(event.account_id)
        if change is None or account is None:
            return
        letter = AddressWasChanged(handle=account.handle, new_email=change.new_email)
        for side, address in (("left", change.old_email), ("moved", change.new_email)):
            await self._post.send(letter, to=address, mail_id=f"{side}-{debt.event_id}", counted=False)


class TellOfNewDevice:
    """Subscriber: tell the owner that a device logged in which the account did not know."""

    def __init__(self, work: Callable[[], IdentityWork], post: Post, links: Links) -> None:
        self._work, self._post, self._links = work, post, links

    async def __call__(self, event: NewDeviceSeen, debt: Debt) -> None:
        async with self._work() as work:
            family = await work.families.get(event.family_id)
            account = await work.accounts.get(event.account_id)
        if family is None or account is None:
            return
        letter = NewDevice(
            handle=account.handle,
            device=device_name(family.device),
            address=family.address or "an unknown address",
            at=family.created_at,
            base=self._links.base,
        )
        await self._post.send(letter, to=account.email, mail_id=f"device-{debt.event_id}", counted=False)
