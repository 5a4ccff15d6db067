"""Where deeds of power over others are kept. Every module that has such deeds writes here, in its own transaction."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from uuid import UUID

from soundgraph.domain.audit import AuditEntry


class Audit(ABC):
    """Entries that nobody changes or removes."""

    @abstractmethod
    async def add(self, entry: AuditEntry) -> None: ...

    @abstractmethod
    async def about(self, subject_id: UUID, *, limit: int) -> Sequence[AuditEntry]:
        """The newest ones about somebody or something, newest first."""
