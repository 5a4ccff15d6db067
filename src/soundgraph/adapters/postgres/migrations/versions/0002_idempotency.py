"""Idempotency keys: which request made what, for a day."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLE = """
CREATE TABLE idempotency_keys (
    account_id uuid NOT NULL CONSTRAINT idempotency_keys_account_id_fkey REFERENCES accounts ON DELETE CASCADE,
    route text NOT NULL,
    key text NOT NULL,
    holder uuid NOT NULL,
    fingerprint text,
    made_id uuid,
    expires_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_id, route, key)
)
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("CREATE INDEX ix_idempotency_keys_expires_at ON idempotency_keys (expires_at)")


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys")
