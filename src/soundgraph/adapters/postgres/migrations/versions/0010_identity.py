"""Password resets, changes of address, the audit log, and what handles look like."""

from alembic import op

revision = "0010"
down_revision = "0009"

UPGRADE = """
ALTER TABLE handles ADD COLUMN likeness text CONSTRAINT handles_likeness_key UNIQUE;
UPDATE handles SET likeness = seen.likeness
    FROM (
        SELECT min(handle) AS handle, likeness
            FROM (
                SELECT handle, replace(replace(translate(handle, '01_', 'ol-'), 'rn', 'm'), 'vv', 'w') AS likeness
                    FROM handles
            ) AS every
            GROUP BY likeness
    ) AS seen
    WHERE handles.handle = seen.handle;
CREATE TABLE password_resets (
    id uuid CONSTRAINT password_resets_pkey PRIMARY KEY,
    account_id uuid CONSTRAINT password_resets_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    token_digest bytea NOT NULL CONSTRAINT password_resets_token_digest_key UNIQUE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_password_resets_account_id ON password_resets (account_id);
CREATE INDEX ix_password_resets_expires_at ON password_resets (expires_at);
CREATE TABLE email_changes (
    id uuid CONSTRAINT email_changes_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT email_changes_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    old_email text NOT NULL,
    new_email text NOT NULL,
    old_digest bytea NOT NULL CONSTRAINT email_changes_old_digest_key UNIQUE,
    new_digest bytea NOT NULL CONSTRAINT email_changes_new_digest_key UNIQUE,
    expires_at timestamptz NOT NULL,
    old_confirmed boolean NOT NULL,
    new_confirmed boolean NOT NULL
);
CREATE INDEX ix_email_changes_account_id ON email_changes (account_id);
CREATE INDEX ix_email_changes_expires_at ON email_changes (expires_at);
CREATE TABLE audit (
    id uuid CONSTRAINT audit_pkey PRIMARY KEY,
    at timestamptz NOT NULL,
    actor_id uuid NOT NULL,
    action text NOT NULL,
    subject_id uuid NOT NULL,
    detail jsonb NOT NULL
);
CREATE INDEX audit_subject_idx ON audit (subject_id, id DESC)
"""

DOWNGRADE = """
DROP TABLE audit;
DROP TABLE email_changes;
DROP TABLE password_resets;
ALTER TABLE handles DROP COLUMN likeness
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE.split(";\n"):
        op.execute(statement)
