"""Playlists: ordered sets of tracks."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE playlists (
        id uuid CONSTRAINT playlists_pkey PRIMARY KEY,
        owner_id uuid NOT NULL CONSTRAINT playlists_owner_id_fkey REFERENCES accounts ON DELETE CASCADE,
        permalink text NOT NULL,
        title text NOT NULL,
        description text NOT NULL,
        kind text NOT NULL,
        audience text NOT NULL CONSTRAINT playlists_audience_check CHECK (audience IN ('private', 'public')),
        standing text NOT NULL CONSTRAINT playlists_standing_check CHECK (standing IN ('ok', 'hidden', 'removed')),
        created_at timestamptz NOT NULL,
        version integer NOT NULL,
        CONSTRAINT playlists_permalink_key UNIQUE (owner_id, permalink)
    )
    """,
    "CREATE INDEX playlists_owned_idx ON playlists (owner_id, created_at DESC, id DESC)",
    """
    CREATE TABLE playlist_items (
        id uuid CONSTRAINT playlist_items_pkey PRIMARY KEY,
        playlist_id uuid NOT NULL CONSTRAINT playlist_items_playlist_id_fkey REFERENCES playlists ON DELETE CASCADE,
        track_id uuid NOT NULL CONSTRAINT playlist_items_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
        rank text COLLATE "C" NOT NULL,
        added_by uuid NOT NULL,
        added_at timestamptz NOT NULL,
        CONSTRAINT playlist_items_track_key UNIQUE (playlist_id, track_id)
    )
    """,
    "CREATE INDEX ix_playlist_items_track_id ON playlist_items (track_id)",
    "CREATE INDEX playlist_items_order_idx ON playlist_items (playlist_id, rank)",
    "ALTER TABLE counters ADD COLUMN playlists integer NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE counters DROP COLUMN playlists")
    op.execute("DROP TABLE playlist_items")
    op.execute("DROP TABLE playlists")
