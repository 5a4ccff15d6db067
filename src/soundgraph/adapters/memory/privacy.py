"""What memory holds of people, module by module, and their archives."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from soundgraph.adapters.memory.database import Edges, MemoryDatabase, Tables, kept
from soundgraph.application.privacy import FILES, Exports, Fact, PersonalRows
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import AccountId, ExportId, TrackId, UploadId
from soundgraph.domain.playback import FORGOTTEN, listener_of
from soundgraph.domain.privacy import Export


class MemoryPersonalRows(PersonalRows):
    """Looks at everything, each time."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def read(self, module: str, account_id: AccountId) -> AsyncIterator[Fact]:
        for file, row in READ.get(module, _nothing)(self._database.tables, account_id):
            yield Fact(file, {name: row[name] for name in FILES[file]})

    async def remove(self, module: str, account_id: AccountId) -> dict[str, int]:
        async with self._database.lock:
            return REMOVE[module](self._database.tables, account_id)

    async def tracks(self, account_id: AccountId, *, after: TrackId | None, limit: int) -> list[TrackId]:
        mine = sorted(one.id for one in self._database.tables.tracks.values() if one.owner_id == account_id)
        return [one for one in mine if after is None or one > after][:limit]

    async def uploads(self, account_id: AccountId, *, after: UploadId | None, limit: int) -> list[UploadId]:
        mine = sorted(one.id for one in self._database.tables.uploads.values() if one.owner_id == account_id)
        return [one for one in mine if after is None or one > after][:limit]


Rows = Iterator[tuple[str, dict[str, Any]]]


def _nothing(_tables: Tables, _account_id: AccountId) -> Rows:
    yield from ()


def _identity(tables: Tables, account_id: AccountId) -> Rows:
    yield from (("sessions", asdict(one)) for one in tables.families.values() if one.account_id == account_id)
    yield from (("identities", asdict(one)) for one in tables.linked(account_id))
    yield from (("email_changes", asdict(one)) for one in tables.email_changes.values() if one.account_id == account_id)
    yield from (("account", asdict(one)) for one in tables.accounts.values() if one.id == account_id)


def _people(tables: Tables, account_id: AccountId) -> Rows:
    for (follower, followee), at in tables.follows.items():
        if account_id in (follower, followee):
            yield "follows", {"follower": follower, "followee": followee, "at": at}
    for (blocker, blocked), at in tables.blocks.items():
        if blocker == account_id:
            yield "blocks", {"blocked": blocked, "at": at}
    yield from (("profile", asdict(one)) for one in tables.profiles.values() if one.id == account_id)


def _tracks(tables: Tables, account_id: AccountId) -> Rows:
    mine = [one for one in tables.tracks.values() if one.owner_id == account_id]
    for track in mine:
        yield from (("revisions", asdict(one) | {"track_id": track.id}) for one in track.revisions)
    yield from (("tracks", asdict(one) | asdict(one.details)) for one in mine)
    yield from (("uploads", asdict(one)) for one in tables.uploads.values() if one.owner_id == account_id)


def _engagement(tables: Tables, account_id: AccountId) -> Rows:
    for (who, what), at in tables.likes.items():
        if who == account_id:
            yield "likes", {"track_id": what, "at": at}


def _playback(tables: Tables, account_id: AccountId) -> Rows:
    listener = listener_of(account_id, "")
    yield from (("history", asdict(one)) for (who, _), one in tables.history.items() if who == account_id)
    for link in tables.secret_links.values():
        if link.owner_id == account_id:
            yield "secret_links", asdict(link) | {"kind": link.subject.kind.value, "subject_id": link.subject.id}
    yield from (("plays", asdict(one)) for one in tables.plays.values() if one.listener == listener)


def _playlists(tables: Tables, account_id: AccountId) -> Rows:
    mine = [one for one in tables.playlists.values() if one.owner_id == account_id]
    for playlist in mine:
        yield from (("playlist_items", asdict(item) | {"playlist_id": playlist.id}) for item in playlist.items)
    yield from (("playlists", asdict(one) | asdict(one.details)) for one in mine)


READ: dict[str, Callable[[Tables, AccountId], Rows]] = {
    "identity": _identity,
    "people": _people,
    "tracks": _tracks,
    "engagement": _engagement,
    "playback": _playback,
    "playlists": _playlists,
}


def _drop(table: dict[Any, Any], gone: Callable[[Any, Any], bool]) -> int:
    """Remove rows by key and value; how many."""
    chosen = [key for key, value in table.items() if gone(key, value)]
    for key in chosen:
        del table[key]
    return len(chosen)


def _drop_edges(
    tables: Tables, edges: Edges, gone: Callable[[tuple[UUID, UUID]], bool], counters: tuple[str, str]
) -> int:
    chosen = [edge for edge in edges if gone(edge)]
    for edge in chosen:
        del edges[edge]
        for subject, counter in zip(edge, counters, strict=True):
            tables.count(subject, counter, -1)
    return len(chosen)


