"""The truth: PostgreSQL through SQLAlchemy Core for writes and prepared asyncpg statements for reads."""
