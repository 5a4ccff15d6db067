"""Ways in through providers, and deletions, in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from soundgraph.adapters.postgres.schema import arrivals, deletions, external_identities, sign_ins
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.identity import Deletions, ExternalIdentities, SignIns
from soundgraph.domain.federation import Arrival, ExternalIdentity, Intent, SignIn
from soundgraph.domain.ids import AccountId
from soundgraph.domain.privacy import Deletion


class PostgresExternalIdentities(ExternalIdentities):
    """External identities in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, issuer: str, subject: str) -> ExternalIdentity | None:
        place = (external_identities.c.issuer == issuer, external_identities.c.subject == subject)
        row = await self._session.row(select(external_identities).where(*place))
        return None if row is None else ExternalIdentity(**row._mapping)

    async def of(self, account_id: AccountId) -> list[ExternalIdentity]:
        mine = select(external_identities).where(external_identities.c.account_id == account_id)
        rows = await self._session.rows(mine.order_by(external_identities.c.provider.collate("C")))
        return [ExternalIdentity(**row._mapping) for row in rows]

    async def add(self, identity: ExternalIdentity) -> None:
        await self._session.add(external_identities, asdict(identity))

    async def remove(self, account_id: AccountId, provider: str) -> None:
        place = (external_identities.c.account_id == account_id, external_identities.c.provider == provider)
        await self._session.execute(delete(external_identities).where(*place))


class PostgresSignIns(SignIns):
    """Sign-ins and arrivals in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, sign_in: SignIn) -> None:
        await self._session.add(sign_ins, asdict(sign_in))

    async def take(self, sign_in_id: bytes) -> SignIn | None:
        row = await self._session.row(delete(sign_ins).where(sign_ins.c.id == sign_in_id).returning(sign_ins))
        return None if row is None else SignIn(**dict(row._mapping) | {"intent": Intent(row.intent)})

    async def welcome(self, arrival: Arrival) -> None:
        await self._session.add(arrivals, asdict(arrival))

    async def take_arrival(self, arrival_id: bytes) -> Arrival | None:
        row = await self._session.row(delete(arrivals).where(arrivals.c.id == arrival_id).returning(arrivals))
        return None if row is None else Arrival(**row._mapping)

    async def expire(self, *, now: datetime) -> int:
        gone = [delete(table).where(table.c.expires_at <= now) for table in (sign_ins, arrivals)]
        return sum([await self._session.execute(one) for one in gone])


class PostgresDeletions(Deletions):
    """Deletions in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, account_id: AccountId) -> Deletion | None:
        found = select(deletions).where(deletions.c.account_id == account_id).with_for_update()
        row = await self._session.row(found)
        return None if row is None else deletion_of(row)

    async def put(self, deletion: Deletion) -> None:
        row = asdict(deletion)
        statement = upsert(deletions).values(row)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=row))

    async def remove(self, account_id: AccountId) -> None:
        await self._session.execute(delete(deletions).where(deletions.c.account_id == account_id))


def deletion_of(row: Row[Any]) -> Deletion:
    """The deletion in a row."""
    removed = msgspec.json.decode(row.removed, type=dict[str, int])
    return Deletion(**dict(row._mapping) | {"removed": removed})
