"""Uploads, tracks, likes, playlists and plays."""

from sqlalchemy import (
    ARRAY,
    UUID,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from soundgraph.adapters.postgres.schema.base import MOMENT, metadata

# Uploads of which something may be stored that is no track's.
HOLDS_BYTES = "sha256 IS NULL OR kind <> 'form' AND NOT tidied"

uploads = Table(
    "uploads",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("owner_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("key", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column(
        "kind",
        Text,
        CheckConstraint("kind IN ('form', 'resumable', 'part', 'joined', 'direct')", name="kind"),
        nullable=False,
    ),
    Column("length", BigInteger),
    Column("metadata", Text, nullable=False),
    Column("parts", ARRAY(UUID), nullable=False),
    Column("tidied", Boolean, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("version", Integer, nullable=False),
    Index("uploads_unfinished_idx", "expires_at", postgresql_where=text(HOLDS_BYTES)),
)

tracks = Table(
    "tracks",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("owner_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("permalink", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("genre", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("license", Text, nullable=False),
    Column(
        "audience",
        Text,
        CheckConstraint("audience IN ('private', 'scheduled', 'public')", name="audience"),
        nullable=False,
    ),
    Column("publish_at", MOMENT),
    Column("policy", Text, CheckConstraint("policy IN ('allow', 'snip', 'block')", name="policy"), nullable=False),
    Column(
        "standing", Text, CheckConstraint("standing IN ('ok', 'hidden', 'removed')", name="standing"), nullable=False
    ),
    Column("downloadable", Boolean, nullable=False),
    Column("comments_enabled", Boolean, nullable=False),
    Column("embeddable", Boolean, nullable=False),
    Column("live_id", UUID),
    Column("created_at", MOMENT, nullable=False),
    Column("published_at", MOMENT),
    Column("artwork_id", UUID),
    Column("version", Integer, nullable=False),
    UniqueConstraint("owner_id", "permalink", name="tracks_permalink_key"),
    Index("tracks_artwork_idx", "artwork_id", postgresql_where=text("artwork_id IS NOT NULL")),
    Index(
        "tracks_published_idx",
        "owner_id",
        text("published_at DESC"),
        text("id DESC"),
        postgresql_where=text("published_at IS NOT NULL"),
    ),
    Index(
        "tracks_newest_idx",
        text("published_at DESC"),
        text("id DESC"),
        postgresql_where=text("published_at IS NOT NULL AND audience = 'public' AND standing = 'ok'"),
    ),
    Index("tracks_owned_idx", "owner_id", text("created_at DESC"), text("id DESC")),
)

# Every permalink that a track has or had: it stays that track's, and leads to it.
permalinks = Table(
    "permalinks",
    metadata,
    Column("owner_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("permalink", Text, primary_key=True),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False, index=True),
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False),
    Column("upload_id", UUID, nullable=False, unique=True),
    Column("number", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("quarantine_key", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ('received', 'processing', 'ready', 'failed')", name="state"),
        nullable=False,
    ),
    Column("analysis", JSONB(none_as_null=True)),
    Column("renditions", JSONB, nullable=False),
    Column("failure", JSONB(none_as_null=True)),
    Column("created_at", MOMENT, nullable=False),
    Column("reserved_ms", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("track_id", "number", name="revisions_number_key"),
)

# What an account keeps of audio: always the sum over its tracks, written with every change to one of them.
allowances = Table(
    "allowances",
    metadata,
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("used_ms", BigInteger, nullable=False),
    Column("reserved_ms", BigInteger, nullable=False),
)

likes = Table(
    "likes",
    metadata,
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True),
    Column("at", MOMENT, nullable=False),
    Index("likes_likers_idx", "track_id", text("at DESC"), text("account_id DESC")),
    Index("likes_liked_idx", "account_id", text("at DESC"), text("track_id DESC")),
)

playlists = Table(
    "playlists",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("owner_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("permalink", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("audience", Text, CheckConstraint("audience IN ('private', 'public')", name="audience"), nullable=False),
    Column(
        "standing", Text, CheckConstraint("standing IN ('ok', 'hidden', 'removed')", name="standing"), nullable=False
    ),
    Column("created_at", MOMENT, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("owner_id", "permalink", name="playlists_permalink_key"),
    Index("playlists_owned_idx", "owner_id", text("created_at DESC"), text("id DESC")),
)

# Ranks compare as plain bytes, whatever the database sorts text by.
playlist_items = Table(
    "playlist_items",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("playlist_id", UUID, ForeignKey("playlists.id", ondelete="CASCADE"), nullable=False),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("rank", Text(collation="C"), nullable=False),
    Column("added_by", UUID, nullable=False),
    Column("added_at", MOMENT, nullable=False),
    UniqueConstraint("playlist_id", "track_id", name="playlist_items_track_key"),
    Index("playlist_items_order_idx", "playlist_id", "rank"),
)

# `subject_id` is a track's or a playlist's. Of the token only its SHA-256 is here.
secret_links = Table(
    "secret_links",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("kind", Text, CheckConstraint("kind IN ('track', 'playlist')", name="kind"), nullable=False),
    Column("subject_id", UUID, nullable=False),
    Column("owner_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, index=True),
    Column("plays", Integer, nullable=False),
    Index("secret_links_listed_idx", "subject_id", text("created_at DESC"), text("id DESC")),
)

# Every play that was reported; `reason` says why one was not counted. In partitions by month, which are dropped whole.
plays = Table(
    "plays",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False),
    Column("listener", Text, nullable=False),
    Column("position_ms", Integer, nullable=False),
    Column("context", Text, nullable=False),
    Column("at", MOMENT, primary_key=True),
    Column("counted", Boolean, nullable=False),
    Column("reason", Text),
    Index("plays_listener_idx", "listener"),
    Index("plays_counted_idx", "track_id", "listener", text("at DESC"), postgresql_where=text("counted")),
    postgresql_partition_by="RANGE (at)",
)

# How many plays of each outcome: counted, or the reason why not. Days are in UTC.
plays_by_day = Table(
    "plays_by_day",
    metadata,
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("plays", Integer, nullable=False),
)

# What someone played, each track once.
history = Table(
    "history",
    metadata,
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), primary_key=True),
    Column("at", MOMENT, nullable=False, index=True),
    Column("position_ms", Integer, nullable=False),
    Index("history_track_idx", "track_id"),
    Index("history_listed_idx", "account_id", text("at DESC"), text("track_id DESC")),
)
