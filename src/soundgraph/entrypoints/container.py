"""The one place where ports meet adapters. Settings choose each backing service.

Everything here is made synchronously, on first use, in the process and event loop that uses it, and is closed by
`close()`. Use cases are built by `Wiring` from their annotated ports.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from dependency_injector import containers, providers
from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware
from sqlalchemy import text

from soundgraph.adapters.argon2.passwords import Argon2Passwords
from soundgraph.adapters.filesystem.mail import EmlMailer
from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.jose.tokens import SignedTokens
from soundgraph.adapters.memory.limits import MemoryLimiter, Unlimited
from soundgraph.adapters.pillow.covers import PillowCovers
from soundgraph.adapters.postgres.deliveries import NotifyHints, PostgresDeliveries
from soundgraph.adapters.postgres.discovery import PostgresFrontPageReader, PostgresTimelines
from soundgraph.adapters.postgres.engagement import PostgresEngagementReader
from soundgraph.adapters.postgres.engine import ReadPool, translated, write_engine
from soundgraph.adapters.postgres.identity import PostgresIdentityReader
from soundgraph.adapters.postgres.people import PostgresPeopleReader
from soundgraph.adapters.postgres.playlists import PostgresPlaylistReader
from soundgraph.adapters.postgres.track_views import PostgresTrackReader
from soundgraph.adapters.postgres.tracks import PostgresProgressBoard
from soundgraph.adapters.postgres.upkeep import PostgresInvariants
from soundgraph.adapters.postgres.visibility import reading_gate
from soundgraph.adapters.postgres.wakeups import listen as listen_for_debts
from soundgraph.adapters.postgres.work import PostgresWork
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.redis.health import ping
from soundgraph.adapters.redis.hints import BrokerHints, redis_broker
from soundgraph.adapters.redis.hints import enqueue as enqueue_hint
from soundgraph.adapters.redis.limits import RedisLimiter, redis_client
from soundgraph.adapters.smtp.mail import SmtpMailer
from soundgraph.adapters.system import SystemClock, TimeOrderedIds
from soundgraph.application.deliveries import DeadLetters, Deliveries, Dispatcher, EventLog, Hint, Hints
from soundgraph.application.discovery import FeedReader, FrontPageReader
from soundgraph.application.engagement import EngagementReader
from soundgraph.application.identity import IdentityReader, Mailer, Passwords, Tokens
from soundgraph.application.limits import Caps, Limiter
from soundgraph.application.people import PeopleReader
from soundgraph.application.playback import PlaybackReader
from soundgraph.application.playlists import PlaylistReader
from soundgraph.application.ports import Clock, Gate, Ids, ObjectListing, ObjectStore, Timelines
from soundgraph.application.subscriptions import QUEUES, SUBSCRIPTIONS
from soundgraph.application.tracks import CoverMaker, MediaProcessor, ProgressBoard, TrackReader
from soundgraph.application.upkeep import Invariants
from soundgraph.application.views import Links
from soundgraph.application.wiring import Wiring
from soundgraph.entrypoints.connections import READERS, WRITERS
from soundgraph.entrypoints.secrets import Secrets, load_secrets
from soundgraph.entrypoints.settings import Settings


def _dsn(settings: Settings) -> str:
    if settings.database_url is None:
        raise LookupError("SOUNDGRAPH_DATABASE_URL is not set: run `soundgraph serve`, or name a PostgreSQL database")
    return settings.database_url


def _hints(settings: Settings, engine: Any) -> Hints:
    if settings.redis_url is None:
        return NotifyHints(engine)
    return BrokerHints(redis_broker(settings.redis_url, QUEUES, []))


def _redis(settings: Settings) -> Any:
    return None if settings.redis_url is None else redis_client(settings.redis_url)


def _limiter(settings: Settings, redis: Any, clock: Clock) -> Limiter:
    if settings.rate_limits == "off":
        return Unlimited()
    return MemoryLimiter(clock) if redis is None else RedisLimiter(redis)


def _caps(settings: Settings) -> Caps:
    return Caps(tracks_in_processing=None) if settings.rate_limits == "off" else Caps()


def _tokens(secrets: Secrets) -> SignedTokens:
    return SignedTokens(
        signing_key_pem=secrets.signing_key_pem,
        kid=secrets.kid,
        refresh_key=secrets.derive("refresh-tokens"),
        mail_key=secrets.derive("mail-tokens"),
    )


def _mailer(settings: Settings) -> Mailer:
    sender = f"soundgraph <no-reply@{urlsplit(settings.public_url).hostname or 'localhost'}>"
    if settings.smtp_url is None:
        return EmlMailer(settings.mail_dir, sender)
    return SmtpMailer(settings.smtp_url, sender, require_tls=settings.production)


class Container(containers.DeclarativeContainer):
    """Every adapter of one process, by name."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    secrets = providers.Singleton(load_secrets, settings)
    dsn = providers.Singleton(_dsn, settings)
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(TimeOrderedIds)
    links = providers.Singleton(Links, settings.provided.public_url)

    redis = providers.Singleton(_redis, settings)
    limiter = providers.Singleton(_limiter, settings, redis, clock)
    caps = providers.Singleton(_caps, settings)

    engine = providers.Singleton(write_engine, dsn, size=WRITERS)
    pool = providers.Singleton(ReadPool, dsn, size=READERS)
    hints = providers.Singleton(_hints, settings, engine)
    work = providers.Factory(PostgresWork, engine, SUBSCRIPTIONS, hints, ids, clock)
    gate = providers.Singleton(reading_gate, pool)
    deliveries = providers.Singleton(PostgresDeliveries, engine, SUBSCRIPTIONS, ids, clock, hints)
    timelines = providers.Singleton(PostgresTimelines, engine, pool)
    identity_reader = providers.Singleton(PostgresIdentityReader, pool)
    people_reader = providers.Singleton(PostgresPeopleReader, pool, links)
    track_reader = providers.Singleton(PostgresTrackReader, pool, links)
    front_page_reader = providers.Singleton(PostgresFrontPageReader, pool, links)
    engagement_reader = providers.Singleton(PostgresEngagementReader, pool, links)
    playlist_reader = providers.Singleton(PostgresPlaylistReader, pool, links)
    invariants = providers.Singleton(PostgresInvariants, engine, pool)
    progress_board = providers.Singleton(PostgresProgressBoard, engine)

    passwords = providers.Singleton(Argon2Passwords)
    tokens = providers.Singleton(_tokens, secrets)
    mailer = providers.Singleton(_mailer, settings)
    store = providers.Singleton(
        FilesystemStore,
        root=settings.provided.store_dir,
        secret=secrets.provided.derive.call("media-urls"),
        public_url=settings.provided.public_url,
        clock=clock,
    )
    covers = providers.Singleton(PillowCovers, store=store, scratch=settings.provided.scratch_dir)
    media = providers.Singleton(PyAvProcessor, store=store, scratch=settings.provided.scratch_dir)


