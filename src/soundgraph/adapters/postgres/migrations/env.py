"""Run by alembic for every command: uses the connection that `migrations.upgrade` opened."""

from alembic import context

from soundgraph.adapters.postgres.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
