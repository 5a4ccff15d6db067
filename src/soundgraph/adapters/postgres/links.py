"""Secret links in PostgreSQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, bindparam, delete, func, or_, select, update

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.pages import page_of, paged, paging
from soundgraph.adapters.postgres.read import Query, Row
from soundgraph.adapters.postgres.schema import ID, MOMENT, playlist_items, playlists, secret_links, tracks
from soundgraph.adapters.postgres.transaction import Session
from soundgraph.application.playback import SecretLinkReader, SecretLinks, SecretLinkView
from soundgraph.application.views import Page, Position
from soundgraph.domain.ids import AccountId, Kind, LinkId, Ref
from soundgraph.domain.links import SecretLink
from soundgraph.domain.visibility import Standing


class PostgresSecretLinks(SecretLinks):
    """Secret links in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def owner_of(self, subject: Ref) -> AccountId | None:
        table = tracks if subject.kind is Kind.TRACK else playlists
        row = await self._session.row(select(table.c.owner_id).where(table.c.id == subject.id))
        return None if row is None else AccountId(row.owner_id)

    async def number(self, subject: Ref) -> int:
        found = select(func.count()).select_from(secret_links).where(secret_links.c.subject_id == subject.id)
        return int((await self._session.rows(found))[0][0])

    async def add(self, link: SecretLink) -> None:
        row = {
            "id": link.id,
            "kind": link.subject.kind.value,
            "subject_id": link.subject.id,
            "owner_id": link.owner_id,
            "digest": link.digest,
            "label": link.label,
            "created_at": link.created_at,
            "expires_at": link.expires_at,
            "plays": link.plays,
        }
        await self._session.add(secret_links, row)

    async def remove(self, subject: Ref, link_id: LinkId) -> bool:
        link = (secret_links.c.id == link_id, secret_links.c.subject_id == subject.id)
        return await self._session.execute(delete(secret_links).where(*link)) == 1

    async def count_play(self, digest: bytes) -> None:
        link = update(secret_links).where(secret_links.c.digest == digest)
        await self._session.execute(link.values(plays=secret_links.c.plays + 1))

    async def expire(self, *, before: datetime) -> None:
        await self._session.execute(delete(secret_links).where(secret_links.c.expires_at < before))


_SUBJECT = secret_links.c.subject_id == bindparam("subject_id", type_=ID)
_VIEW = (
    secret_links.c.id,
    secret_links.c.label,
    secret_links.c.expires_at,
    secret_links.c.plays,
    secret_links.c.created_at,
)
_OPENS = (
    secret_links.c.digest == bindparam("digest", type_=LargeBinary),
    or_(secret_links.c.expires_at.is_(None), secret_links.c.expires_at > bindparam("now", type_=MOMENT)),
)
_INSIDE = (
    select(playlist_items.c.track_id)
    .join(playlists, playlists.c.id == playlist_items.c.playlist_id)
    .join(secret_links, secret_links.c.subject_id == playlists.c.id)
    .join(tracks, tracks.c.id == playlist_items.c.track_id)
    .where(tracks.c.owner_id == secret_links.c.owner_id, playlists.c.standing == Standing.OK.value, *_OPENS)
)


def link_view(row: Row) -> SecretLinkView:
    """The link in a row."""
    return SecretLinkView(
        id=row["id"],
        label=row["label"],
        expires_at=row["expires_at"],
        plays=row["plays"],
        created_at=row["created_at"],
    )


class PostgresSecretLinkReader(SecretLinkReader):
    """Reads of what is committed."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool
        listed = select(*_VIEW, secret_links.c.created_at.label("at")).where(_SUBJECT)
        one = select(*_VIEW).where(_SUBJECT, secret_links.c.id == bindparam("link_id", type_=ID))
        opened = select(secret_links.c.subject_id.label("id")).where(*_OPENS).union_all(_INSIDE)
        self._listed = Query("links.page", paged(listed, secret_links.c.created_at, secret_links.c.id), link_view)
        self._get = Query("links.get", one, link_view)
        self._grants: Query[UUID] = Query("links.grants", opened, lambda row: row["id"])

    async def page(self, subject: Ref, *, after: Position | None, limit: int) -> Page[SecretLinkView]:
        return await page_of(self._listed, self._pool, limit, subject_id=subject.id, **paging(after, limit))

    async def get(self, subject: Ref, link_id: LinkId) -> SecretLinkView | None:
        return await self._get.one(self._pool, subject_id=subject.id, link_id=link_id)

    async def grants(self, digest: bytes, *, now: datetime) -> frozenset[UUID]:
        return frozenset(await self._grants.all(self._pool, digest=digest, now=now))
