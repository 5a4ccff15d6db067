"""The audit log in memory."""

from collections.abc import Sequence
from uuid import UUID

from soundgraph.adapters.memory.database import Tables
from soundgraph.application.audit import Audit
from soundgraph.domain.audit import AuditEntry


class MemoryAudit(Audit):
    """Audit entries among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, entry: AuditEntry) -> None:
        self._tables.audit[entry.id] = entry

    async def about(self, subject_id: UUID, *, limit: int) -> Sequence[AuditEntry]:
        found = [one for one in self._tables.audit.values() if one.subject_id == subject_id]
        return sorted(found, key=lambda one: one.id, reverse=True)[:limit]
