"""Plans as data, and what each of them entitles to."""

from dataclasses import dataclass, field
from enum import StrEnum

from soundgraph.domain.errors import Forbidden


class Feature(StrEnum):
    """What a plan may bring, beyond what everybody has."""

    SCHEDULING = "scheduling"
    REPLACE_AUDIO = "replace_audio"
    NO_ADS = "no_ads"
    OFFLINE_DOWNLOADS = "offline_downloads"
    FULL_PLAYBACK = "full_playback"


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What a person may do by their plan. `upload_seconds` is all the audio they may keep; None is no limit."""

    upload_seconds: int | None
    features: frozenset[Feature] = field(default_factory=frozenset)

    def refuse_without(self, feature: Feature) -> None:
        """Raise Forbidden(plan_limit), naming the plans that bring it, unless this one does."""
        if feature not in self.features:
            plans = " or ".join(plan.name for plan in PLANS if feature in plan.entitlements.features)
            thing = feature.replace("_", " ").capitalize()
            raise Forbidden("plan_limit", f"{thing} needs another plan: {plans}.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What can be subscribed to. `name` is stored and never changes."""

    name: str
    title: str
    entitlements: Entitlements


@dataclass(frozen=True, slots=True)
class Usage:
    """How much audio somebody keeps, in milliseconds: what plays, and what is reserved for what is in processing."""

    used_ms: int = 0
    reserved_ms: int = 0

    @property
    def total_ms(self) -> int:
        """What counts against a plan."""
        return self.used_ms + self.reserved_ms

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(self.used_ms - before.used_ms, self.reserved_ms - before.reserved_ms)

    def __add__(self, more: "Usage") -> "Usage":
        return Usage(self.used_ms + more.used_ms, self.reserved_ms + more.reserved_ms)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an account keeps, held against what its plan allows. `limit_ms` is None without a limit."""

    usage: Usage
    limit_ms: int | None

    @classmethod
    def of(cls, plan: str, usage: Usage) -> "Allowance":
        """The allowance of an account on the plan of that name."""
        seconds = entitlements(plan).upload_seconds
        return cls(usage, None if seconds is None else seconds * 1000)

    @property
    def left_ms(self) -> int | None:
        """How much more may come; None without a limit. Nought where a plan was left for a smaller one."""
        return None if self.limit_ms is None else max(0, self.limit_ms - self.usage.total_ms)

    def admits(self, more_ms: int) -> bool:
        """Whether there is room for so much more. Keeping as much as before, or less, is always admitted."""
        return self.left_ms is None or more_ms <= self.left_ms


FREE_SECONDS = 180 * 60

FREE = Plan("free", "Free", Entitlements(FREE_SECONDS))
CREATOR = Plan("creator", "Creator", Entitlements(None, frozenset([Feature.SCHEDULING, Feature.REPLACE_AUDIO])))
LISTENER = Plan(
    "listener",
    "Listener",
    Entitlements(FREE_SECONDS, frozenset([Feature.NO_ADS, Feature.OFFLINE_DOWNLOADS, Feature.FULL_PLAYBACK])),
)
PLANS = (FREE, CREATOR, LISTENER)


def entitlements(plan: str) -> Entitlements:
    """What the plan of that name brings; a plan that is not sold any more brings what the free one does."""
    return next((one for one in PLANS if one.name == plan), FREE).entitlements
