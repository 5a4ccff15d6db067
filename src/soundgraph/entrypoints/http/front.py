"""The page at `/`, the page of one track, and the files that they are made of. Nothing on them runs inline."""

import asyncio
import hashlib
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from soundgraph.application.discovery import FrontPageReader
from soundgraph.domain.errors import DomainError, NotFound
from soundgraph.entrypoints.http.auth import CurrentViewer
from soundgraph.entrypoints.http.conditional import matches
from soundgraph.entrypoints.http.errors import Refusal, status_of
from soundgraph.entrypoints.http.policies import open_route, public_route
from soundgraph.entrypoints.http.services import Use

NEWEST, MOST_PLAYED = 20, 10
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
YEAR_SECONDS = 365 * 24 * 3600


class Front:
    """The templates, and the files beside them. Files are addressed by what they all hold, so they can be kept."""

    def __init__(self, public_url: str) -> None:
        static = files("soundgraph.entrypoints.http").joinpath("static")
        self.assets = MappingProxyType({one.name: one.read_bytes() for one in static.iterdir()})
        held = hashlib.sha256(repr(sorted(self.assets.items())).encode())
        self.digest = held.hexdigest()[:16]
        self._public_url = public_url
        self._environment = Environment(
            loader=PackageLoader("soundgraph.entrypoints.http", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._environment.filters |= {"clock": clock, "amount": amount, "local": self.local}
        self._environment.globals |= {"asset": self.asset, "base": public_url}
        # Media is signed for the public address, which may not be the one in the browser's window.
        self.policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            f"media-src 'self' {public_url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def asset(self, name: str) -> str:
        """The address of a file."""
        return f"/assets/{self.digest}/{name}"

    def local(self, url: str) -> str:
        """An address of ours, as the page's own host knows it."""
        return url.removeprefix(self._public_url)

    def page(self, template: str, *, status: int = 200, **values: object) -> Response[str]:
        """A page of a template, whose values are text and are escaped."""
        html = self._environment.get_template(template).render(**values)
        headers = {"Content-Security-Policy": self.policy}
        return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)


def clock(milliseconds: int | None) -> str:
    """Milliseconds as minutes and seconds: 75,000 is 1:15."""
    seconds = (milliseconds or 0) // 1000
    return f"{seconds // 60}:{seconds % 60:02}"


def amount(count: int, noun: str) -> str:
    """1 play, 2 plays."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


CurrentFront = NamedDependency[SkipValidation[Front]]


def refusal_page(request: Request[Any, Any, Any], error: DomainError | Refusal) -> Response[str]:
    """The page that says why there is nothing to see."""
    front: Front = request.app.state["front"]
    status = status_of(type(error))
    title = "There is nothing here." if isinstance(error, NotFound) else "That did not work."
    message = "This track does not exist, or not for you." if isinstance(error, NotFound) else error.message
    return front.page("refusal.html", status=status, title=title, message=message)


ON_PAGES: Any = {DomainError: refusal_page, Refusal: refusal_page}


@get("/", **public_route(FrontPageReader), include_in_schema=False, exception_handlers=ON_PAGES)
async def read_front_page(viewer: CurrentViewer, use: Use, front: CurrentFront) -> Response[str]:
    """What is new, and what is played most."""
    reader = use(FrontPageReader)
    newest, most_played = await asyncio.gather(
        reader.newest(viewer, limit=NEWEST), reader.most_played(viewer, limit=MOST_PLAYED)
    )
    return front.page("front.html", newest=newest, most_played=most_played)


@get(
    "/{handle:str}/{permalink:str}",
    **public_route(FrontPageReader.under, NotFound),
    include_in_schema=False,
    exception_handlers=ON_PAGES,
)
async def read_track_page(
    handle: FromPath[str], permalink: FromPath[str], viewer: CurrentViewer, use: Use, front: CurrentFront
) -> Response[str]:
    """One track. Permalinks that it had lead to the one that it has."""
    one = await use(FrontPageReader).under(viewer, handle.lower(), permalink)
    if one is None:
        raise NotFound
    if one.permalink != permalink:
        # Not to be kept: a track may get back a permalink that it had.
        headers = {"Location": front.local(one.permalink_url), "Cache-Control": "no-store"}
        return Response("", status_code=301, media_type=MediaType.HTML, headers=headers)
    return front.page("track_page.html", one=one)


@get("/assets/{digest:str}/{name:str}", **open_route(Front.asset, NotFound), include_in_schema=False)
async def read_asset(
    digest: FromPath[str], name: FromPath[str], request: Request[Any, Any, Any], front: CurrentFront
) -> Response[bytes]:
    """A script, a stylesheet or a picture of the pages."""
    content = front.assets.get(name)
    if content is None:
        raise NotFound
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    # A page that was rendered before an update asks by the old name, and must not keep the new file under it.
    lasting = f"public, max-age={YEAR_SECONDS}, immutable" if digest == front.digest else "public, no-cache"
    headers = {"ETag": etag, "Cache-Control": lasting}
    if matches(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=TYPES[name.rpartition(".")[2]], headers=headers)


ROUTES = (read_front_page, read_track_page, read_asset)