def _remove_identity(tables: Tables, account_id: AccountId) -> dict[str, int]:
    account = tables.accounts.get(account_id)
    if account is not None:
        tables.retired_handles[account.handle] = account_id
    return {
        "session_families": _drop(tables.families, lambda _, one: one.account_id == account_id),
        "external_identities": _drop(tables.external_identities, lambda _, one: one.account_id == account_id),
        "sign_ins": _drop(tables.sign_ins, lambda _, one: one.account_id == account_id),
        "password_resets": _drop(tables.password_resets, lambda _, one: one.account_id == account_id),
        "email_changes": _drop(tables.email_changes, lambda _, one: one.account_id == account_id),
        "idempotency_keys": _drop(tables.idempotency_keys, lambda key, _: key[0] == account_id),
        "counters": int(_drop(tables.counters, lambda key, _: key[0] == account_id) > 0),
        "accounts": _drop(tables.accounts, lambda key, _: key == account_id),
    }


def _remove_people(tables: Tables, account_id: AccountId) -> dict[str, int]:
    return {
        "follows": _drop_edges(tables, tables.follows, lambda edge: account_id in edge, ("followings", "followers")),
        "blocks": _drop(tables.blocks, lambda edge, _: account_id in edge),
        "profiles": _drop(tables.profiles, lambda key, _: key == account_id),
    }


def _remove_tracks(tables: Tables, account_id: AccountId) -> dict[str, int]:
    mine = {one.id: one for one in tables.tracks.values() if one.owner_id == account_id}
    revisions = {revision.id for one in mine.values() for revision in one.revisions}
    for playlist in list(tables.playlists.values()):
        if any(item.track_id in mine for item in playlist.items):
            items = [item for item in playlist.items if item.track_id not in mine]
            tables.playlists[playlist.id] = replace(playlist, items=items)
    counted = [key for key in tables.counters if key[0] in mine]
    for key in counted:
        del tables.counters[key]
    return {
        "progress": _drop(tables.progress, lambda key, _: key in revisions),
        "counters": len({subject for subject, _ in counted}),
        "revisions": len(revisions),
        "permalinks": _drop(tables.permalinks, lambda key, _: key[0] == account_id),
        "tracks": _drop(tables.tracks, lambda key, _: key in mine),
        "uploads": _drop(tables.uploads, lambda _, one: one.owner_id == account_id),
    }


def _remove_engagement(tables: Tables, account_id: AccountId) -> dict[str, int]:
    mine = {one.id for one in tables.tracks.values() if one.owner_id == account_id}
    gone = _drop_edges(tables, tables.likes, lambda edge: edge[0] == account_id or edge[1] in mine, ("likes", "likes"))
    return {"likes": gone}


def _remove_playback(tables: Tables, account_id: AccountId) -> dict[str, int]:
    heard = [one for one in tables.plays.values() if one.listener == listener_of(account_id, "")]
    for play in heard:
        tables.plays[play.id] = replace(play, listener=FORGOTTEN, context="")
    mine = {one.id for one in tables.tracks.values() if one.owner_id == account_id}
    _drop(tables.plays_by_day, lambda key, _: key[0] in mine)
    return {
        "history": _drop(tables.history, lambda key, _: key[0] == account_id or key[1] in mine),
        "plays": len(heard) + _drop(tables.plays, lambda _, one: one.track_id in mine),
        "secret_links": _drop(tables.secret_links, lambda _, one: one.owner_id == account_id),
    }


def _remove_plans(tables: Tables, account_id: AccountId) -> dict[str, int]:
    return {"allowances": _drop(tables.allowances, lambda key, _: key == account_id)}


def _remove_playlists(tables: Tables, account_id: AccountId) -> dict[str, int]:
    items = sum(len(one.items) for one in tables.playlists.values() if one.owner_id == account_id)
    gone = _drop(tables.playlists, lambda _, one: one.owner_id == account_id)
    return {"playlist_items": items, "playlists": gone}


def _remove_exports(tables: Tables, account_id: AccountId) -> dict[str, int]:
    return {"exports": _drop(tables.exports, lambda _, one: one.account_id == account_id)}


REMOVE: dict[str, Callable[[Tables, AccountId], dict[str, int]]] = {
    "identity": _remove_identity,
    "people": _remove_people,
    "tracks": _remove_tracks,
    "engagement": _remove_engagement,
    "playback": _remove_playback,
    "plans": _remove_plans,
    "playlists": _remove_playlists,
    "privacy": _remove_exports,
}


class MemoryExports(Exports):
    """Archives among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, export_id: ExportId) -> Export | None:
        return kept(self._tables.exports.get(export_id))

    async def of(self, account_id: AccountId) -> Export | None:
        return kept(next((one for one in self._tables.exports.values() if one.account_id == account_id), None))

    async def put(self, export: Export) -> None:
        other = await self.of(export.account_id)
        if other is not None and other.id != export.id:
            raise Conflict("export_exists", "An archive is asked for already.")
        self._tables.exports[export.id] = kept(export)

    async def remove(self, export_id: ExportId) -> None:
        self._tables.exports.pop(export_id, None)

    async def expired(self, *, now: datetime, limit: int) -> list[Export]:
        over = [one for one in self._tables.exports.values() if one.expires_at <= now]
        return kept(sorted(over, key=lambda one: one.expires_at)[:limit])
