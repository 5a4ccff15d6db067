"""The one place where ports meet adapters. Settings choose each backing service.

Everything here is made synchronously, on first use, in the process and event loop that uses it, and is closed by
`close()`. Use cases are built by `Wiring` from their annotated ports.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from dependency_injector import containers, providers
from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware
from sqlalchemy import text

from soundgraph.adapters.argon2.passwords import Argon2Passwords
from soundgraph.adapters.filesystem.store import FilesystemStore
from soundgraph.adapters.jinja.letters import TemplateLetters
from soundgraph.adapters.memory.limits import MemoryLimiter, Unlimited
from soundgraph.adapters.pillow.covers import PillowCovers
from soundgraph.adapters.postgres.deliveries import NotifyHints, PostgresDeliveries
from soundgraph.adapters.postgres.discovery import PostgresFrontPageReader, PostgresTimelines
from soundgraph.adapters.postgres.engagement import PostgresEngagementReader
from soundgraph.adapters.postgres.engine import ReadPool, translated, write_engine
from soundgraph.adapters.postgres.identity import PostgresIdentityReader
from soundgraph.adapters.postgres.links import PostgresSecretLinkReader
from soundgraph.adapters.postgres.people import PostgresPeopleReader
from soundgraph.adapters.postgres.plans import PostgresUsageReader
from soundgraph.adapters.postgres.playback import PostgresPlayArchive, PostgresPlayReader
from soundgraph.adapters.postgres.playlists import PostgresPlaylistReader
from soundgraph.adapters.postgres.privacy import PostgresPersonalRows
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
from soundgraph.adapters.s3.signing import Bucket
from soundgraph.adapters.s3.store import S3Store
from soundgraph.adapters.system import DerivedLinkTokens, SystemClock, SystemRandomness, TimeOrderedIds
from soundgraph.adapters.zxcvbn.passwords import PublishedPasswords
from soundgraph.application.deliveries import DeadLetters, Deliveries, Dispatcher, EventLog, Hint, Hints
from soundgraph.application.discovery import FeedReader, FrontPageReader
from soundgraph.application.engagement import EngagementReader
from soundgraph.application.identity import (
    Captcha,
    CommonPasswords,
    IdentityReader,
    Letters,
    Mailer,
    Passwords,
    Providers,
    PublishedKeys,
    Randomness,
    Tokens,
)
from soundgraph.application.limits import Caps, Limiter
from soundgraph.application.people import PeopleReader
from soundgraph.application.plans import UsageReader
from soundgraph.application.playback import LinkTokens, PlayArchive, PlaybackReader, PlayReader, SecretLinkReader
from soundgraph.application.playlists import PlaylistReader
from soundgraph.application.ports import Clock, Gate, Ids, ObjectListing, ObjectStore, Presigner, Timelines
from soundgraph.application.privacy import PersonalRows
from soundgraph.application.subscriptions import QUEUES, SUBSCRIPTIONS
from soundgraph.application.tracks import CoverMaker, MediaProcessor, ProgressBoard, TrackReader
from soundgraph.application.upkeep import Invariants
from soundgraph.application.views import Links
from soundgraph.application.wiring import Wiring
from soundgraph.entrypoints import identities
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
    return Caps(None, None) if settings.rate_limits == "off" else Caps()


def _store(settings: Settings, secrets: Secrets, clock: Clock) -> FilesystemStore | S3Store:
    if settings.s3_bucket is None:
        return FilesystemStore(settings.store_dir, secrets.derive("media-urls"), settings.public_url, clock)
    bucket = Bucket(
        settings.s3_endpoint_url or f"https://s3.{settings.s3_region}.amazonaws.com",
        settings.s3_bucket,
        settings.s3_region,
        settings.s3_access_key or "",
        settings.s3_secret_key or "",
    )
    return S3Store(bucket, clock, settings.s3_public_url)


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
    secret_link_reader = providers.Singleton(PostgresSecretLinkReader, pool)
    front_page_reader = providers.Singleton(PostgresFrontPageReader, pool, links)
    engagement_reader = providers.Singleton(PostgresEngagementReader, pool, links)
    usage_reader = providers.Singleton(PostgresUsageReader, pool)
    playlist_reader = providers.Singleton(PostgresPlaylistReader, pool, links)
    play_reader = providers.Singleton(PostgresPlayReader, pool, links)
    play_archive = providers.Singleton(PostgresPlayArchive, engine)
    invariants = providers.Singleton(PostgresInvariants, engine, pool)
    personal_rows = providers.Singleton(PostgresPersonalRows, engine)
    progress_board = providers.Singleton(PostgresProgressBoard, engine)

    passwords = providers.Singleton(Argon2Passwords)
    tokens = providers.Singleton(identities.tokens, settings, secrets)
    link_tokens = providers.Singleton(DerivedLinkTokens, secrets.provided.derive.call("secret-links"))
    mailer = providers.Singleton(identities.mailer, settings)
    letters = providers.Singleton(TemplateLetters)
    common_passwords = providers.Singleton(PublishedPasswords)
    captcha = providers.Singleton(identities.captcha, settings)
    randomness = providers.Singleton(SystemRandomness)
    sign_in_providers = providers.Singleton(identities.sign_in_providers, settings, clock)
    store = providers.Singleton(_store, settings, secrets, clock)
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
        Presigner: container.store,
        LinkTokens: container.link_tokens,
        PersonalRows: container.personal_rows,
        PeopleReader: container.people_reader,
        TrackReader: container.track_reader,
        FeedReader: container.track_reader,
        PlaybackReader: container.track_reader,
        SecretLinkReader: container.secret_link_reader,
        FrontPageReader: container.front_page_reader,
        EngagementReader: container.engagement_reader,
        UsageReader: container.usage_reader,
        PlaylistReader: container.playlist_reader,
        PlayReader: container.play_reader,
        PlayArchive: container.play_archive,
        ProgressBoard: container.progress_board,
        Invariants: container.invariants,
        MediaProcessor: container.media,
        CoverMaker: container.covers,
        **_identity_ports(container),
    }


def _identity_ports(container: Container) -> dict[type, Callable[[], object]]:
    return {
        Passwords: container.passwords,
        CommonPasswords: container.common_passwords,
        Captcha: container.captcha,
        Tokens: container.tokens,
        PublishedKeys: container.tokens,
        Letters: container.letters,
        Mailer: container.mailer,
        Providers: container.sign_in_providers,
        Randomness: container.randomness,
        IdentityReader: container.identity_reader,
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


def served_media(container: Container) -> FilesystemStore | None:
    """The store whose signed addresses the API answers itself, if it is one."""
    store = container.store()
    return store if isinstance(store, FilesystemStore) else None


def storage_check(container: Container) -> dict[str, Callable[[], Awaitable[None]]]:
    """What raises Unavailable unless the object storage answers, if it is a service of its own."""
    store = container.store()
    return {"storage": store.check} if isinstance(store, S3Store) else {}


async def close(container: Container) -> None:
    """Close every connection."""
    store, redis = container.store(), container.redis()
    if isinstance(store, S3Store):
        store.close()
    if redis is not None:
        await redis.aclose()
    await container.pool().close()
    await container.engine().dispose()
