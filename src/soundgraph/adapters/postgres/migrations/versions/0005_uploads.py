"""Uploads over several requests, and straight to the store."""

from alembic import op

revision = "0005"
down_revision = "0004"

UPGRADE = """
ALTER TABLE uploads ADD COLUMN kind text NOT NULL DEFAULT 'form'
    CONSTRAINT uploads_kind_check CHECK (kind IN ('form', 'resumable', 'part', 'joined', 'direct'));
ALTER TABLE uploads ADD COLUMN length bigint;
ALTER TABLE uploads ADD COLUMN metadata text NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN parts uuid[] NOT NULL DEFAULT '{}';
ALTER TABLE uploads ADD COLUMN tidied boolean NOT NULL DEFAULT false;
ALTER TABLE uploads ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE uploads ALTER COLUMN metadata DROP DEFAULT;
ALTER TABLE uploads ALTER COLUMN parts DROP DEFAULT;
ALTER TABLE uploads ALTER COLUMN tidied DROP DEFAULT;
DROP INDEX uploads_unfinished_idx;
CREATE INDEX uploads_unfinished_idx ON uploads (expires_at) WHERE sha256 IS NULL OR kind <> 'form' AND NOT tidied
"""

DOWNGRADE = """
DROP INDEX uploads_unfinished_idx;
CREATE INDEX uploads_unfinished_idx ON uploads (expires_at) WHERE sha256 IS NULL;
ALTER TABLE uploads DROP COLUMN tidied;
ALTER TABLE uploads DROP COLUMN parts;
ALTER TABLE uploads DROP COLUMN metadata;
ALTER TABLE uploads DROP COLUMN length;
ALTER TABLE uploads DROP COLUMN kind
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE.split(";\n"):
        op.execute(statement)