def ports(container: Container) -> dict[type, Callable[[], object]]:
    """Which provider gives which port."""
    return {
        Clock: container.clock,
        Ids: container.ids,
        Links: container.links,
        Limiter: container.limiter,
        Caps: container.caps,
        Gate: container.gate,
        Hints: container.hints,
        Deliveries: container.deliveries,
        DeadLetters: container.deliveries,
        EventLog: container.deliveries,
        Timelines: container.timelines,
        ObjectStore: container.store,
        ObjectListing: container.store,
        Passwords: container.passwords,
        Tokens: container.tokens,
        Mailer: container.mailer,
        IdentityReader: container.identity_reader,
        PeopleReader: container.people_reader,
        TrackReader: container.track_reader,
        FeedReader: container.track_reader,
        PlaybackReader: container.track_reader,
        FrontPageReader: container.front_page_reader,
        EngagementReader: container.engagement_reader,
        PlaylistReader: container.playlist_reader,
        ProgressBoard: container.progress_board,
        Invariants: container.invariants,
        MediaProcessor: container.media,
        CoverMaker: container.covers,
    }


def wiring(container: Container) -> Wiring:
    """What builds use cases over this container's adapters."""
    return Wiring(ports(container), container.work)


def dispatcher(container: Container) -> Dispatcher:
    """What pays debts over this container's adapters."""
    return Dispatcher(container.deliveries(), SUBSCRIPTIONS, wiring(container), container.clock())


def broker(settings: Settings, middleware: list[Middleware]) -> Broker:
    """What carries hints to the workers: Redis, or the worker's own memory."""
    if settings.redis_url is not None:
        return redis_broker(settings.redis_url, QUEUES, middleware)
    embedded = StubBroker(middleware=middleware)
    for queue in QUEUES:
        embedded.declare_queue(queue)
    return embedded


def enqueue(carrier: Broker, hint: Hint) -> None:
    """Hand one hint to the broker. Raises Unavailable."""
    enqueue_hint(carrier, hint)


async def listen(container: Container, wake: Callable[[], None]) -> None:
    """Call `wake` whenever another process has made debts, until cancelled."""
    await listen_for_debts(container.dsn(), wake)


async def check_database(container: Container) -> None:
    """Raises Unavailable unless PostgreSQL answers."""
    with translated():
        async with container.engine().connect() as connection:
            await connection.execute(text("SELECT 1"))


async def check_redis(url: str) -> None:
    """Raises Unavailable unless Redis answers."""
    await ping(url)


async def close(container: Container) -> None:
    """Close every connection."""
    redis = container.redis()
    if redis is not None:
        await redis.aclose()
    await container.pool().close()
    await container.engine().dispose()
