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

from soundgraph.application.limits import API, API_ADDRESS, FAILURES, LOGIN_GUESSES, By, Charge, Rule, Verdict
from soundgraph.domain.errors import LimitReached, Unauthenticated, Unavailable
from soundgraph.domain.identity import normalise_email
from soundgraph.domain.ids import AccountId
from soundgraph.entrypoints.http.addresses import address_of, subject_of
from soundgraph.entrypoints.http.cookies import Device
from soundgraph.entrypoints.http.services import Services

# The first segments of what costs next to nothing, or carries a signature of ours. No handle is ever one of them.
EXEMPT = frozenset([".well-known", "health", "metrics", "docs", "openapi.json", "assets", "media"])
VERDICT = "rate_limit"
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
        """Before a handler that sends mail to the `email` in its input: the rules by mail address."""
        rules = [rule for rule in declared(request.route_handler) if rule.by is By.MAIL]
        if rules and self._limiter is not None:
            email = normalise_email((await request.json()).email)
            await self._take(request, [Charge(rule, email) for rule in rules])

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
        tightest = min(verdicts, key=_room)
        _remember(connection, tightest)
        if not tightest.allowed:
            wait = seconds(tightest)
            raise LimitReached("rate_limited", f"Too often. Try again in {wait} s.", retry_after=wait)

    async def _give_back(self, charges: Sequence[Charge]) -> None:
        if self._limiter is None:
            return
        try:
            for charge in charges:
                await self._limiter.give_back(charge)
        except Unavailable as away:
            # It counts as a failure then, and comes back like one.
            log.warning("a right password was counted as wrong", code=away.code)

    def _address(self, connection: Connection) -> str:
        return subject_of(address_of(connection, self._trusted))


def declared(handler: Any) -> Sequence[Rule]:
    """The rules of a route."""
    rules: Sequence[Rule] = handler.opt.get("limits", ())
    return rules


def seconds(verdict: Verdict) -> int:
    """After how many whole seconds to try again, for Retry-After."""
    return max(1, math.ceil(verdict.retry_after.total_seconds()))


async def add_headers(message: Message, scope: Scope) -> None:
    """Litestar's `before_send` hook: what is left of the tightest rule, and in how many seconds all of it is back."""
    verdict = scope["state"].get(VERDICT) if message["type"] == "http.response.start" else None
    if verdict is not None:
        headers = MutableScopeHeaders.from_message(message)
        headers["RateLimit-Limit"] = str(verdict.limit)
        headers["RateLimit-Remaining"] = str(verdict.remaining)
        headers["RateLimit-Reset"] = str(math.ceil(verdict.reset_after.total_seconds()))


def _remember(connection: Connection, verdict: Verdict) -> None:
    known = connection.scope["state"].get(VERDICT)
    connection.scope["state"][VERDICT] = verdict if known is None else min(known, verdict, key=_room)


def _room(verdict: Verdict) -> tuple[bool, float, int]:
    """Refusals first, the longest before others; then what has the least left."""
    return verdict.allowed, -verdict.retry_after.total_seconds(), verdict.remaining
