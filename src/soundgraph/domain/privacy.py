"""Deleting an account, and handing out what is stored of a person."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from soundgraph.domain.errors import Forbidden, Gone
from soundgraph.domain.events import Event
from soundgraph.domain.ids import AccountId, ExportId

# How long a deletion can be undone.
DELETION_GRACE = timedelta(days=30)
# Who has no password deletes their account within so long of signing in.
RECENT_SIGN_IN = timedelta(minutes=10)
EXPORT_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(Event):
    """Someone deleted their account. It is hidden from now on, and purged when the grace is over."""

    name: ClassVar[str] = "privacy.account_deleted"
    account_id: AccountId
    due: datetime

    @property
    def key(self) -> str:
        return str(self.account_id)

    @property
    def not_before(self) -> datetime | None:
        return self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequested(Event):
    """Someone asked for an archive of what is stored of them."""

    name: ClassVar[str] = "privacy.export_requested"
    export_id: ExportId
    account_id: AccountId

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReady(Event):
    """An archive can be downloaded."""

    name: ClassVar[str] = "privacy.export_ready"
    export_id: ExportId
    account_id: AccountId

    @property
    def key(self) -> str:
        return str(self.account_id)


@dataclass(slots=True, kw_only=True)
class Deletion:
    """An account that its owner deleted, and after the purge the report on it.

    `removed` counts by `<module>.<kind of row>`; what a worker had removed when it was killed is not in it.
    """

    account_id: AccountId
    requested_at: datetime
    due: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    removed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def request(cls, account_id: AccountId, *, at: datetime) -> tuple["Deletion", AccountDeleted]:
        """Delete it now; purge it when the grace is over."""
        deletion = cls(account_id=account_id, requested_at=at, due=at + DELETION_GRACE)
        return deletion, AccountDeleted(account_id=account_id, due=deletion.due)

    def require_undoable(self) -> None:
        """Raises Gone(account_purged) once anything was purged."""
        if self.started_at is not None:
            raise Gone("account_purged", "The time to restore this account is over.")

    def start(self, *, at: datetime) -> bool:
        """Begin or go on purging, after which nothing can be undone. False before its time, or once it is done."""
        if at < self.due or self.finished_at is not None:
            return False
        self.started_at = self.started_at or at
        return True

    def count(self, module: str, removed: dict[str, int]) -> None:
        """Note what a module removed. Trying again adds to it."""
        for kind, number in removed.items():
            name = f"{module}.{kind}"
            self.removed[name] = self.removed.get(name, 0) + number


def refuse_old_session(started_at: datetime, *, at: datetime) -> None:
    """Raises Forbidden(recent_sign_in_required) for a session too old to stand for a password."""
    if at - started_at > RECENT_SIGN_IN:
        raise Forbidden("recent_sign_in_required", "Sign in again, then repeat this within ten minutes.")


class ExportState(StrEnum):
    """preparing → ready | failed. A failed one can be asked for again."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class Export:
    """An archive of everything that is stored of a person; one per account. `progress` is 0 to 100."""

    id: ExportId
    account_id: AccountId
    requested_at: datetime
    expires_at: datetime
    state: ExportState = ExportState.PREPARING
    progress: int = 0
    key: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None

    @classmethod
    def request(cls, export_id: ExportId, account_id: AccountId, *, at: datetime) -> tuple["Export", ExportRequested]:
        """Ask for one."""
        export = cls(id=export_id, account_id=account_id, requested_at=at, expires_at=at + EXPORT_LIFETIME)
        return export, ExportRequested(export_id=export_id, account_id=account_id)

    def being_made(self, *, at: datetime) -> bool:
        """Whether it answers another request: nothing else does, since more may have been made by now."""
        return self.state is ExportState.PREPARING and at < self.expires_at

    @property
    def prefix(self) -> str:
        """Above everything that any attempt stored of it."""
        return f"exports/{self.id}/"

    def finish(self, *, key: str, size_bytes: int, sha256: str, at: datetime) -> ExportReady:
        """It is stored whole under `key`."""
        self.state, self.progress = ExportState.READY, 100
        self.key, self.size_bytes, self.sha256 = key, size_bytes, sha256
        self.expires_at = at + EXPORT_LIFETIME
        return ExportReady(export_id=self.id, account_id=self.account_id)
