"""What a viewer may play, and where; what was played; and secret links, the ways to what is private."""

from soundgraph.application.playback.downloads import DownloadTrack
from soundgraph.application.playback.links import CreateSecretLink, ListSecretLinks, ReadSecretLink, RevokeSecretLink
from soundgraph.application.playback.plays import ClearHistory, PrunePlayback, ReadPlaysByDay, ReportPlay
from soundgraph.application.playback.ports import (
    LinkTokens,
    Playable,
    PlayArchive,
    PlaybackReader,
    PlaybackWork,
    PlayReader,
    Plays,
    SecretLinkReader,
    SecretLinks,
)
from soundgraph.application.playback.streams import LocateStream, ReadManifest, ReadStreams, ReadWaveform
from soundgraph.application.playback.views import (
    COUNTED,
    DownloadView,
    HistoryItem,
    NewSecretLinkView,
    PlaysByDay,
    PlaysOfDay,
    SecretLinkView,
    plays_of_day,
)

__all__ = [
    "COUNTED",
    "ClearHistory",
    "CreateSecretLink",
    "DownloadTrack",
    "DownloadView",
    "HistoryItem",
    "LinkTokens",
    "ListSecretLinks",
    "LocateStream",
    "NewSecretLinkView",
    "PlayArchive",
    "PlayReader",
    "Playable",
    "PlaybackReader",
    "PlaybackWork",
    "Plays",
    "PlaysByDay",
    "PlaysOfDay",
    "PrunePlayback",
    "ReadManifest",
    "ReadPlaysByDay",
    "ReadSecretLink",
    "ReadStreams",
    "ReadWaveform",
    "ReportPlay",
    "RevokeSecretLink",
    "SecretLinkReader",
    "SecretLinkView",
    "SecretLinks",
    "plays_of_day",
]
