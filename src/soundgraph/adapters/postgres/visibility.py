"""The visibility rule and the gate, in SQL."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, FromClause, Text, any_, bindparam, exists, func, literal, or_, select, true

from soundgraph.adapters.postgres.engine import ReadPool
from soundgraph.adapters.postgres.read import Query
from soundgraph.adapters.postgres.schema import ID, accounts, blocks, playlists, tracks
from soundgraph.application.ports import Gate
from soundgraph.domain.ids import Kind, Ref
from soundgraph.domain.visibility import Viewer

VIEWER_ID = bindparam("viewer_id", None, type_=ID)
VIEWER_ROLE = bindparam("viewer_role", None, type_=Text)
VIEWER_GRANTS = bindparam("viewer_grants", None, type_=ARRAY(ID))


def viewer_parameters(viewer: Viewer) -> dict[str, object]:
    """What every statement below needs to know of the viewer."""
    return {"viewer_id": viewer.id, "viewer_role": viewer.role.value, "viewer_grants": list(viewer.grants)}


def blocked_with(owner: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether the viewer and the owner block each other, either way."""
    theirs, ours = blocks.alias(), blocks.alias()
    return or_(
        exists().where(ours.c.blocker == VIEWER_ID, ours.c.blocked == owner),
        exists().where(theirs.c.blocked == VIEWER_ID, theirs.c.blocker == owner),
    )


def owned_thing_visible(thing: FromClause, owner: FromClause) -> ColumnElement[bool]:
    """Whether the viewer may see a track or playlist, given its row and its owner's account."""
    return func.may_see(
        thing.c.standing,
        owner.c.standing,
        thing.c.audience,
        true(),
        blocked_with(thing.c.owner_id),
        thing.c.owner_id == VIEWER_ID,
        thing.c.id == any_(VIEWER_GRANTS),
        VIEWER_ROLE,
    )


def account_visible(account: FromClause) -> ColumnElement[bool]:
    """Whether the viewer may see a person, given their account."""
    return func.may_see(
        literal("ok", Text),
        account.c.standing,
        literal("public", Text),
        true(),
        blocked_with(account.c.id),
        account.c.id == VIEWER_ID,
        account.c.id == any_(VIEWER_GRANTS),
        VIEWER_ROLE,
    )


_TRACKS = (
    select(literal(Kind.TRACK.value, Text).label("kind"), tracks.c.id)
    .join(accounts, accounts.c.id == tracks.c.owner_id)
    .where(tracks.c.id == any_(bindparam("track_ids", None, type_=ARRAY(ID))), owned_thing_visible(tracks, accounts))
)
_ACCOUNTS = select(literal(Kind.ACCOUNT.value, Text).label("kind"), accounts.c.id).where(
    accounts.c.id == any_(bindparam("account_ids", None, type_=ARRAY(ID))), account_visible(accounts)
)
_PLAYLISTS = (
    select(literal(Kind.PLAYLIST.value, Text).label("kind"), playlists.c.id)
    .join(accounts, accounts.c.id == playlists.c.owner_id)
    .where(
        playlists.c.id == any_(bindparam("playlist_ids", None, type_=ARRAY(ID))),
        owned_thing_visible(playlists, accounts),
    )
)
ADMITTED = _TRACKS.union_all(_ACCOUNTS, _PLAYLISTS)
_ADMITTED = Query("gate.admit", ADMITTED, lambda row: Ref(Kind(row["kind"]), row["id"]))


class PostgresGate(Gate):
    """Asks PostgreSQL, through whatever runs the statement."""

    def __init__(self, run: Callable[[dict[str, object]], Awaitable[Iterable[Ref]]]) -> None:
        self._run = run

    async def admit(self, viewer: Viewer, refs: Sequence[Ref]) -> list[Ref]:
        if not refs:
            return []
        wanted: dict[str, Any] = {
            "track_ids": [ref.id for ref in refs if ref.kind is Kind.TRACK],
            "account_ids": [ref.id for ref in refs if ref.kind is Kind.ACCOUNT],
            "playlist_ids": [ref.id for ref in refs if ref.kind is Kind.PLAYLIST],
        }
        admitted = set(await self._run(wanted | viewer_parameters(viewer)))
        return [ref for ref in refs if ref in admitted]


def reading_gate(pool: ReadPool) -> PostgresGate:
    """The gate outside any unit of work."""
    return PostgresGate(lambda parameters: _ADMITTED.all(pool, **parameters))
