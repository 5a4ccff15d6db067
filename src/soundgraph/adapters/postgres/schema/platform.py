"""Counters, events and what is owed for them, timelines, keys, progress."""

from sqlalchemy import (
    UUID,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from soundgraph.adapters.postgres.schema.base import MOMENT, metadata

# One narrow row per person or track, written last in a transaction and in the order of ids.
counters = Table(
    "counters",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("followers", Integer, nullable=False, server_default="0"),
    Column("followings", Integer, nullable=False, server_default="0"),
    Column("tracks", Integer, nullable=False, server_default="0"),
    Column("likes", Integer, nullable=False, server_default="0"),
    Column("playlists", Integer, nullable=False, server_default="0"),
    Column("plays", Integer, nullable=False, server_default="0"),
    Index("counters_plays_idx", text("plays DESC"), text("id DESC"), postgresql_where=text("plays > 0")),
)

events = Table(
    "events",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("at", MOMENT, nullable=False, index=True),
)

# A row is a debt. `due` is lease, retry, schedule and dead letter (infinity) at once; `attempts` is the fencing token.
deliveries = Table(
    "deliveries",
    metadata,
    Column("event_id", UUID, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("subscriber", Text, primary_key=True),
    Column("due", MOMENT, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("budget", Integer, nullable=False),
    Column("error", Text, nullable=False),
)

timelines = Table(
    "timelines",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("sort", MOMENT, nullable=False),
    Column("about", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("timelines_page_idx", "stream", text("sort DESC"), text("key DESC")),
    Index("timelines_about_idx", "about", "stream"),
)

# Claimed while `made_id` is null, settled after; either way until `expires_at`.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("holder", UUID, nullable=False),
    Column("fingerprint", Text),
    Column("made_id", UUID),
    Column("expires_at", MOMENT, nullable=False, index=True),
)

# Unlogged: what a crash loses here is said again within a second.
progress = Table(
    "progress",
    metadata,
    Column("revision_id", UUID, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("percent", SmallInteger, nullable=False),
    prefixes=["UNLOGGED"],
)
