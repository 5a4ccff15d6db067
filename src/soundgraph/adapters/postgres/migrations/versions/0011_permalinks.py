"""Every permalink that a track has or had."""

from alembic import op

revision = "0011"
down_revision = "0010"

UPGRADE = """
CREATE TABLE permalinks (
    owner_id uuid NOT NULL CONSTRAINT permalinks_owner_id_fkey REFERENCES accounts ON DELETE CASCADE,
    permalink text NOT NULL,
    track_id uuid NOT NULL CONSTRAINT permalinks_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    CONSTRAINT permalinks_pkey PRIMARY KEY (owner_id, permalink)
);
INSERT INTO permalinks SELECT owner_id, permalink, id FROM tracks;
CREATE INDEX ix_permalinks_track_id ON permalinks (track_id)
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE permalinks")
