"""The one table of who is owed what: event, subscriber, queue and budget of attempts.

Names are stored in every debt. To rename a subscriber, add the new name and keep the old until no debt bears it.
"""

from datetime import timedelta

from soundgraph.application.deliveries import Subscription, Subscriptions, TrimEvents
from soundgraph.application.discovery import FollowIntoFeed, PushToFeeds
from soundgraph.application.idempotency import ExpireKeys
from soundgraph.application.identity import (
    ExpireIdentities,
    ExpireSignIns,
    SendEmailChange,
    SendReset,
    SendVerification,
    TellOfEmailChange,
    TellOfNewDevice,
    TellOfPassword,
    TellOfProvider,
)
from soundgraph.application.playback import PrunePlayback
from soundgraph.application.privacy import BuildExport, ExpireExports, GiveUpOnExport, MailExport, PurgeAccount
from soundgraph.application.tracks import (
    ExpireUploads,
    GiveUpOnRevision,
    ProcessRevision,
    PublishScheduled,
    RemoveRevisionMedia,
    RemoveTrackMedia,
)
from soundgraph.application.upkeep import WatchInvariants
from soundgraph.domain.engagement import TrackLiked, TrackUnliked
from soundgraph.domain.events import DeliveryExhausted, PeriodicDue
from soundgraph.domain.identity import (
    AccountCreated,
    EmailChanged,
    EmailChangeRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    ProviderLinked,
    ProviderUnlinked,
    RegistrationRequested,
    RoleChanged,
    StandingChanged,
)
from soundgraph.domain.people import PersonBlocked, PersonFollowed, PersonUnblocked, PersonUnfollowed
from soundgraph.domain.playlists import PlaylistChanged, PlaylistCreated, PlaylistRemoved
from soundgraph.domain.privacy import AccountDeleted, ExportReady, ExportRequested
from soundgraph.domain.tracks import (
    RevisionDropped,
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    RevisionRestored,
    TrackPublished,
    TrackRemoved,
    TrackScheduled,
)

QUEUES = ("media", "fanout", "mail", "bulk", "default")

EVENTS = (
    AccountCreated,
    AccountDeleted,
    DeliveryExhausted,
    EmailChangeRequested,
    EmailChanged,
    ExportReady,
    ExportRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    PeriodicDue,
    PersonBlocked,
    PersonFollowed,
    PersonUnblocked,
    PersonUnfollowed,
    PlaylistChanged,
    PlaylistCreated,
    PlaylistRemoved,
    ProviderLinked,
    ProviderUnlinked,
    RegistrationRequested,
    RevisionDropped,
    RevisionFailed,
    RevisionReady,
    RevisionReceived,
    RevisionRestored,
    RoleChanged,
    StandingChanged,
    TrackLiked,
    TrackPublished,
    TrackRemoved,
    TrackScheduled,
    TrackUnliked,
)

TABLE = (
    Subscription("identity.send_verification", SendVerification, (RegistrationRequested,), queue="mail"),
    Subscription("identity.send_reset", SendReset, (PasswordResetRequested,), queue="mail"),
    Subscription("identity.send_email_change", SendEmailChange, (EmailChangeRequested,), queue="mail"),
    Subscription("identity.tell_of_password", TellOfPassword, (PasswordChanged,), queue="mail"),
    Subscription("identity.tell_of_email_change", TellOfEmailChange, (EmailChanged,), queue="mail"),
    Subscription("identity.tell_of_new_device", TellOfNewDevice, (NewDeviceSeen,), queue="mail"),
    Subscription("identity.tell_of_provider", TellOfProvider, (ProviderLinked, ProviderUnlinked), queue="mail"),
    Subscription("privacy.build_export", BuildExport, (ExportRequested,), queue="bulk", budget=5),
    Subscription("privacy.give_up", GiveUpOnExport, (DeliveryExhausted,)),
    Subscription("privacy.mail_export", MailExport, (ExportReady,), queue="mail"),
    # A purge that cannot be done is never given up silently: it ends among the dead letters.
    Subscription("privacy.purge", PurgeAccount, (AccountDeleted,), queue="bulk", budget=20),
    Subscription("tracks.process", ProcessRevision, (RevisionReceived,), queue="media", budget=5),
    Subscription("tracks.give_up", GiveUpOnRevision, (DeliveryExhausted,)),
    Subscription("tracks.publish", PublishScheduled, (TrackScheduled,)),
    Subscription("tracks.remove_media", RemoveTrackMedia, (TrackRemoved,)),
    Subscription("tracks.remove_revision", RemoveRevisionMedia, (RevisionDropped,)),
    Subscription("discovery.push", PushToFeeds, (TrackPublished,), queue="fanout"),
    Subscription("discovery.follow", FollowIntoFeed, (PersonFollowed, PersonUnfollowed), queue="fanout"),
    Subscription("events.trim", TrimEvents, every=timedelta(hours=1)),
    Subscription("idempotency.expire", ExpireKeys, every=timedelta(hours=1)),
    Subscription("identity.expire", ExpireIdentities, every=timedelta(hours=1)),
    Subscription("identity.expire_sign_ins", ExpireSignIns, every=timedelta(hours=1)),
    Subscription("privacy.expire_exports", ExpireExports, every=timedelta(hours=1)),
    Subscription("playback.prune", PrunePlayback, every=timedelta(hours=1)),
    Subscription("tracks.expire_uploads", ExpireUploads, every=timedelta(hours=1)),
    Subscription("upkeep.watch", WatchInvariants, every=timedelta(hours=1)),
)

SUBSCRIPTIONS = Subscriptions(TABLE, EVENTS)
