"""Uploading a track and turning it into sound: a table of contents."""

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
    "CreateTrack",
    "DeleteTrack",
    "EditTrack",
    "ExpireUploads",
    "GiveUpOnRevision",
    "ListTracksOf",
    "MediaFailed",
    "MediaProcessor",
    "ProcessRevision",
    "Progress",
    "ProgressBoard",
    "ReadTrack",
    "RemoveTrackMedia",
    "RetryTrack",
    "TrackReader",
    "Tracks",
    "TracksWork",
    "Uploads",
    "own",
]
