"""Ways in through providers, deletions with their reports, exports."""

from alembic import op

revision = "0009"
down_revision = "0008"

UPGRADE = """
CREATE TABLE external_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    provider text NOT NULL,
    account_id uuid NOT NULL CONSTRAINT external_identities_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    email text NOT NULL,
    linked_at timestamptz NOT NULL,
    CONSTRAINT external_identities_pkey PRIMARY KEY (issuer, subject),
    CONSTRAINT external_identities_provider_key UNIQUE (account_id, provider)
);
CREATE TABLE sign_ins (
    id bytea CONSTRAINT sign_ins_pkey PRIMARY KEY,
    browser bytea NOT NULL,
    provider text NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    next text NOT NULL,
    intent text NOT NULL CONSTRAINT sign_ins_intent_check CHECK (intent IN ('log_in', 'link', 'restore')),
    account_id uuid CONSTRAINT sign_ins_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    family_id uuid,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_sign_ins_expires_at ON sign_ins (expires_at);
CREATE TABLE arrivals (
    id bytea CONSTRAINT arrivals_pkey PRIMARY KEY,
    browser bytea NOT NULL,
    provider text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    next text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_arrivals_expires_at ON arrivals (expires_at);
CREATE TABLE deletions (
    account_id uuid CONSTRAINT deletions_pkey PRIMARY KEY,
    requested_at timestamptz NOT NULL,
    due timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    removed jsonb NOT NULL
);
CREATE TABLE exports (
    id uuid CONSTRAINT exports_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT exports_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL CONSTRAINT exports_state_check CHECK (state IN ('preparing', 'ready', 'failed')),
    progress smallint NOT NULL,
    key text,
    size_bytes bigint,
    sha256 text,
    CONSTRAINT exports_account_id_key UNIQUE (account_id)
);
CREATE INDEX ix_exports_expires_at ON exports (expires_at);
CREATE INDEX plays_listener_idx ON plays (listener);
CREATE INDEX history_track_idx ON history (track_id)
"""

DOWNGRADE = """
DROP INDEX history_track_idx;
DROP INDEX plays_listener_idx;
DROP TABLE exports;
DROP TABLE deletions;
DROP TABLE arrivals;
DROP TABLE sign_ins;
DROP TABLE external_identities
"""


def upgrade() -> None:
    for statement in UPGRADE.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE.split(";\n"):
        op.execute(statement)
