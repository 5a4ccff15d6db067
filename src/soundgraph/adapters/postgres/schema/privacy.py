"""Ways in through providers, deletions with their reports, exports."""

from sqlalchemy import UUID, BigInteger, CheckConstraint, Column, ForeignKey, LargeBinary, SmallInteger, Table, Text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.dialects.postgresql import JSONB

from soundgraph.adapters.postgres.schema.base import MOMENT, metadata

external_identities = Table(
    "external_identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),
    Column("linked_at", MOMENT, nullable=False),
    Unique("account_id", "provider", name="external_identities_provider_key"),
)

# People on their way to a provider. Ids are digests.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("browser", LargeBinary, nullable=False),
    Column("provider", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("next", Text, nullable=False),
    Column("intent", Text, CheckConstraint("intent IN ('log_in', 'link', 'restore')", name="intent"), nullable=False),
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE")),
    Column("family_id", UUID),
    Column("expires_at", MOMENT, nullable=False, index=True),
)

# People who came from a provider and have yet to choose a handle.
arrivals = Table(
    "arrivals",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("browser", LargeBinary, nullable=False),
    Column("provider", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("next", Text, nullable=False),
    Column("expires_at", MOMENT, nullable=False, index=True),
)

# Not bound to the account: the report outlives it.
deletions = Table(
    "deletions",
    metadata,
    Column("account_id", UUID, primary_key=True),
    Column("requested_at", MOMENT, nullable=False),
    Column("due", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("removed", JSONB, nullable=False),
)

exports = Table(
    "exports",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("requested_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False, index=True),
    Column("state", Text, CheckConstraint("state IN ('preparing', 'ready', 'failed')", name="state"), nullable=False),
    Column("progress", SmallInteger, nullable=False),
    Column("key", Text),
    Column("size_bytes", BigInteger),
    Column("sha256", Text),
)
