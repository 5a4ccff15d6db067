"""Uploads, and tracks with their revisions: what a creator sends and what becomes of it."""

from soundgraph.domain.tracks.artwork import (
    ARTWORK_SIZES,
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    artwork_key,
    artwork_prefix,
)
from soundgraph.domain.tracks.details import LICENSES, MAX_TAGS, TrackDetails, permalink_errors, slugify
from soundgraph.domain.tracks.events import (
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    TrackPublished,
    TrackRemoved,
)
from soundgraph.domain.tracks.media import IN_PROCESSING, Analysis, Failure, Rendition, Revision, RevisionState, Segment
from soundgraph.domain.tracks.track import Track, TrackState
from soundgraph.domain.tracks.uploads import MAX_UPLOAD_BYTES, UPLOAD_LIFETIME, Upload

__all__ = [
    "ARTWORK_SIZES",
    "IN_PROCESSING",
    "LICENSES",
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PIXELS",
    "MAX_TAGS",
    "MAX_UPLOAD_BYTES",
    "UPLOAD_LIFETIME",
    "Analysis",
    "Failure",
    "Rendition",
    "Revision",
    "RevisionFailed",
    "RevisionReady",
    "RevisionReceived",
    "RevisionState",
    "Segment",
    "Track",
    "TrackDetails",
    "TrackPublished",
    "TrackRemoved",
    "TrackState",
    "Upload",
    "artwork_key",
    "artwork_prefix",
    "permalink_errors",
    "slugify",
]
