"""The whole product in memory, for tests and for projects that import the library. Needs only the base install."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.memory.covers import PlainCovers
from soundgraph.adapters.memory.database import MemoryDatabase, MemoryGate
from soundgraph.adapters.memory.deliveries import MemoryDeliveries, NoHints
from soundgraph.adapters.memory.discovery import MemoryFrontPageReader, MemoryTimelines
from soundgraph.adapters.memory.engagement import MemoryEngagementReader
from soundgraph.adapters.memory.federation import PlainProviders
from soundgraph.adapters.memory.identity import (
    FewCommonPasswords,
    MemoryIdentityReader,
    NoCaptcha,
    NoPublishedKeys,
    Outbox,
    PlainLetters,
    PlainTokens,
    QuickPasswords,
)
from soundgraph.adapters.memory.limits import MemoryLimiter
from soundgraph.adapters.memory.links import MemorySecretLinkReader
from soundgraph.adapters.memory.people import MemoryPeopleReader
from soundgraph.adapters.memory.plans import MemoryUsageReader
from soundgraph.adapters.memory.playback import MemoryPlayArchive, MemoryPlayReader
from soundgraph.adapters.memory.playlists import MemoryPlaylistReader
from soundgraph.adapters.memory.privacy import MemoryPersonalRows
from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.memory.tracks import MemoryProgressBoard, MemoryTrackReader
from soundgraph.adapters.memory.upkeep import MemoryInvariants
from soundgraph.adapters.memory.wave import WaveProcessor
from soundgraph.adapters.memory.work import MemoryWork
from soundgraph.adapters.system import DerivedLinkTokens, SystemRandomness, TimeOrderedIds
from soundgraph.application.deliveries import DeadLetters, Deliveries, Dispatcher, EventLog
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
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.application.tracks import CoverMaker, MediaProcessor, ProgressBoard, TrackReader
from soundgraph.application.upkeep import Invariants
from soundgraph.application.views import Links
from soundgraph.application.wiring import Wiring

T = TypeVar("T")


class World:
    """Everything that exists, in one place. `world.use(LikeTrack)` builds a use case; `settle()` pays every debt."""

    def __init__(self, replacements: Mapping[type, object], base_url: str) -> None:
        self.database = MemoryDatabase()
        self._ids = TimeOrderedIds()
        self.clock = ManualClock()
        self.outbox = Outbox()
        self.providers = PlainProviders()
        self.store = MemoryStore(self.clock)
        self.deliveries = MemoryDeliveries(self.database, SUBSCRIPTIONS, self._ids, self.clock)
        self.ports = self._ports() | self._readers(Links(base_url)) | dict(replacements)
        self.use = given(self.ports, self.work)
        self.dispatcher = Dispatcher(self.deliveries, SUBSCRIPTIONS, self.use, self.clock)

    def _ports(self) -> dict[type, object]:
        return {
            Clock: self.clock,
            Ids: self._ids,
            Limiter: MemoryLimiter(self.clock),
            Caps: Caps(),
            Gate: MemoryGate(lambda: self.database.tables),
            Deliveries: self.deliveries,
            DeadLetters: self.deliveries,
            EventLog: self.deliveries,
            Timelines: MemoryTimelines(),
            ObjectStore: self.store,
            ObjectListing: self.store,
            Presigner: self.store,
            Passwords: QuickPasswords(),
            CommonPasswords: FewCommonPasswords(),
            Captcha: NoCaptcha(),
            PublishedKeys: NoPublishedKeys(),
            Letters: PlainLetters(),
            Tokens: PlainTokens(b"memory"),
            LinkTokens: DerivedLinkTokens(b"memory"),
            Mailer: self.outbox,
            Providers: self.providers,
            Randomness: SystemRandomness(),
            ProgressBoard: MemoryProgressBoard(self.database),
            PlayArchive: MemoryPlayArchive(self.database),
            Invariants: MemoryInvariants(self.database),
            PersonalRows: MemoryPersonalRows(self.database),
            MediaProcessor: WaveProcessor(self.store),
            CoverMaker: PlainCovers(self.store),
        }

    def _readers(self, links: Links) -> dict[type, object]:
        tracks = MemoryTrackReader(self.database, links)
        return {
            Links: links,
            IdentityReader: MemoryIdentityReader(self.database),
            PeopleReader: MemoryPeopleReader(self.database, links),
            TrackReader: tracks,
            FeedReader: tracks,
            PlaybackReader: tracks,
            PlayReader: MemoryPlayReader(self.database, tracks),
            SecretLinkReader: MemorySecretLinkReader(self.database),
            UsageReader: MemoryUsageReader(self.database),
            PlaylistReader: MemoryPlaylistReader(self.database, links),
            FrontPageReader: MemoryFrontPageReader(self.database, links),
            EngagementReader: MemoryEngagementReader(self.database, links),
        }

    def work(self) -> MemoryWork:
        """A unit of work over this world's database."""
        return MemoryWork(self.database, SUBSCRIPTIONS, NoHints(), self._ids, self.clock)

    async def settle(self) -> int:
        """Pay every debt that is due by the world's clock, and those that paying them made. Returns how many tries.

        A subscriber that fails leaves its debt in backoff, as in production: advance the clock and settle again.
        """
        tries = 0
        while due := await self.deliveries.due(SUBSCRIPTIONS.names(), now=self.clock.now(), limit=100):
            for hint in due:
                tries += await self.dispatcher.deliver(hint.event_id, hint.subscriber)
        return tries


def given(ports: Mapping[type, object], work: Callable[[], object]) -> Wiring:
    """A wiring that hands out these adapters as they are."""
    return Wiring({port: _given(one) for port, one in ports.items()}, work)


def _given(one: Any) -> Any:
    return lambda: one


def memory_app(replacements: Mapping[type, object] | None = None, *, base_url: str = "http://localhost") -> World:
    """A fresh world. `replacements` maps a port to your own adapter of it."""
    return World(replacements or {}, base_url)
