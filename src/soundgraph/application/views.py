"""What readers return: frozen structs shaped exactly as the API answers them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from soundgraph.domain.ids import AccountId, ArtworkId, ItemId, PlaylistId, TrackId

T = TypeVar("T")

# Where a page ended: the sort key of its last item, as JSON can carry it. The HTTP adapter signs it into a cursor.
Position = tuple[str | int, ...]


class Page(Struct, Generic[T], frozen=True):
    """Some items and where the next page starts, or None where nothing more is to be seen."""

    items: Sequence[T]
    next: Position | None = None


class Links(Struct, frozen=True):
    """Builds addresses on the public URL, which has no slash at its end."""

    base: str

    def person(self, handle: str) -> str:
        """The permalink page of a person."""
        return f"{self.base}/{handle}"

    def track(self, handle: str, permalink: str) -> str:
        """The permalink page of a track."""
        return f"{self.base}/{handle}/{permalink}"

    def playlist(self, handle: str, permalink: str) -> str:
        """The permalink page of a playlist."""
        return f"{self.base}/{handle}/sets/{permalink}"

    def waveform(self, track_id: TrackId) -> str:
        """The waveform of a track."""
        return f"{self.base}/api/v1/tracks/{track_id}/waveform"

    def artwork(self, track_id: TrackId, artwork_id: ArtworkId | None) -> str | None:
        """The cover of a track, 500 pixels wide. A new cover has a new address."""
        if artwork_id is None:
            return None
        return f"{self.base}/api/v1/tracks/{track_id}/artwork?size=500&v={artwork_id.hex[-8:]}"

    def manifest(self, track_id: TrackId) -> str:
        """The HLS manifest of a track."""
        return f"{self.base}/api/v1/tracks/{track_id}/hls.m3u8"

    def verify_email(self, token: str) -> str:
        """The page whose button verifies an address."""
        return f"{self.base}/verify-email?token={token}"


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
    access: str
    viewer: TrackViewer
    version: int
    created_at: datetime
    published_at: datetime | None


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
    expires_at: datetime
