"""Identifiers: UUID version 7 (RFC 9562), so that a larger id was made later."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", UUID)
RegistrationId = NewType("RegistrationId", UUID)
FamilyId = NewType("FamilyId", UUID)
ResetId = NewType("ResetId", UUID)
EmailChangeId = NewType("EmailChangeId", UUID)
AuditId = NewType("AuditId", UUID)
TrackId = NewType("TrackId", UUID)
RevisionId = NewType("RevisionId", UUID)
UploadId = NewType("UploadId", UUID)
PlaylistId = NewType("PlaylistId", UUID)
ItemId = NewType("ItemId", UUID)
EventId = NewType("EventId", UUID)
PlayId = NewType("PlayId", UUID)
ArtworkId = NewType("ArtworkId", UUID)
ExportId = NewType("ExportId", UUID)
LinkId = NewType("LinkId", UUID)


class Kind(StrEnum):
    """The kinds of things that the visibility rule speaks of."""

    ACCOUNT = "account"
    TRACK = "track"
    PLAYLIST = "playlist"


@dataclass(frozen=True, slots=True)
class Ref:
    """One thing of one kind: what the gate is asked about."""

    kind: Kind
    id: UUID


def account_ref(account_id: AccountId) -> Ref:
    """A person, seen as a profile."""
    return Ref(Kind.ACCOUNT, account_id)


def track_ref(track_id: TrackId) -> Ref:
    """A track."""
    return Ref(Kind.TRACK, track_id)


def playlist_ref(playlist_id: PlaylistId) -> Ref:
    """A playlist."""
    return Ref(Kind.PLAYLIST, playlist_id)


def uuid7(milliseconds: int, entropy: bytes) -> UUID:
    """Build a UUIDv7 from Unix time in milliseconds and ten bytes of entropy."""
    if len(entropy) != 10:
        raise ValueError("uuid7 needs exactly ten bytes of entropy")
    random_a = int.from_bytes(entropy[:2], "big") & 0x0FFF
    random_b = int.from_bytes(entropy[2:], "big") & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=(milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b)
