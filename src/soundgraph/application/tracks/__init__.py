"""Uploading a track and turning it into sound: a table of contents."""

from soundgraph.application.tracks.artwork import MakeArtwork, ReadArtwork, SetArtwork
from soundgraph.application.tracks.editing import (
    DeleteTrack,
    EditTrack,
    ListTracksOf,
    ReadTrack,
    RemoveTrackMedia,
    RetryTrack,
    own,
)
from soundgraph.application.tracks.ports import (
    CoverMaker,
    MediaFailed,
    MediaProcessor,
    Progress,
    ProgressBoard,
    TrackReader,
    Tracks,
    TracksWork,
    Uploads,
)
from soundgraph.application.tracks.processing import GAVE_UP, GiveUpOnRevision, ProcessRevision
from soundgraph.application.tracks.uploads import AbandonUpload, BeginUpload, CreateTrack, ExpireUploads

__all__ = [
    "GAVE_UP",
    "AbandonUpload",
    "BeginUpload",
    "CoverMaker",
    "CreateTrack",
    "DeleteTrack",
    "EditTrack",
    "ExpireUploads",
    "GiveUpOnRevision",
    "ListTracksOf",
    "MakeArtwork",
    "MediaFailed",
    "MediaProcessor",
    "ProcessRevision",
    "Progress",
    "ProgressBoard",
    "ReadArtwork",
    "ReadTrack",
    "RemoveTrackMedia",
    "RetryTrack",
    "SetArtwork",
    "TrackReader",
    "Tracks",
    "TracksWork",
    "Uploads",
    "own",
]
