"""Families of sessions: one login on one device, and what grew from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from soundgraph.domain.errors import Unauthenticated
from soundgraph.domain.ids import AccountId, FamilyId

ACCESS_LIFETIME = timedelta(minutes=15)
FAMILY_LIFETIME = timedelta(days=30)
REFRESH_GRACE = timedelta(seconds=10)


class Refresh(StrEnum):
    """What presenting a refresh token came to."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    REUSED = "reused"


@dataclass(slots=True, kw_only=True)
class SessionFamily:
    """One login on one device, and every refresh token that grew from it. Only `generation` is live.

    A token is a MAC of family and generation, so within the grace the previous token yields the same successor.
    """

    id: FamilyId
    account_id: AccountId
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime
    device: str = ""
    address: str = ""
    generation: int = 1
    ended_at: datetime | None = None
    version: int = 1
    family_lifetime: ClassVar[timedelta] = FAMILY_LIFETIME

    @classmethod
    def start(
        cls, family_id: FamilyId, account_id: AccountId, *, at: datetime, device: str, address: str
    ) -> "SessionFamily":
        """Begin a family at login. Nothing from before the login carries over, so a session cannot be fixed."""
        return cls(
            id=family_id,
            account_id=account_id,
            created_at=at,
            expires_at=at + cls.family_lifetime,
            rotated_at=at,
            device=device[:200],
            address=address,
        )

    def present(self, generation: int, *, at: datetime) -> Refresh:
        """Exchange the token of `generation`. Reuse of a spent one ends the family.

        Raises Unauthenticated(session_ended) when the family is over.
        """
        if self.ended_at is not None or at >= self.expires_at:
            raise Unauthenticated("session_ended", "This session is over. Log in again.")
        if generation == self.generation:
            self.generation += 1
            self.rotated_at = at
            self.expires_at = at + self.family_lifetime
            return Refresh.ROTATED
        if generation == self.generation - 1 and at - self.rotated_at <= REFRESH_GRACE:
            return Refresh.REPEATED
        self.end(at=at)
        return Refresh.REUSED

    def end(self, *, at: datetime) -> None:
        """End it for every token. Ending twice is ending once."""
        if self.ended_at is None:
            self.ended_at = at
