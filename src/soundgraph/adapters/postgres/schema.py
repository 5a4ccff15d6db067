"""The tables, as SQLAlchemy Core sees them. The migrations make them; a test compares the two."""

from sqlalchemy import (
    ARRAY,
    UUID,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

ID = UUID()
MOMENT = DateTime(timezone=True)

accounts = Table(
    "accounts",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("handle", Text, nullable=False, unique=True),
    Column("password_hash", Text),
    Column("role", Text, CheckConstraint("role IN ('member', 'moderator', 'admin')", name="role"), nullable=False),
    Column(
        "standing",
        Text,
        CheckConstraint("standing IN ('active', 'suspended', 'deleted')", name="standing"),
        nullable=False,
    ),
    Column("plan", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("version", Integer, nullable=False),
)

registrations = Table(
    "registrations",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("email", Text, nullable=False, index=True),
    Column("handle", Text, nullable=False, index=True),
    Column("display_name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("expires_at", MOMENT, nullable=False, index=True),
)

# Every handle that is or was anyone's. A row without an account goes when its registration goes; others stay for ever.
handles = Table(
    "handles",
    metadata,
    Column("handle", Text, primary_key=True),
    Column("account_id", UUID, index=True),
    Column("registration_id", UUID, ForeignKey("registrations.id", ondelete="CASCADE"), index=True),
)

session_families = Table(
    "session_families",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("device", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("rotated_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False, index=True),
    Column("ended_at", MOMENT),
    Column("version", Integer, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("handle", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("bio", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("country_code", Text),
    Column("links", ARRAY(Text), nullable=False),
    Column("version", Integer, nullable=False),
)

follows = Table(
    "follows",
    metadata,
    Column("follower", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("followee", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("at", MOMENT, nullable=False),
    Index("follows_followers_idx", "followee", text("at DESC"), text("follower DESC")),
    Index("follows_followings_idx", "follower", text("at DESC"), text("followee DESC")),
    Index("follows_fans_idx", "followee", "follower"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("blocker", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("blocked", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("at", MOMENT, nullable=False),
    Index("blocks_listed_idx", "blocker", text("at DESC"), text("blocked DESC")),
    Index("blocks_blocked_idx", "blocked"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("owner_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("key", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
    Column("expires_at", MOMENT, nullable=False),
    Column("version", Integer, nullable=False),
    Index("uploads_unfinished_idx", "expires_at", postgresql_where=text("sha256 IS NULL")),
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
    UniqueConstraint("track_id", "number", name="revisions_number_key"),
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

# Every play that was reported; `reason` says why one was not counted.
plays = Table(
    "plays",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("track_id", UUID, ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False),
    Column("listener", Text, nullable=False),
    Column("position_ms", Integer, nullable=False),
    Column("context", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("reason", Text),
    Index("plays_counted_idx", "track_id", "listener", text("at DESC"), postgresql_where=text("counted")),
)

# One narrow row per person or track, written last in a transaction and in the order of ids.
counters = Table(
    "counters",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("followers", Integer, nullable=False, server_default="0"),
    Column("followings", Integer, nullable=False, server_default="0"),
    Column("tracks", Integer, nullable=False, server_default="0"),
    Column("likes", Integer, nullable=False, server_default="0"),
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

# Unlogged: what a crash loses here is said again within a second.
progress = Table(
    "progress",
    metadata,
    Column("revision_id", UUID, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("percent", SmallInteger, nullable=False),
    prefixes=["UNLOGGED"],
)
