"""Secret links in memory."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from soundgraph.adapters.memory.database import MemoryDatabase, Tables, page_of
from soundgraph.application.playback import SecretLinkReader, SecretLinks, SecretLinkView
from soundgraph.application.views import Page, Position
from soundgraph.domain.ids import AccountId, LinkId, PlaylistId, Ref, TrackId
from soundgraph.domain.links import SecretLink
from soundgraph.domain.visibility import Standing


class MemorySecretLinks(SecretLinks):
    """Secret links among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def owner_of(self, subject: Ref) -> AccountId | None:
        tables = self._tables
        thing = tables.tracks.get(TrackId(subject.id)) or tables.playlists.get(PlaylistId(subject.id))
        return None if thing is None else thing.owner_id

    async def number(self, subject: Ref) -> int:
        return sum(link.subject == subject for link in self._tables.secret_links.values())

    async def add(self, link: SecretLink) -> None:
        self._tables.secret_links[link.id] = link

    async def remove(self, subject: Ref, link_id: LinkId) -> bool:
        link = self._tables.secret_links.get(link_id)
        if link is None or link.subject != subject:
            return False
        del self._tables.secret_links[link_id]
        return True

    async def count_play(self, digest: bytes) -> None:
        for link in [one for one in self._tables.secret_links.values() if one.digest == digest]:
            self._tables.secret_links[link.id] = replace(link, plays=link.plays + 1)

    async def expire(self, *, before: datetime) -> None:
        for link in [*self._tables.secret_links.values()]:
            if link.expires_at is not None and link.expires_at < before:
                del self._tables.secret_links[link.id]


class MemorySecretLinkReader(SecretLinkReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def page(self, subject: Ref, *, after: Position | None, limit: int) -> Page[SecretLinkView]:
        links = self._database.tables.secret_links
        dated = [(link.created_at, link.id) for link in links.values() if link.subject == subject]
        ids, following = page_of(dated, after, limit)
        return Page([_view(links[one]) for one in ids], following)

    async def get(self, subject: Ref, link_id: LinkId) -> SecretLinkView | None:
        link = self._database.tables.secret_links.get(link_id)
        return None if link is None or link.subject != subject else _view(link)

    async def grants(self, digest: bytes, *, now: datetime) -> frozenset[UUID]:
        tables = self._database.tables
        for link in tables.secret_links.values():
            if link.digest == digest and (link.expires_at is None or link.expires_at > now):
                playlist = tables.playlists.get(PlaylistId(link.subject.id))
                inside = playlist.items if playlist and playlist.standing is Standing.OK else []
                theirs = [one.track_id for one in inside if tables.tracks[one.track_id].owner_id == link.owner_id]
                return frozenset([link.subject.id, *theirs])
        return frozenset()


def _view(link: SecretLink) -> SecretLinkView:
    return SecretLinkView(
        id=link.id, label=link.label, expires_at=link.expires_at, plays=link.plays, created_at=link.created_at
    )
