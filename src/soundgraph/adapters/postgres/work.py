"""The unit of work of PostgreSQL: one class that satisfies every module's protocol."""

from typing import Self

from soundgraph.adapters.postgres.audit import PostgresAudit
from soundgraph.adapters.postgres.discovery import PostgresFans
from soundgraph.adapters.postgres.engagement import PostgresLikes
from soundgraph.adapters.postgres.federation import PostgresDeletions, PostgresExternalIdentities, PostgresSignIns
from soundgraph.adapters.postgres.idempotency import PostgresIdempotencyKeys
from soundgraph.adapters.postgres.identity import (
    PostgresAccounts,
    PostgresEmailChanges,
    PostgresFamilies,
    PostgresPasswordResets,
    PostgresRegistrations,
)
from soundgraph.adapters.postgres.links import PostgresSecretLinks
from soundgraph.adapters.postgres.people import PostgresBlocks, PostgresFollows, PostgresProfiles
from soundgraph.adapters.postgres.plans import PostgresAllowances, PostgresSubscribers
from soundgraph.adapters.postgres.playback import PostgresPlays
from soundgraph.adapters.postgres.playlists import PostgresPlaylists
from soundgraph.adapters.postgres.privacy import PostgresExports
from soundgraph.adapters.postgres.tracks import PostgresTracks, PostgresUploads
from soundgraph.adapters.postgres.transaction import Transaction


class PostgresWork(Transaction):
    """A transaction with the collections of all modules."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.accounts = PostgresAccounts(self.session)
        self.registrations = PostgresRegistrations(self.session)
        self.families = PostgresFamilies(self.session)
        self.password_resets = PostgresPasswordResets(self.session)
        self.email_changes = PostgresEmailChanges(self.session)
        self.audit = PostgresAudit(self.session)
        self.external_identities = PostgresExternalIdentities(self.session)
        self.sign_ins = PostgresSignIns(self.session)
        self.deletions = PostgresDeletions(self.session)
        self.profiles = PostgresProfiles(self.session)
        self.follows = PostgresFollows(self.session)
        self.blocks = PostgresBlocks(self.session)
        self.uploads = PostgresUploads(self.session)
        self.tracks = PostgresTracks(self.session)
        self.allowances = PostgresAllowances(self.session)
        self.subscribers = PostgresSubscribers(self.session)
        self.playlists = PostgresPlaylists(self.session)
        self.plays = PostgresPlays(self.session)
        self.secret_links = PostgresSecretLinks(self.session)
        self.likes = PostgresLikes(self.session)
        self.exports = PostgresExports(self.session)
        self.fans = PostgresFans(self.session)
        self.idempotency_keys = PostgresIdempotencyKeys(self.session)
        return self
