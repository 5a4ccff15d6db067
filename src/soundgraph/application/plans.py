"""What plans there are, what one's own brings, and how much of it is used."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from soundgraph.application.ports import UnitOfWork
from soundgraph.domain.errors import FieldError, Invalid, NotFound
from soundgraph.domain.identity import normalise_email
from soundgraph.domain.ids import AccountId
from soundgraph.domain.plans import PLANS, Allowance, Entitlements, Feature
from soundgraph.domain.visibility import Actor


class EntitlementsView(Struct, frozen=True, kw_only=True):
    """What a plan brings. `upload_seconds` is all the audio one may keep; null is no limit."""

    upload_seconds: int | None
    features: Sequence[Feature]


class PlanView(Struct, frozen=True, kw_only=True):
    """A plan. `name` never changes."""

    name: str
    title: str
    entitlements: EntitlementsView


class PlansView(Struct, frozen=True, kw_only=True):
    """Every plan there is."""

    items: Sequence[PlanView]


class UsageView(Struct, frozen=True, kw_only=True):
    """How much audio one keeps, in seconds: begun ones used and reserved count, only whole ones are left.

    `upload_seconds_reserved` is for tracks in processing; `upload_seconds_left` is null without a limit.
    """

    upload_seconds_used: int
    upload_seconds_reserved: int
    upload_seconds_left: int | None


class Subscribers(ABC):
    """Who is on which plan."""

    @abstractmethod
    async def put_on(self, plan: str, login: str) -> bool:
        """Put the account of that address or handle, normalised, on a plan. Whether there is such an account."""


class PlansWork(UnitOfWork, Protocol):
    """The unit of work of this module."""

    @property
    def subscribers(self) -> Subscribers: ...


class UsageReader(ABC):
    """Reads of what people keep."""

    @abstractmethod
    async def allowance(self, account_id: AccountId) -> Allowance | None:
        """By the plan that the account has now; None where there is no such account."""


class ListPlans:
    """Every plan, and what it brings. Anyone."""

    async def __call__(self) -> PlansView:
        return PlansView(
            items=[
                PlanView(name=one.name, title=one.title, entitlements=entitlements_view(one.entitlements))
                for one in PLANS
            ]
        )


class ReadEntitlements:
    """What one's own plan brings. Anyone logged in."""

    async def __call__(self, *, actor: Actor) -> EntitlementsView:
        return entitlements_view(actor.entitlements)


class ReadUsage:
    """How much of one's own plan is used. Anyone logged in. Raises NotFound."""

    def __init__(self, reader: UsageReader) -> None:
        self._reader = reader

    async def __call__(self, *, actor: Actor) -> UsageView:
        allowance = await self._reader.allowance(actor.id)
        if allowance is None:
            raise NotFound
        usage, left = allowance.usage, allowance.left_ms
        return UsageView(
            upload_seconds_used=-(-usage.used_ms // 1000),
            upload_seconds_reserved=-(-usage.reserved_ms // 1000),
            upload_seconds_left=None if left is None else left // 1000,
        )


class ChangePlan:
    """Put an account on a plan; what they keep stays. An operator. Raises NotFound, Invalid(unknown_plan)."""

    def __init__(self, work: Callable[[], PlansWork]) -> None:
        self._work = work

    async def __call__(self, *, login: str, plan: str) -> None:
        names = [one.name for one in PLANS]
        if plan not in names:
            said = f"Use one of: {', '.join(names)}."
            raise Invalid("unknown_plan", said, (FieldError("plan", "unknown_plan", said),))
        async with self._work() as work:
            if not await work.subscribers.put_on(plan, normalise_email(login)):
                raise NotFound("no_account", f"There is no account {login!r}.")
            await work.commit()


def entitlements_view(entitlements: Entitlements) -> EntitlementsView:
    """As the API tells it."""
    return EntitlementsView(upload_seconds=entitlements.upload_seconds, features=sorted(entitlements.features))
