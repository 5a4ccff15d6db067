"""Keeps the rules that routes declare. Every other route keeps the general one."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from soundgraph.application.limits import (
    API,
    API_ADDRESS,
    FAILURES,
    LOGIN_GUESSES,
    MAILS,
    REGISTER,
    By,
    Charge,
    Rule,
    Verdict,
)
from soundgraph.domain.errors import LimitReached, Unauthenticated, Unavailable
from soundgraph.domain.identity import normalise_email
from soundgraph.domain.ids import AccountId
from soundgraph.entrypoints.http.addresses import address_of, subject_of
from soundgraph.entrypoints.http.cookies import Device
from soundgraph.entrypoints.http.services import Services

# The first segments of what costs next to nothing, or carries a signature of ours. No handle is ever one of them.
EXEMPT = frozenset([".well-known", "health", "metrics", "docs", "openapi.json", "assets", "media"])
VERDICTS, CHARGES = "rate_limits", "rate_charges"
# What is malformed or invalid does nothing, and is to be corrected and sent again: these are given back for it.
FORGIVING, FORGIVEN = frozenset([REGISTER, *MAILS]), frozenset([400, 422])
log = structlog.get_logger()

Connection = ASGIConnection[Any, Any, Any, Any]


class Limits:
    """Takes what a request costs, from whom it counts against. Raises LimitReached(rate_limited).

    While nobody can count, rules that guard accounts raise Unavailable(limits_away), and the others admit everybody.
    """

    def __init__(self, services: Services) -> None:
        self._limiter, self._trusted = services.limiter, services.trusted_proxies

    async def admit(self, connection: Connection, rules: Sequence[Rule], account_id: AccountId | None) -> None:
        """Before a handler: the general rule, and those of the route that need not know what was sent."""
        if self._limiter is None or connection.scope["path"].split("/")[1] in EXEMPT:
            return
        address = self._address(connection)
        caller = address if account_id is None else str(account_id)
        general = API_ADDRESS if account_id is None else API
        await self._take(
            connection,
            [
                Charge(rule, address if rule.by is By.ADDRESS else caller)
                for rule in (general, *rules)
                if rule.by in (By.ADDRESS, By.CALLER)
            ],
        )

    async def admit_mail(self, request: Request[Any, Any, Any]) -> None:
        """Before a handler that sends mail to the `email` in its input: the rules by mail address.

        Each network address has its own count: one that all shared would tell strangers who was here before. What all
        of them together may have sent to a mail address is decided where mails are sent, and shows in no answer.
        """
        rules = [rule for rule in declared(request.route_handler) if rule.by is By.MAIL]
        if rules and self._limiter is not None:
            email = normalise_email((await request.json()).email)
            await self._take(request, [Charge(rule, f"{email} {self._address(request)}") for rule in rules])

    async def finish(self, message: Message, scope: Scope) -> None:
        """Litestar's `before_send` hook: give back what is forgiven, and tell what is left of the tightest rule."""
        if message["type"] != "http.response.start":
            return
        state, verdicts = scope["state"], scope["state"].get(VERDICTS, [])
        if message["status"] in FORGIVEN:
            await self._give_back([one for one in state.pop(CHARGES, []) if one.rule in FORGIVING])
            verdicts = [one for one in verdicts if one.rule not in FORGIVING]
        if verdicts:
            tightest = min(verdicts, key=_room)
            headers = MutableScopeHeaders.from_message(message)
            headers["RateLimit-Limit"] = str(tightest.limit)
            headers["RateLimit-Remaining"] = str(tightest.remaining)
            headers["RateLimit-Reset"] = str(math.ceil(tightest.reset_after.total_seconds()))

    @asynccontextmanager
    async def counting_failures(
        self, connection: Connection, login: str, device: Device | None = None
    ) -> AsyncIterator[None]:
        """Around a guess of a password, which costs nothing if it was right.

        It is taken first and given back, so that guessing at once in parallel gains nothing. A login counts as it was
        typed: were address and handle one count, the limit would tell that they belong together. A device that the
        account knows counts for itself, so that strangers' guesses do not lock its owner out.
        """
        guess = f"{normalise_email(login)} {self._address(connection)}"
        subject = guess if device is None else f"device {device.id}"
        charges = [Charge(rule, subject) for rule in FAILURES]
        if device is None:
            charges.append(Charge(LOGIN_GUESSES, normalise_email(login)))
        await self._take(connection, charges)
        wrong = False
        try:
            yield
        except Unauthenticated:
            wrong = True
            raise
        finally:
            if not wrong:
                await self._give_back(charges)

    async def forget_failures(self, connection: Connection, logins: Sequence[str]) -> None:
        """Whoever owns these logins has proved it in another way: no guess at them counts any longer, nor a failure
        from where they are.
        """
        names, address = [normalise_email(one) for one in logins], self._address(connection)
        charges = [Charge(LOGIN_GUESSES, name, LOGIN_GUESSES.limit) for name in names]
        charges += [Charge(rule, f"{name} {address}", rule.limit) for rule in FAILURES for name in names]
        await self._give_back(charges)

    async def _take(self, connection: Connection, charges: Sequence[Charge]) -> None:
        if self._limiter is None:
            return
        try:
            verdicts = await self._limiter.take(charges)
        except Unavailable:
            if any(one.rule.closed for one in charges):
                raise
            return
        state, tightest = connection.scope["state"], min(verdicts, key=_room)
        state[VERDICTS] = [*state.get(VERDICTS, ()), *verdicts]
        if tightest.allowed:
            state[CHARGES] = [*state.get(CHARGES, ()), *charges]
        else:
            wait = seconds(tightest)
            raise LimitReached("rate_limited", f"Too often. Try again in {wait} s.", retry_after=wait)

    async def _give_back(self, charges: Sequence[Charge]) -> None:
        if self._limiter is None:
            return
        try:
            for charge in charges:
                await self._limiter.give_back(charge)
        except Unavailable as away:
            # It counts then, and comes back like what was taken for good.
            log.warning("what costs nothing was counted", code=away.code)

    def _address(self, connection: Connection) -> str:
        return subject_of(address_of(connection, self._trusted))


def declared(handler: Any) -> Sequence[Rule]:
    """The rules of a route."""
    rules: Sequence[Rule] = handler.opt.get("limits", ())
    return rules


def seconds(verdict: Verdict) -> int:
    """After how many whole seconds to try again, for Retry-After."""
    return max(1, math.ceil(verdict.retry_after.total_seconds()))


def _room(verdict: Verdict) -> tuple[bool, float, int]:
    """Refusals first, the longest before others; then what has the least left."""
    return verdict.allowed, -verdict.retry_after.total_seconds(), verdict.remaining
