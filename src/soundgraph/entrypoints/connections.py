"""The arithmetic of connections to PostgreSQL, written down once."""

from typing import Final

# Of one process: the write engine and the read pool. A worker has one more that listens for wake-ups.
WRITERS: Final = 10
READERS: Final = 10


def connections_needed(*, apis: int, workers: int) -> int:
    """How many connections so many processes may hold at once."""
    return apis * (WRITERS + READERS) + workers * (WRITERS + READERS + 1)
