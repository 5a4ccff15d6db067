"""What authentication and one's own account read, in memory."""

from datetime import datetime

from soundgraph.adapters.memory.database import MemoryDatabase, page_of
from soundgraph.application.identity import AccessClaims, IdentityReader
from soundgraph.application.views import MeView, Page, Position, SessionView
from soundgraph.domain.errors import Forbidden
from soundgraph.domain.identity import device_name
from soundgraph.domain.plans import entitlements
from soundgraph.domain.visibility import AccountStanding, Actor


class MemoryIdentityReader(IdentityReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def actor(self, claims: AccessClaims, *, now: datetime) -> Actor | None:
        tables = self._database.tables
        family, account = tables.families.get(claims.family_id), tables.accounts.get(claims.account_id)
        if family is None or account is None or family.account_id != account.id:
            return None
        if family.ended_at is not None or family.expires_at <= now:
            return None
        if account.standing is AccountStanding.SUSPENDED:
            raise Forbidden("account_suspended", "This account is suspended.")
        if account.standing is not AccountStanding.ACTIVE:
            return None
        return Actor(account.id, account.role, entitlements=entitlements(account.plan))

    async def me(self, actor: Actor) -> MeView | None:
        account, profile = self._database.tables.accounts.get(actor.id), self._database.tables.profiles.get(actor.id)
        if account is None or profile is None:
            return None
        return MeView(
            id=account.id,
            handle=account.handle,
            email=account.email,
            display_name=profile.display_name,
            role=account.role,
            plan=account.plan,
            has_password=account.password_hash is not None,
            identities=[one.provider for one in self._database.tables.linked(account.id)],
            created_at=account.created_at,
        )

    async def sessions(self, actor: Actor, *, now: datetime, after: Position | None, limit: int) -> Page[SessionView]:
        families = self._database.tables.families.values()
        mine = [one for one in families if one.account_id == actor.id and not one.ended_at and one.expires_at > now]
        ids, following = page_of(((one.created_at, one.id) for one in mine), after, limit)
        found = [self._database.tables.families[one] for one in ids]
        views = [
            SessionView(
                id=one.id,
                device=device_name(one.device),
                address=one.address,
                created_at=one.created_at,
                last_seen_at=one.rotated_at,
            )
            for one in found
        ]
        return Page(views, following)
