"""Whose cover a picture is, for the doctor."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("CREATE INDEX tracks_artwork_idx ON tracks (artwork_id) WHERE artwork_id IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX tracks_artwork_idx")
