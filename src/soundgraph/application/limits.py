"""How often a caller may do what: every rule in one table, and the port that counts.

Rules are kept by the generic cell rate algorithm (GCRA; ITU-T I.371), with a hold: whoever was idle may do all of it at
once, and what was spent comes back one by one, evenly over the period. But for a tenth of the period from the first
that was taken nothing comes back, or nobody who asks one after another would ever be refused by a fast rule; what
would have come back meanwhile is back at the end of the hold. So within a hold exactly as many are admitted as the rule
says, however long it takes to ask.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

MICROSECOND = timedelta(microseconds=1)


class By(StrEnum):
    """Whom a rule counts."""

    CALLER = "account, or network address without one"
    ADDRESS = "network address"
    MAIL = "mail address and network address"
    LOGIN = "login and network address"
    LOGIN_ALONE = "login"


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` at once or in a hold, and as many again in every period `per`. Limit and period are positive.

    `closed` rules guard accounts: where nobody can count, they admit nobody; the others admit everybody.
    """

    name: str
    limit: int
    per: timedelta
    by: By = By.CALLER
    closed: bool = False

    @property
    def interval(self) -> int:
        """After how many microseconds one comes back; a fraction is dropped."""
        return max(1, self.per // MICROSECOND // self.limit)

    @property
    def burst(self) -> int:
        """After how many microseconds all of them have come back."""
        return self.interval * self.limit

    @property
    def hold(self) -> int:
        """For how many microseconds nothing comes back to a subject that had everything and takes something."""
        return self.per // MICROSECOND // 10


@dataclass(frozen=True, slots=True)
class Count:
    """What is stored for a rule and subject, as moments in microseconds; nothing where everything has come back.

    `full_at` is when everything will have come back if nothing is held, `since` when the first of it was taken.
    """

    full_at: int = 0
    since: int = 0

    def back_at(self, rule: Rule) -> int:
        """When everything has come back. From then on it may be forgotten."""
        return max(self.full_at, self.since + rule.hold)


NOTHING = Count()


@dataclass(frozen=True, slots=True)
class Charge:
    """`cost` of what a rule allows one subject. At least 1; more than the limit is never admitted."""

    rule: Rule
    subject: str
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says. `retry_after` is zero where it is allowed; after `reset_after` everything has come back."""

    rule: Rule
    allowed: bool
    remaining: int
    reset_after: timedelta
    retry_after: timedelta

    @property
    def limit(self) -> int:
        """How many the rule allows at once."""
        return self.rule.limit


class Limiter(ABC):
    """Counts. Whoever asks for the same rule and subject, in whatever process, shares one count."""

    @abstractmethod
    async def take(self, charges: Sequence[Charge]) -> list[Verdict]:
        """Take all of `charges`, or none if one of them is not allowed. One verdict for each, in the order given.

        No two charges have the same rule and subject. Raises Unavailable(limits_away) when nobody can count.
        """

    @abstractmethod
    async def give_back(self, charge: Charge) -> None:
        """Undo an earlier take. Raises Unavailable(limits_away)."""


def after(rule: Rule, stored: Count, now: int, cost: int) -> Count:
    """What to store once `cost` was taken at `now`; a negative cost gives back."""
    held_at, known = _standing(rule, stored, now)
    full_at = known.full_at + cost * rule.interval
    return Count(full_at, known.since) if full_at > held_at else NOTHING


def judged(charges: Sequence[Charge], stored: Sequence[Count], now: int) -> list[Verdict]:
    """The verdicts on `charges`, from what was stored before they were taken, if they were."""
    answers = [_allows(one, was, now) for one, was in zip(charges, stored, strict=True)]
    verdicts = []
    for charge, was, allowed in zip(charges, stored, answers, strict=True):
        rule, (held_at, _) = charge.rule, _standing(charge.rule, was, now)
        left = after(rule, was, now, charge.cost if all(answers) else 0)
        remaining = (rule.burst - max(0, left.full_at - held_at)) // rule.interval
        reset = max(0, left.back_at(rule) - now)
        wait = 0 if allowed else _room_at(charge, was, now) - now
        verdicts.append(Verdict(rule, allowed, remaining, reset * MICROSECOND, wait * MICROSECOND))
    return verdicts


def _standing(rule: Rule, stored: Count, now: int) -> tuple[int, Count]:
    """The moment up to which things have come back, which is in the past during a hold, and what counts of `stored`."""
    since = min(stored.since, now)
    held_at = since if now < since + rule.hold else now
    # A moment more than one burst ahead is from before the clock was set back, or the rule was changed. A little more
    # means that nothing is left; much more means nothing.
    if held_at < stored.full_at <= now + 2 * rule.burst:
        return held_at, Count(min(stored.full_at, held_at + rule.burst), since)
    return now, Count(now, now)


def _allows(charge: Charge, stored: Count, now: int) -> bool:
    held_at, _ = _standing(charge.rule, stored, now)
    return after(charge.rule, stored, now, charge.cost).full_at - charge.rule.burst <= held_at


def _room_at(charge: Charge, stored: Count, now: int) -> int:
    """When a charge that is refused now is allowed. What comes back during a hold is there at its end."""
    wanted = after(charge.rule, stored, now, charge.cost)
    return max(wanted.full_at - charge.rule.burst, wanted.since + charge.rule.hold)


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

API = Rule("api", 1_500, 5 * MINUTE)
API_ADDRESS = Rule("api_address", 300, 5 * MINUTE, By.ADDRESS)
LOGIN = Rule("login", 25, 5 * MINUTE, By.ADDRESS, closed=True)
LOGIN_FAILURES = Rule("login_failures", 10, 5 * MINUTE, By.LOGIN, closed=True)
# Together a growing delay: one more comes back every half a minute, then every two, then every twenty-four.
LOGIN_FAILURES_HOURLY = Rule("login_failures_hourly", 30, HOUR, By.LOGIN, closed=True)
LOGIN_FAILURES_DAILY = Rule("login_failures_daily", 60, DAY, By.LOGIN, closed=True)
LOGIN_GUESSES = Rule("login_guesses", 100, HOUR, By.LOGIN_ALONE, closed=True)
REGISTER = Rule("register", 5, 30 * MINUTE, By.ADDRESS, closed=True)
RECOVER = Rule("recover", 10, 30 * MINUTE, By.ADDRESS, closed=True)
MAIL = Rule("mail", 5, 30 * MINUTE, By.MAIL, closed=True)
MAIL_DAILY = Rule("mail_daily", 20, DAY, By.MAIL, closed=True)
REFRESH = Rule("refresh", 30, MINUTE, By.ADDRESS, closed=True)
UPLOADS = Rule("uploads", 30, 30 * MINUTE)
LIKES = Rule("likes", 60, MINUTE)
EXPORTS = Rule("exports", 10, DAY)
FOLLOWS = Rule("follows", 60, MINUTE)
FOLLOWS_DAILY = Rule("follows_daily", 400, DAY)

MAILS = (MAIL, MAIL_DAILY)
FAILURES = (LOGIN_FAILURES, LOGIN_FAILURES_HOURLY, LOGIN_FAILURES_DAILY)
RULES = (
    API,
    API_ADDRESS,
    LOGIN,
    *FAILURES,
    LOGIN_GUESSES,
    REGISTER,
    RECOVER,
    *MAILS,
    REFRESH,
    UPLOADS,
    LIKES,
    EXPORTS,
    FOLLOWS,
    FOLLOWS_DAILY,
)


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of something one account may have at the same time; None is no limit."""

    tracks_in_processing: int | None = 2
    unfinished_uploads: int | None = 100
