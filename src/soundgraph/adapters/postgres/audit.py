"""The audit log in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import msgspec
from sqlalchemy import select

from soundgraph.adapters.postgres.schema import audit
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.audit import Audit
from soundgraph.domain.audit import AuditEntry


class PostgresAudit(Audit):
    """Audit entries in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, entry: AuditEntry) -> None:
        await self._session.add(audit, asdict(entry))

    async def about(self, subject_id: UUID, *, limit: int) -> Sequence[AuditEntry]:
        found = select(audit).where(audit.c.subject_id == subject_id).order_by(audit.c.id.desc()).limit(limit)
        rows = await self._session.rows(found)
        return [AuditEntry(**dict(row._mapping) | {"detail": msgspec.json.decode(row.detail)}) for row in rows]
