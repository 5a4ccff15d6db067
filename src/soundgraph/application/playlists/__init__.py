"""Playlists: made, edited and read: a table of contents."""

from soundgraph.application.playlists.editing import CreatePlaylist, DeletePlaylist, EditPlaylist
from soundgraph.application.playlists.items import (
    AddToPlaylist,
    MovePlaylistItem,
    RemoveFromPlaylist,
    ReplacePlaylistTracks,
)
from soundgraph.application.playlists.ports import PlaylistReader, Playlists, PlaylistsWork
from soundgraph.application.playlists.reading import ListPlaylistItems, ListPlaylistsOf, ReadPlaylist, ReadPlaylistItem

__all__ = [
    "AddToPlaylist",
    "CreatePlaylist",
    "DeletePlaylist",
    "EditPlaylist",
    "ListPlaylistItems",
    "ListPlaylistsOf",
    "MovePlaylistItem",
    "PlaylistReader",
    "Playlists",
    "PlaylistsWork",
    "ReadPlaylist",
    "ReadPlaylistItem",
    "RemoveFromPlaylist",
    "ReplacePlaylistTracks",
]
