"""Plays and their counter, the front page, covers."""

from alembic import op

revision = "0004"
down_revision = "0003"

UPGRADE = """
ALTER TABLE tracks ADD COLUMN artwork_id uuid;
ALTER TABLE counters ADD COLUMN plays integer NOT NULL DEFAULT 0;
CREATE INDEX counters_plays_idx ON counters (plays DESC, id DESC) WHERE plays > 0;
CREATE TABLE plays (
    id uuid CONSTRAINT plays_pkey PRIMARY KEY,
    track_id uuid NOT NULL CONSTRAINT plays_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    listener text NOT NULL,
    position_ms integer NOT NULL,
    context text NOT NULL,
    at timestamptz NOT NULL,
    counted boolean NOT NULL,
    reason text
);
CREATE INDEX plays_counted_idx ON plays (track_id, listener, at DESC) WHERE counted;
CREATE INDEX tracks_newest_idx ON tracks (published_at DESC, id DESC)
    WHERE published_at IS NOT NULL AND audience = 'public' AND standing = 'ok'
"""

DOWNGRADE = """
DROP INDEX tracks_newest_idx;
DROP TABLE plays;
DROP INDEX counters_plays_idx;
ALTER TABLE counters DROP COLUMN plays;
ALTER TABLE tracks DROP COLUMN artwork_id
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE.split(";\n"):
        op.execute(statement)
