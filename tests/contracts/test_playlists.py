"""Playlists, in memory and on PostgreSQL."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from tests.builders import App, join, publish, upload

from soundgraph.application.people import Block, ReadProfile
from soundgraph.application.playlists import (
    AddToPlaylist,
    CreatePlaylist,
    DeletePlaylist,
    EditPlaylist,
    ListPlaylistItems,
    ListPlaylistsOf,
    MovePlaylistItem,
    ReadPlaylist,
    ReadPlaylistItem,
    RemoveFromPlaylist,
    ReplacePlaylistTracks,
)
from soundgraph.application.tracks import EditTrack
from soundgraph.application.views import Page, PlaylistItemView, Position
from soundgraph.domain.errors import Conflict, Invalid, NotFound, Stale
from soundgraph.domain.ids import ItemId, PlaylistId, TrackId
from soundgraph.domain.playlists import PlaylistDetails, PlaylistKind
from soundgraph.domain.visibility import ANYONE, Actor, Audience, Viewer

MIX = PlaylistDetails(title="Mix")


async def items(app: App, viewer: Viewer, playlist_id: PlaylistId, *, limit: int = 100) -> list[PlaylistItemView]:
    """Everything in a playlist, page by page."""
    found: list[PlaylistItemView] = []
    after: Position | None = None
    while True:
        page: Page[PlaylistItemView] = await app.use(ListPlaylistItems)(
            viewer=viewer, playlist_id=playlist_id, after=after, limit=limit
        )
        assert page.items or not found, "a cursor led to an empty page"
        found += page.items
        if page.next is None:
            return found
        after = page.next


async def titles(app: App, viewer: Viewer, playlist_id: PlaylistId) -> list[str]:
    return [one.track.title for one in await items(app, viewer, playlist_id)]


async def a_mix(app: App, *names: str) -> tuple[Actor, list[TrackId], PlaylistId]:
    """Ada, tracks of hers, and a playlist with them in it."""
    ada = await join(app, "ada")
    tracks = [await publish(app, ada, name) for name in names]
    return ada, tracks, await app.use(CreatePlaylist)(actor=ada, details=MIX, track_ids=tracks)


async def test_a_playlist_is_made_read_changed_and_deleted(app: App) -> None:
    ada, _, mix = await a_mix(app, "one", "two")
    view = await app.use(ReadPlaylist)(viewer=ANYONE, playlist_id=mix)
    assert (view.title, view.kind, view.track_count, view.permalink, view.user.handle) == (
        "Mix",
        "playlist",
        2,
        "mix",
        "ada",
    )
    assert view.permalink_url == "http://localhost/ada/sets/mix"
    assert await titles(app, ANYONE, mix) == ["one", "two"]
    album = replace(MIX, title="Album", kind=PlaylistKind.ALBUM)
    await app.use(EditPlaylist)(actor=ada, playlist_id=mix, change=lambda _: album)
    changed = await app.use(ReadPlaylist)(viewer=ANYONE, playlist_id=mix)
    assert (changed.title, changed.kind, changed.version) == ("Album", "album", view.version + 1)
    assert (await app.use(ReadProfile)(viewer=ANYONE, id_or_handle="ada")).counts.playlists == 1
    await app.use(DeletePlaylist)(actor=ada, playlist_id=mix)
    assert (await app.use(ReadProfile)(viewer=ANYONE, id_or_handle="ada")).counts.playlists == 0
    for gone in (
        app.use(ReadPlaylist)(viewer=ada, playlist_id=mix),
        app.use(DeletePlaylist)(actor=ada, playlist_id=mix),
    ):
        with pytest.raises(NotFound):
            await gone


async def test_tracks_come_go_and_move(app: App) -> None:
    ada, tracks, mix = await a_mix(app, "one", "two", "three")
    first, second, third = await items(app, ada, mix)
    await app.use(MovePlaylistItem)(actor=ada, playlist_id=mix, item_id=third.id, after=None)
    assert await titles(app, ada, mix) == ["three", "one", "two"]
    await app.use(RemoveFromPlaylist)(actor=ada, playlist_id=mix, item_id=first.id)
    assert await titles(app, ada, mix) == ["three", "two"]
    again = await app.use(AddToPlaylist)(actor=ada, playlist_id=mix, track_id=tracks[0], after=third.id)
    assert await titles(app, ada, mix) == ["three", "one", "two"]
    seen = await app.use(ReadPlaylistItem)(viewer=ada, item_id=again)
    assert (seen.track.title, seen.added_by) == ("one", ada.id)
    await app.use(ReplacePlaylistTracks)(actor=ada, playlist_id=mix, track_ids=[tracks[1], tracks[2]])
    assert await titles(app, ada, mix) == ["two", "three"]
    assert {one.id for one in await items(app, ada, mix)} == {second.id, third.id}
    with pytest.raises(Conflict) as doubled:
        await app.use(AddToPlaylist)(actor=ada, playlist_id=mix, track_id=tracks[1])
    assert doubled.value.code == "already_in_playlist"
    with pytest.raises(NotFound):
        await app.use(ReadPlaylistItem)(viewer=ada, item_id=ItemId(uuid4()))


async def test_pages_are_full_and_none_is_empty(app: App) -> None:
    ada, _, mix = await a_mix(app, *(f"track {number}" for number in range(5)))
    for limit in range(1, 7):
        assert len(await items(app, ada, mix, limit=limit)) == 5


async def test_only_the_owner_changes_a_playlist_and_only_with_what_they_can_see(app: App) -> None:
    ada, tracks, mix = await a_mix(app, "one")
    bob = await join(app, "bob")
    item = (await items(app, ada, mix))[0].id
    refused = (
        app.use(EditPlaylist)(actor=bob, playlist_id=mix, change=lambda details: details),
        app.use(DeletePlaylist)(actor=bob, playlist_id=mix),
        app.use(RemoveFromPlaylist)(actor=bob, playlist_id=mix, item_id=item),
        app.use(MovePlaylistItem)(actor=bob, playlist_id=mix, item_id=item, after=None),
        app.use(AddToPlaylist)(actor=bob, playlist_id=mix, track_id=tracks[0]),
        app.use(ReplacePlaylistTracks)(actor=bob, playlist_id=mix, track_ids=[]),
        app.use(ReadPlaylist)(viewer=bob, playlist_id=PlaylistId(uuid4())),
        app.use(ListPlaylistItems)(viewer=bob, playlist_id=PlaylistId(uuid4()), after=None, limit=1),
    )
    for attempt in refused:
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Invalid) as unknown:
        await app.use(CreatePlaylist)(actor=bob, details=MIX, track_ids=[TrackId(uuid4())])
    assert unknown.value.code == "unknown_track"
    nameless = replace(MIX, title="")
    with pytest.raises(Invalid):
        await app.use(CreatePlaylist)(actor=bob, details=nameless)
    with pytest.raises(Invalid):
        await app.use(EditPlaylist)(actor=ada, playlist_id=mix, change=lambda _: nameless)


async def test_what_cannot_be_seen_is_not_listed(app: App) -> None:
    ada, tracks, mix = await a_mix(app, "one", "two")
    bob = await join(app, "bob")
    await app.use(EditTrack)(
        actor=ada, track_id=tracks[0], change=lambda details: replace(details, audience=Audience.PRIVATE)
    )
    await app.use(AddToPlaylist)(actor=ada, playlist_id=mix, track_id=await upload(app, ada, "in processing"))
    assert await titles(app, bob, mix) == ["two"]
    assert await titles(app, ada, mix) == ["one", "two"]
    secret = await app.use(CreatePlaylist)(actor=ada, details=replace(MIX, audience=Audience.PRIVATE))
    listed = await app.use(ListPlaylistsOf)(viewer=bob, account_id=ada.id, after=None, limit=9)
    mine = await app.use(ListPlaylistsOf)(viewer=ada, account_id=ada.id, after=None, limit=9)
    assert ([one.id for one in listed.items], [one.id for one in mine.items]) == ([mix], [secret, mix])
    assert [one.permalink for one in mine.items] == [f"mix-{secret.hex[-8:]}", "mix"]
    with pytest.raises(NotFound):
        await app.use(ReadPlaylist)(viewer=bob, playlist_id=secret)
    await app.use(Block)(actor=ada, account_id=bob.id)
    with pytest.raises(NotFound):
        await app.use(ReadPlaylist)(viewer=bob, playlist_id=mix)


async def test_a_change_to_a_version_that_has_passed_is_refused_with_the_present_order(app: App) -> None:
    ada, _, mix = await a_mix(app, "one", "two")
    first, second = await items(app, ada, mix)
    await app.use(MovePlaylistItem)(actor=ada, playlist_id=mix, item_id=second.id, after=None, version=1)
    with pytest.raises(Stale) as stale:
        await app.use(MovePlaylistItem)(actor=ada, playlist_id=mix, item_id=second.id, after=first.id, version=1)
    assert stale.value.present == (second.id, first.id)


async def test_saving_over_someone_elses_change_is_a_conflict(app: App) -> None:
    _, _, mix = await a_mix(app, "one")
    async with app.work() as work:
        mine = await work.playlists.get(mix)
    async with app.work() as work:
        theirs = await work.playlists.get(mix)
        assert theirs is not None
        theirs.edit(replace(MIX, title="Theirs"))
        await work.playlists.save(theirs)
        await work.commit()
    assert mine is not None
    mine.edit(replace(MIX, title="Mine"))
    with pytest.raises(Conflict) as refused:
        async with app.work() as work:
            await work.playlists.save(mine)
    assert refused.value.code == "version_conflict"
    assert (await app.use(ReadPlaylist)(viewer=ANYONE, playlist_id=mix)).title == "Theirs"


async def test_leaving_without_commit_leaves_no_trace(app: App) -> None:
    ada, tracks, mix = await a_mix(app, "one")
    async with app.work() as work:
        playlist = await work.playlists.get(mix)
        assert playlist is not None
        playlist.discard(playlist.items[0].id)
        await work.playlists.save(playlist)
    assert await titles(app, ada, mix) == ["one"]
    assert len(tracks) == 1


async def test_twenty_moves_at_once_neither_lose_nor_double_a_track(app: App) -> None:
    ada, _, mix = await a_mix(app, *"abcde")
    places = [one.id for one in await items(app, ada, mix)]
    moves = [(places[turn % 5], places[(turn * 3 + 1) % 5]) for turn in range(20)]
    await asyncio.gather(
        *(app.use(MovePlaylistItem)(actor=ada, playlist_id=mix, item_id=one, after=other) for one, other in moves)
    )
    assert sorted(await titles(app, ada, mix)) == list("abcde")


async def test_of_twenty_who_add_one_track_at_once_one_succeeds(app: App) -> None:
    ada, _, mix = await a_mix(app)
    track_id = await publish(app, ada, "wanted")
    outcomes = await asyncio.gather(
        *(app.use(AddToPlaylist)(actor=ada, playlist_id=mix, track_id=track_id) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Conflict) for one in outcomes) == 19
    assert await titles(app, ada, mix) == ["wanted"]
