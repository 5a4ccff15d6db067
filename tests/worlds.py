"""The product on PostgreSQL and otherwise in memory, shaped like the memory world, for tests that run on both."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from soundgraph.adapters.memory.app import given, memory_app
from soundgraph.adapters.postgres.deliveries import NoHints, PostgresDeliveries
from soundgraph.adapters.postgres.discovery import PostgresFrontPageReader, PostgresTimelines
from soundgraph.adapters.postgres.engagement import PostgresEngagementReader
from soundgraph.adapters.postgres.engine import ReadPool, write_engine
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
from soundgraph.adapters.postgres.work import PostgresWork
from soundgraph.application.deliveries import DeadLetters, Deliveries, Dispatcher, EventLog
from soundgraph.application.discovery import FeedReader, FrontPageReader
from soundgraph.application.engagement import EngagementReader
from soundgraph.application.identity import IdentityReader
from soundgraph.application.people import PeopleReader
from soundgraph.application.plans import UsageReader
from soundgraph.application.playback import PlayArchive, PlaybackReader, PlayReader, SecretLinkReader
from soundgraph.application.playlists import PlaylistReader
from soundgraph.application.ports import Gate, Ids, Timelines
from soundgraph.application.privacy import PersonalRows
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.tracks import ProgressBoard, TrackReader
from soundgraph.application.upkeep import Invariants
from soundgraph.application.views import Links


class PostgresWorld:
    """What `memory_app()` returns, over one PostgreSQL database."""

    def __init__(self, database_url: str, replacements: Mapping[type, object]) -> None:
        self.engine, self.pool = write_engine(database_url, size=10), ReadPool(database_url, size=5)
        memory = memory_app()
        self.clock, self.outbox, self.store = memory.clock, memory.outbox, memory.store
        self.providers = memory.providers
        self._ids, links = memory.use(Ids), memory.use(Links)
        self.deliveries = PostgresDeliveries(self.engine, SUBSCRIPTIONS, self._ids, self.clock, NoHints())
        tracks = PostgresTrackReader(self.pool, links)
        ports: dict[type, object] = {
            **memory.ports,
            Gate: reading_gate(self.pool),
            Deliveries: self.deliveries,
            DeadLetters: self.deliveries,
            EventLog: self.deliveries,
            Timelines: PostgresTimelines(self.engine, self.pool),
            IdentityReader: PostgresIdentityReader(self.pool),
            PeopleReader: PostgresPeopleReader(self.pool, links),
            TrackReader: tracks,
            FeedReader: tracks,
            PlaybackReader: tracks,
            PlayReader: PostgresPlayReader(self.pool, links),
            SecretLinkReader: PostgresSecretLinkReader(self.pool),
            UsageReader: PostgresUsageReader(self.pool),
            PlaylistReader: PostgresPlaylistReader(self.pool, links),
            FrontPageReader: PostgresFrontPageReader(self.pool, links),
            EngagementReader: PostgresEngagementReader(self.pool, links),
            ProgressBoard: PostgresProgressBoard(self.engine),
            PlayArchive: PostgresPlayArchive(self.engine),
            Invariants: PostgresInvariants(self.engine, self.pool),
            PersonalRows: PostgresPersonalRows(self.engine),
            **replacements,
        }
        # A port that was forgotten above would be tested twice in memory, and never here.
        forgotten = [port for port, one in ports.items() if memory.database in getattr(one, "__dict__", {}).values()]
        assert forgotten == []
        self.use = given(ports, self.work)
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
