"""What readers return: frozen structs shaped exactly as the API answers them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct, field

from soundgraph.domain.ids import AccountId, ArtworkId, FamilyId, ItemId, PlaylistId, RevisionId, TrackId
from soundgraph.domain.tracks import Gapless, Loudness

T = TypeVar("T")

# Where a page ended: the sort key of its last item, as JSON can carry it. The HTTP adapter signs it into a cursor.
Position = tuple[str | int, ...]


class Page(Struct, Generic[T], frozen=True):
    """Some items and where the next page starts, or None where nothing more is to be seen."""

    items: Sequence[T]
    next: Position | None = None


def opened(url: str, token: str | None) -> str:
    """The address with the token of the secret link that its reader came by, so that it opens for a plain player."""
    return url if token is None else f"{url}{'&' if '?' in url else '?'}secret_token={token}"


class Links(Struct, frozen=True):
    """Builds addresses on the public URL, which has no slash at its end. `token` is that of a secret link."""

    base: str

    def person(self, handle: str) -> str:
        """The permalink page of a person."""
        return f"{self.base}/{handle}"

    def track(self, handle: str, permalink: str, token: str | None = None) -> str:
        """The permalink page of a track."""
        return opened(f"{self.base}/{handle}/{permalink}", token)

    def playlist(self, handle: str, permalink: str, token: str | None = None) -> str:
        """The permalink page of a playlist."""
        return opened(f"{self.base}/{handle}/sets/{permalink}", token)

    def waveform(self, track_id: TrackId, token: str | None = None) -> str:
        """The waveform of a track."""
        return opened(f"{self.base}/api/v1/tracks/{track_id}/waveform", token)

    def artwork(self, track_id: TrackId, artwork_id: ArtworkId | None, token: str | None = None) -> str | None:
        """The cover of a track, 500 pixels wide. A new cover has a new address."""
        if artwork_id is None:
            return None
        return opened(f"{self.base}/api/v1/tracks/{track_id}/artwork?size=500&v={artwork_id.hex[-8:]}", token)

    def manifest(self, track_id: TrackId, token: str | None = None) -> str:
        """The HLS manifest of a track."""
        return opened(f"{self.base}/api/v1/tracks/{track_id}/hls.m3u8", token)

    def oauth_callback(self, provider: str) -> str:
        """Where a provider sends people back to."""
        return f"{self.base}/api/v1/auth/oauth/{provider}/callback"

    def export(self) -> str:
        """The page that says how far one's archive is, and where to download it."""
        return f"{self.base}/account/export"

    def verify_email(self, token: str) -> str:
        """The page whose button verifies an address."""
        return f"{self.base}/verify-email?token={token}"

    def reset_password(self, token: str) -> str:
        """The page whose button sets a new password."""
        return f"{self.base}/reset-password?token={token}"

    def confirm_email(self, token: str) -> str:
        """The page whose button confirms a change of address."""
        return f"{self.base}/confirm-email?token={token}"


class MiniUser(Struct, frozen=True, kw_only=True):
    """A person in passing."""

    id: AccountId
    handle: str
    display_name: str
    avatar_url: str | None
    permalink_url: str


class UserCounts(Struct, frozen=True, kw_only=True):
    """Stored edges, the same for every viewer."""

    followers: int = 0
    followings: int = 0
    tracks: int = 0
    playlists: int = 0
    likes: int = 0
    reposts: int = 0


class UserViewer(Struct, frozen=True, kw_only=True):
    """How the viewer and a person stand to each other."""

    following: bool = False
    followed_by: bool = False
    blocking: bool = False


class UserView(Struct, frozen=True, kw_only=True):
    """A profile."""

    id: AccountId
    handle: str
    display_name: str
    bio: str
    city: str
    country_code: str | None
    links: Sequence[str]
    avatar_url: str | None
    banner_url: str | None
    verified: bool
    plan: str
    counts: UserCounts
    created_at: datetime
    permalink_url: str
    viewer: UserViewer
    version: int


class MeView(Struct, frozen=True, kw_only=True):
    """One's own account."""

    id: AccountId
    handle: str
    email: str
    display_name: str
    role: str
    plan: str
    has_password: bool
    identities: Sequence[str]
    created_at: datetime


class SessionView(Struct, frozen=True, kw_only=True):
    """One login on one device. `last_seen_at` is when it was last refreshed; `current` marks the one that asks."""

    id: FamilyId
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    current: bool = False


class ExportView(Struct, frozen=True, kw_only=True):
    """An archive of one's data: `preparing`, `ready` or `failed`.

    `url` holds until `expires_at`, an hour at most. The archive is kept until `kept_until`; reading again gives another
    URL.
    """

    state: str
    progress: int
    url: str | None
    size_bytes: int | None
    sha256: str | None
    expires_at: datetime | None
    kept_until: datetime | None


class TrackCounts(Struct, frozen=True, kw_only=True):
    """Stored edges, the same for every viewer."""

    plays: int = 0
    likes: int = 0
    reposts: int = 0
    comments: int = 0


class TrackViewer(Struct, frozen=True, kw_only=True):
    """What the viewer did with a track."""

    liked: bool = False
    reposted: bool = False


class FailureView(Struct, frozen=True, kw_only=True):
    """Why processing ended badly. `message` is for a person."""

    stage: str
    code: str
    message: str
    retryable: bool


class TrackView(Struct, frozen=True, kw_only=True):
    """A track as one viewer meets it. Durations are in milliseconds; `progress` is 0 to 100."""

    id: TrackId
    title: str
    description: str
    genre: str
    tags: Sequence[str]
    license: str
    visibility: str
    publish_at: datetime | None
    state: str
    progress: int
    stage: str | None
    failure: FailureView | None
    duration_ms: int | None
    permalink: str
    permalink_url: str
    artwork_url: str | None
    user: MiniUser
    counts: TrackCounts
    waveform_url: str | None
    downloadable: bool
    comments_enabled: bool
    embeddable: bool
    policy: str
    access: str
    loudness: Loudness | None = None
    tags_found: Mapping[str, str] = field(default_factory=dict)
    viewer: TrackViewer
    version: int
    created_at: datetime
    published_at: datetime | None


class RevisionView(Struct, frozen=True, kw_only=True):
    """One version of a track's audio. `live` is the one that plays; `duration_ms` is null until it is known."""

    id: RevisionId
    number: int
    state: str
    created_at: datetime
    duration_ms: int | None
    live: bool
    failure: FailureView | None


class PlaylistView(Struct, frozen=True, kw_only=True):
    """A playlist. `track_count` counts its items, whoever looks; a list of them may be shorter."""

    id: PlaylistId
    title: str
    description: str
    kind: str
    visibility: str
    permalink: str
    permalink_url: str
    user: MiniUser
    track_count: int
    version: int
    created_at: datetime


class PlaylistItemView(Struct, frozen=True, kw_only=True):
    """One place in a playlist, and the track in it."""

    id: ItemId
    track: TrackView
    added_by: AccountId
    added_at: datetime


class FeedItem(Struct, frozen=True, kw_only=True):
    """Why something is in a feed, and the thing itself."""

    id: UUID
    type: str
    at: datetime
    reason: str
    actors: Sequence[MiniUser]
    item: TrackView


class StreamsView(Struct, frozen=True, kw_only=True):
    """Where each finished rendition plays; null for what is not finished."""

    access: str
    hls_aac_160_url: str | None
    http_mp3_128_url: str | None
    http_opus_64_url: str | None
    preview_mp3_url: str | None
    loudness: Loudness | None
    gapless: Mapping[str, Gapless]
    expires_at: datetime
