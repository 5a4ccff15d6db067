"""The unit of work of the memory adapters: one class that satisfies every module's protocol."""

from typing import Self

from soundgraph.adapters.memory.audit import MemoryAudit
from soundgraph.adapters.memory.database import Transaction
from soundgraph.adapters.memory.discovery import MemoryFans
from soundgraph.adapters.memory.engagement import MemoryLikes
from soundgraph.adapters.memory.federation import MemoryDeletions, MemoryExternalIdentities, MemorySignIns
from soundgraph.adapters.memory.idempotency import MemoryIdempotencyKeys
from soundgraph.adapters.memory.identity import (
    MemoryAccounts,
    MemoryEmailChanges,
    MemoryFamilies,
    MemoryPasswordResets,
    MemoryRegistrations,
)
from soundgraph.adapters.memory.links import MemorySecretLinks
from soundgraph.adapters.memory.people import MemoryBlocks, MemoryFollows, MemoryProfiles
from soundgraph.adapters.memory.plans import MemoryAllowances, MemorySubscribers
from soundgraph.adapters.memory.playback import MemoryPlays
from soundgraph.adapters.memory.playlists import MemoryPlaylists
from soundgraph.adapters.memory.privacy import MemoryExports
from soundgraph.adapters.memory.tracks import MemoryTracks
from soundgraph.adapters.memory.uploads import MemoryUploads


class MemoryWork(Transaction):
    """A transaction with the collections of all modules."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.accounts = MemoryAccounts(self.tables)
        self.registrations = MemoryRegistrations(self.tables)
        self.families = MemoryFamilies(self.tables)
        self.password_resets = MemoryPasswordResets(self.tables)
        self.email_changes = MemoryEmailChanges(self.tables)
        self.audit = MemoryAudit(self.tables)
        self.external_identities = MemoryExternalIdentities(self.tables)
        self.sign_ins = MemorySignIns(self.tables)
        self.deletions = MemoryDeletions(self.tables)
        self.profiles = MemoryProfiles(self.tables)
        self.follows = MemoryFollows(self.tables)
        self.blocks = MemoryBlocks(self.tables)
        self.uploads = MemoryUploads(self.tables)
        self.tracks = MemoryTracks(self.tables)
        self.allowances = MemoryAllowances(self.tables)
        self.subscribers = MemorySubscribers(self.tables)
        self.playlists = MemoryPlaylists(self.tables)
        self.plays = MemoryPlays(self.tables)
        self.secret_links = MemorySecretLinks(self.tables)
        self.likes = MemoryLikes(self.tables)
        self.exports = MemoryExports(self.tables)
        self.fans = MemoryFans(self.tables)
        self.idempotency_keys = MemoryIdempotencyKeys(self.tables)
        return self
