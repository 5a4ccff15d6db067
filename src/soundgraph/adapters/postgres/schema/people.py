"""Accounts, sessions, profiles, and the edges between people."""

from sqlalchemy import (
    ARRAY,
    UUID,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from soundgraph.adapters.postgres.schema.base import MOMENT, metadata

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
    # What it looks like. Null where two looked alike before that was asked.
    Column("likeness", Text, unique=True),
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

password_resets = Table(
    "password_resets",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("expires_at", MOMENT, nullable=False, index=True),
)

email_changes = Table(
    "email_changes",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("old_email", Text, nullable=False),
    Column("new_email", Text, nullable=False),
    Column("old_digest", LargeBinary, nullable=False, unique=True),
    Column("new_digest", LargeBinary, nullable=False, unique=True),
    Column("expires_at", MOMENT, nullable=False, index=True),
    Column("old_confirmed", Boolean, nullable=False),
    Column("new_confirmed", Boolean, nullable=False),
)

# Refers to nothing: an entry outlives whom and what it is about.
audit = Table(
    "audit",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("actor_id", UUID, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_id", UUID, nullable=False),
    Column("detail", JSONB, nullable=False),
    Index("audit_subject_idx", "subject_id", text("id DESC")),
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
