"""What accounts keep of audio, and what is reserved for revisions in processing."""

from alembic import op

revision = "0006"
down_revision = "0005"

UPGRADE = """
ALTER TABLE revisions ADD COLUMN reserved_ms bigint NOT NULL DEFAULT 0;
CREATE TABLE allowances (
    account_id uuid CONSTRAINT allowances_pkey PRIMARY KEY
        CONSTRAINT allowances_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    used_ms bigint NOT NULL,
    reserved_ms bigint NOT NULL
);
INSERT INTO allowances
    SELECT tracks.owner_id, sum((revisions.analysis ->> 'duration_ms')::bigint), 0
    FROM tracks JOIN revisions ON revisions.id = tracks.live_id
    WHERE tracks.standing <> 'removed'
    GROUP BY tracks.owner_id
"""

DOWNGRADE = """
DROP TABLE allowances;
ALTER TABLE revisions DROP COLUMN reserved_ms
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE.split(";\n"):
        op.execute(statement)
