"""The one table of who is owed what: event, subscriber, queue and budget of attempts.

Names are stored in every debt. To rename a subscriber, add the new name and keep the old until no debt bears it.
"""

from datetime import timedelta

from soundgraph.application.deliveries import Subscription, Subscriptions, TrimEvents
from soundgraph.application.discovery import FollowIntoFeed, PushToFeeds
from soundgraph.application.idempotency import ExpireKeys
from soundgraph.application.identity import ExpireIdentities, SendVerification
from soundgraph.application.tracks import ExpireUploads, GiveUpOnRevision, ProcessRevision, RemoveTrackMedia
from soundgraph.application.upkeep import WatchInvariants
from soundgraph.domain.engagement import TrackLiked, TrackUnliked
from soundgraph.domain.events import DeliveryExhausted, PeriodicDue
from soundgraph.domain.identity import AccountCreated, RegistrationRequested
from soundgraph.domain.people import PersonBlocked, PersonFollowed, PersonUnblocked, PersonUnfollowed
from soundgraph.domain.playlists import PlaylistChanged, PlaylistCreated, PlaylistRemoved
from soundgraph.domain.tracks import RevisionFailed, RevisionReady, RevisionReceived, TrackPublished, TrackRemoved

QUEUES = ("media", "fanout", "mail", "default")

EVENTS = (
    AccountCreated,
    DeliveryExhausted,
    PeriodicDue,
    PersonBlocked,
    PersonFollowed,
    PersonUnblocked,
    PersonUnfollowed,
    PlaylistChanged,
    PlaylistCreated,
    PlaylistRemoved,
    RegistrationRequested,
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    TrackLiked,
    TrackPublished,
    TrackRemoved,
    TrackUnliked,
)

TABLE = (
    Subscription("identity.send_verification", SendVerification, (RegistrationRequested,), queue="mail"),
    Subscription("tracks.process", ProcessRevision, (RevisionReceived,), queue="media", budget=5),
    Subscription("tracks.give_up", GiveUpOnRevision, (DeliveryExhausted,)),
    Subscription("tracks.remove_media", RemoveTrackMedia, (TrackRemoved,)),
    Subscription("discovery.push", PushToFeeds, (TrackPublished,), queue="fanout"),
    Subscription("discovery.follow", FollowIntoFeed, (PersonFollowed, PersonUnfollowed), queue="fanout"),
    Subscription("events.trim", TrimEvents, every=timedelta(hours=1)),
    Subscription("idempotency.expire", ExpireKeys, every=timedelta(hours=1)),
    Subscription("identity.expire", ExpireIdentities, every=timedelta(hours=1)),
    Subscription("tracks.expire_uploads", ExpireUploads, every=timedelta(hours=1)),
    Subscription("upkeep.watch", WatchInvariants, every=timedelta(hours=1)),
)

SUBSCRIPTIONS = Subscriptions(TABLE, EVENTS)
