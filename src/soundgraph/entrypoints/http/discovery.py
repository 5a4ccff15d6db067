"""The feed."""

from litestar import get

from soundgraph.application.discovery import ReadFeed
from soundgraph.application.views import FeedItem
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.policies import member_route
from soundgraph.entrypoints.http.services import Use


@get("/me/feed", **member_route(ReadFeed))
async def read_feed(actor: CurrentActor, window: CurrentWindow, use: Use) -> Listing[FeedItem]:
    """What the people whom one follows posted."""
    return window.listing(await use(ReadFeed)(actor=actor, after=window.after, limit=window.limit))


ROUTES = (read_feed,)
