"""What was done with power over others, kept for those who ask later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from soundgraph.domain.ids import AccountId, AuditId
from soundgraph.domain.visibility import Actor, Role

# Whoever runs commands on the host itself, and so needs nobody's leave.
OPERATOR = Actor(AccountId(UUID(int=0)), Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom or what. `action` is a stable name such as `role_changed`; `detail` says from what to what.

    Ids only, never names or addresses: an entry outlives the accounts in it.
    """

    id: AuditId
    at: datetime
    actor_id: AccountId
    action: str
    subject_id: UUID
    detail: Mapping[str, str] = field(default_factory=dict)
