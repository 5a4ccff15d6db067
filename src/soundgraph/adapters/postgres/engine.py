"""Engines and pools, and what every error of theirs means."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from soundgraph.domain.errors import Conflict, DomainError, NotFound, Unavailable

STATEMENT_TIMEOUT_MS: Final = 15_000

# What breaking a constraint means. A foreign key that finds nothing is a thing that is not there.
CONSTRAINTS: Final[dict[str, tuple[str, str]]] = {
    "accounts_email_key": ("email_taken", "This address has an account already."),
    "accounts_handle_key": ("handle_taken", "This handle is taken."),
    "handles_pkey": ("handle_taken", "This handle is taken."),
    "handles_likeness_key": ("handle_taken", "This handle looks like one that is taken."),
    "profiles_handle_key": ("handle_taken", "This handle is taken."),
    "permalinks_pkey": ("permalink_taken", "A track of yours is or was under this permalink."),
    "tracks_permalink_key": ("permalink_taken", "You have a track under this permalink."),
    "playlists_permalink_key": ("permalink_taken", "You have a playlist under this permalink."),
    "external_identities_pkey": ("identity_taken", "This account of the provider opens another account here."),
    "external_identities_provider_key": (
        "already_linked",
        "Another account of this provider is linked. Unlink it first.",
    ),
    "exports_account_id_key": ("export_exists", "An archive is asked for already."),
    "playlist_items_track_key": ("already_in_playlist", "This track is in the playlist already."),
    "revisions_upload_id_key": ("upload_used", "This upload became a track already."),
}


def sqlalchemy_url(dsn: str) -> str:
    """The address of a PostgreSQL database, as SQLAlchemy names its driver."""
    return urlunsplit(urlsplit(dsn)._replace(scheme="postgresql+asyncpg"))


def write_engine(dsn: str, *, size: int) -> AsyncEngine:
    """The engine of the write side. JSON columns take any msgspec value and give back its text."""
    return create_async_engine(
        sqlalchemy_url(dsn),
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=lambda text: text,
        connect_args={
            "statement_cache_size": 256,
            "timeout": 5,
            "server_settings": {"application_name": "soundgraph", "statement_timeout": str(STATEMENT_TIMEOUT_MS)},
        },
    )


async def _no_reset(connection: object) -> None:
    """Reads leave nothing behind, so returning a connection to the pool costs no round trip."""


class ReadPool:
    """Prepared reads, autocommitted, on connections that are never reset: so never SET, LISTEN or a lock on them."""

    def __init__(self, dsn: str, *, size: int) -> None:
        self._dsn, self._size = urlunsplit(urlsplit(dsn)._replace(scheme="postgresql")), size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The pool, made in the event loop that uses it first; by one, where several come first."""
        async with self._opening:
            if self._pool is None:
                self._pool = await self._made()
            return self._pool

    async def _made(self) -> "asyncpg.Pool[asyncpg.Record]":
        return await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._size,
            timeout=5,
            reset=_no_reset,
            statement_cache_size=256,
            server_settings={
                "application_name": "soundgraph-read",
                "default_transaction_read_only": "on",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            },
        )

    async def fetch(self, sql: str, arguments: list[object]) -> list[asyncpg.Record]:
        """All rows. Raises Unavailable(database_away)."""
        with translated():
            pool = await self.open()
            return await pool.fetch(sql, *arguments)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises into what the domain knows; leave the rest."""
    try:
        yield
    except IntegrityError as error:
        raise broken_constraint(error) from error
    except (
        OperationalError,
        InterfaceError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        OSError,
    ) as error:
        raise database_away() from error
    except (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, asyncpg.AdminShutdownError) as error:
        raise database_away() from error
    except DBAPIError as error:
        if error.connection_invalidated or _passing(error):
            raise database_away() from error
        raise


def broken_constraint(error: IntegrityError) -> DomainError:
    """The domain's word for a broken constraint."""
    cause = error.orig.__cause__ if error.orig is not None else None
    name = getattr(cause, "constraint_name", None)
    if isinstance(cause, asyncpg.ForeignKeyViolationError):
        return NotFound()
    code, message = CONSTRAINTS.get(str(name), ("conflict", "This collides with something that is already there."))
    return Conflict(code, message)


def database_away() -> Unavailable:
    """Nothing was changed; try again."""
    return Unavailable("database_away", "The database does not answer. Nothing was changed; try again.")


def _passing(error: DBAPIError) -> bool:
    cause = error.orig.__cause__ if error.orig is not None else None
    return isinstance(
        cause,
        (
            asyncpg.CannotConnectNowError,
            asyncpg.AdminShutdownError,
            asyncpg.CrashShutdownError,
            asyncpg.TooManyConnectionsError,
            asyncpg.DeadlockDetectedError,
            asyncpg.SerializationError,
            asyncpg.PostgresConnectionError,
        ),
    )
