"""The product on PostgreSQL and otherwise in memory, shaped like the memory world, for tests that run on both."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.memory.covers import PlainCovers
from soundgraph.adapters.memory.identity import Outbox, PlainTokens, QuickPasswords
from soundgraph.adapters.memory.limits import MemoryLimiter
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.memory.tracks import WaveProcessor
from soundgraph.adapters.postgres.deliveries import NoHints, PostgresDeliveries
from soundgraph.adapters.postgres.discovery import PostgresFrontPageReader, PostgresTimelines
from soundgraph.adapters.postgres.engagement import PostgresEngagementReader
from soundgraph.adapters.postgres.engine import ReadPool, write_engine
from soundgraph.adapters.postgres.identity import PostgresIdentityReader
from soundgraph.adapters.postgres.people import PostgresPeopleReader
from soundgraph.adapters.postgres.playlists import PostgresPlaylistReader
from soundgraph.adapters.postgres.track_views import PostgresTrackReader
from soundgraph.adapters.postgres.tracks import PostgresProgressBoard
from soundgraph.adapters.postgres.upkeep import PostgresInvariants
from soundgraph.adapters.postgres.visibility import reading_gate
from soundgraph.adapters.postgres.work import PostgresWork
from soundgraph.adapters.system import TimeOrderedIds
from soundgraph.application.deliveries import DeadLetters, Deliveries, Dispatcher, EventLog
from soundgraph.application.discovery import FeedReader, FrontPageReader
from soundgraph.application.engagement import EngagementReader
from soundgraph.application.identity import IdentityReader, Mailer, Passwords, Tokens
from soundgraph.application.limits import Caps, Limiter
from soundgraph.application.people import PeopleReader
from soundgraph.application.playback import PlaybackReader
from soundgraph.application.playlists import PlaylistReader
from soundgraph.application.ports import Clock, Gate, Ids, ObjectListing, ObjectStore, Timelines
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.tracks import CoverMaker, MediaProcessor, ProgressBoard, TrackReader
from soundgraph.application.upkeep import Invariants
from soundgraph.application.views import Links
from soundgraph.application.wiring import Wiring


class PostgresWorld:
    """What `memory_app()` returns, over one PostgreSQL database."""

    def __init__(self, database_url: str, replacements: Mapping[type, object]) -> None:
        self.engine, self.pool = write_engine(database_url, size=10), ReadPool(database_url, size=5)
        self.clock, self.outbox = ManualClock(), Outbox()
        self.store = MemoryStore(self.clock)
        self._ids, links = TimeOrderedIds(), Links("http://localhost")
        self.deliveries = PostgresDeliveries(self.engine, SUBSCRIPTIONS, self._ids, self.clock, NoHints())
        tracks = PostgresTrackReader(self.pool, links)
        ports: dict[type, object] = {
            Clock: self.clock,
            Ids: self._ids,
            Links: links,
            Limiter: MemoryLimiter(self.clock),
            Caps: Caps(),
            Gate: reading_gate(self.pool),
            Deliveries: self.deliveries,
            DeadLetters: self.deliveries,
            EventLog: self.deliveries,
            Timelines: PostgresTimelines(self.engine, self.pool),
            ObjectStore: self.store,
            ObjectListing: self.store,
            Passwords: QuickPasswords(),
            Tokens: PlainTokens(b"memory"),
            Mailer: self.outbox,
            IdentityReader: PostgresIdentityReader(self.pool),
            PeopleReader: PostgresPeopleReader(self.pool, links),
            TrackReader: tracks,
            FeedReader: tracks,
            PlaybackReader: tracks,
            PlaylistReader: PostgresPlaylistReader(self.pool, links),
            FrontPageReader: PostgresFrontPageReader(self.pool, links),
            EngagementReader: PostgresEngagementReader(self.pool, links),
            ProgressBoard: PostgresProgressBoard(self.engine),
            Invariants: PostgresInvariants(self.engine, self.pool),
            MediaProcessor: WaveProcessor(self.store),
            CoverMaker: PlainCovers(self.store),
            **replacements,
        }
        self.use = Wiring({port: _given(one) for port, one in ports.items()}, self.work)
        self.dispatcher = Dispatcher(self.deliveries, SUBSCRIPTIONS, self.use, self.clock)

    def work(self) -> PostgresWork:
        """A unit of work over this world's database."""
        return PostgresWork(self.engine, SUBSCRIPTIONS, NoHints(), self._ids, self.clock)

    async def settle(self) -> int:
        """Pay every debt that is due by the world's clock. Returns how many tries."""
        tries = 0
        while due := await self.deliveries.due(SUBSCRIPTIONS.names(), now=self.clock.now(), limit=100):
            for hint in due:
                tries += await self.dispatcher.deliver(hint.event_id, hint.subscriber)
        return tries


def _given(one: Any) -> Any:
    return lambda: one


@asynccontextmanager
async def postgres_world(
    database_url: str, replacements: Mapping[type, object] | None = None
) -> AsyncIterator[PostgresWorld]:
    """A world over a migrated database, closed at the end of the block."""
    world = PostgresWorld(database_url, replacements or {})
    try:
        yield world
    finally:
        await world.pool.close()
        await world.engine.dispose()
