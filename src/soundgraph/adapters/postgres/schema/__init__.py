"""The tables, as SQLAlchemy Core sees them. The migrations make them; a test compares the two."""

from soundgraph.adapters.postgres.schema.base import ID, MOMENT, metadata
from soundgraph.adapters.postgres.schema.people import (
    accounts,
    blocks,
    follows,
    handles,
    profiles,
    registrations,
    session_families,
)
from soundgraph.adapters.postgres.schema.platform import (
    counters,
    deliveries,
    events,
    idempotency_keys,
    progress,
    timelines,
)
from soundgraph.adapters.postgres.schema.sounds import (
    likes,
    playlist_items,
    playlists,
    plays,
    revisions,
    tracks,
    uploads,
)

__all__ = [
    "ID",
    "MOMENT",
    "accounts",
    "blocks",
    "counters",
    "deliveries",
    "events",
    "follows",
    "handles",
    "idempotency_keys",
    "likes",
    "metadata",
    "playlist_items",
    "playlists",
    "plays",
    "profiles",
    "progress",
    "registrations",
    "revisions",
    "session_families",
    "timelines",
    "tracks",
    "uploads",
]
