"""The base of every domain event: a past-tense fact that says *look again*, never a command."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from soundgraph.domain.ids import EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `name` is stored for ever and so never changes; `key` says what it happened to.

    Payload fields may be added with a default, never renamed or removed: old rows must decode.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def key(self) -> str:
        """The id of the thing this is about, as text. Used for logs, locks and operators, not for identity."""

    @property
    def not_before(self) -> datetime | None:
        """When the debts for it fall due; None is at once."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryExhausted(Event):
    """A debt used up its budget of attempts and lies with the dead letters until an operator replays it."""

    name: ClassVar[str] = "delivery.exhausted"
    event_id: EventId
    event_name: str
    event_key: str
    subscriber: str
    error: str

    @property
    def key(self) -> str:
        return str(self.event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicDue(Event):
    """A chore that comes round again and again. Its one delivery re-arms itself instead of being paid off."""

    name: ClassVar[str] = "periodic.due"
    chore: str

    @property
    def key(self) -> str:
        return self.chore
