"""Secret links, scheduling, and plays by month."""

from alembic import op

revision = "0007"
down_revision = "0006"

UPGRADE = """
ALTER TABLE tracks ADD COLUMN publish_at timestamptz;
ALTER TABLE tracks ADD COLUMN policy text NOT NULL DEFAULT 'allow'
    CONSTRAINT tracks_policy_check CHECK (policy IN ('allow', 'snip', 'block'));
ALTER TABLE tracks ALTER COLUMN policy DROP DEFAULT;
CREATE TABLE secret_links (
    id uuid CONSTRAINT secret_links_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT secret_links_kind_check CHECK (kind IN ('track', 'playlist')),
    subject_id uuid NOT NULL,
    owner_id uuid NOT NULL CONSTRAINT secret_links_owner_id_fkey REFERENCES accounts ON DELETE CASCADE,
    digest bytea NOT NULL CONSTRAINT secret_links_digest_key UNIQUE,
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    plays integer NOT NULL
);
CREATE INDEX ix_secret_links_owner_id ON secret_links (owner_id);
CREATE INDEX ix_secret_links_expires_at ON secret_links (expires_at);
CREATE INDEX secret_links_listed_idx ON secret_links (subject_id, created_at DESC, id DESC);
CREATE TABLE plays_by_day (
    track_id uuid CONSTRAINT plays_by_day_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    day date,
    outcome text,
    plays integer NOT NULL,
    CONSTRAINT plays_by_day_pkey PRIMARY KEY (track_id, day, outcome)
);
CREATE TABLE history (
    account_id uuid CONSTRAINT history_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    track_id uuid CONSTRAINT history_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    at timestamptz NOT NULL,
    position_ms integer NOT NULL,
    CONSTRAINT history_pkey PRIMARY KEY (account_id, track_id)
);
CREATE INDEX ix_history_at ON history (at);
CREATE INDEX history_listed_idx ON history (account_id, at DESC, track_id DESC);
INSERT INTO plays_by_day
    SELECT track_id, (at AT TIME ZONE 'UTC')::date, coalesce(reason, 'counted'), count(*) FROM plays GROUP BY 1, 2, 3;
INSERT INTO history
    SELECT DISTINCT ON (account_id, track_id) account_id, track_id, at, position_ms
    FROM (SELECT substring(listener FROM 9)::uuid AS account_id, track_id, at, position_ms
          FROM plays WHERE listener LIKE 'account:%') AS heard
    WHERE account_id IN (SELECT id FROM accounts)
    ORDER BY account_id, track_id, at DESC;
ALTER TABLE plays RENAME TO plays_before;
ALTER TABLE plays_before RENAME CONSTRAINT plays_pkey TO plays_before_pkey;
ALTER TABLE plays_before RENAME CONSTRAINT plays_track_id_fkey TO plays_before_track_id_fkey;
DROP INDEX plays_counted_idx;
CREATE TABLE plays (
    id uuid,
    track_id uuid NOT NULL CONSTRAINT plays_track_id_fkey REFERENCES tracks ON DELETE CASCADE,
    listener text NOT NULL,
    position_ms integer NOT NULL,
    context text NOT NULL,
    at timestamptz,
    counted boolean NOT NULL,
    reason text,
    CONSTRAINT plays_pkey PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX plays_counted_idx ON plays (track_id, listener, at DESC) WHERE counted;
CREATE TABLE plays_elsewhen PARTITION OF plays DEFAULT;
INSERT INTO plays SELECT * FROM plays_before;
DROP TABLE plays_before
"""

# `playback.prune` makes the months; until it has run, the default partition holds everything.
DOWNGRADE = """
CREATE TABLE plays_after AS SELECT * FROM plays;
DROP TABLE plays;
ALTER TABLE plays_after RENAME TO plays;
ALTER TABLE plays ADD CONSTRAINT plays_pkey PRIMARY KEY (id),
    ADD CONSTRAINT plays_track_id_fkey FOREIGN KEY (track_id) REFERENCES tracks ON DELETE CASCADE,
    ALTER COLUMN track_id SET NOT NULL, ALTER COLUMN listener SET NOT NULL, ALTER COLUMN position_ms SET NOT NULL,
    ALTER COLUMN context SET NOT NULL, ALTER COLUMN at SET NOT NULL, ALTER COLUMN counted SET NOT NULL;
CREATE INDEX plays_counted_idx ON plays (track_id, listener, at DESC) WHERE counted;
DROP TABLE history;
DROP TABLE plays_by_day;
DROP TABLE secret_links;
ALTER TABLE tracks DROP COLUMN policy;
ALTER TABLE tracks DROP COLUMN publish_at
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE.split(";\n"):
        op.execute(statement)
