"""Pages of a list: signed keyset cursors, bound to the path and every filter."""

import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from soundgraph.application.views import Page, Position
from soundgraph.domain.errors import FieldError
from soundgraph.entrypoints.http.errors import Malformed
from soundgraph.entrypoints.http.services import Given

T = TypeVar("T")
MAC_BYTES = 16
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """One page. `next` is the relative address of the page after it, or null where there is none."""

    items: Sequence[T]
    next: str | None


class Cursors:
    """Seals positions, so that only what this service handed out is ever read back."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, position: Position, bound_to: str) -> str:
        """The cursor of a position in one list."""
        payload = msgspec.json.encode(position)
        return urlsafe_b64encode(self._mac(payload, bound_to) + payload).decode().rstrip("=")

    def open(self, cursor: str, bound_to: str) -> Position:
        """The position in a cursor. Raises Malformed(bad_cursor), also for the cursor of another list."""
        try:
            raw = b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        except ValueError:
            raw = b""
        mac, payload = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload, bound_to)):
            wrong = FieldError("cursor", "bad_cursor", "Use the cursor of the answer before, with the same filters.")
            raise Malformed("bad_cursor", "This cursor does not belong to this list.", [wrong])
        return msgspec.json.decode(payload, type=Position)

    def _mac(self, payload: bytes, bound_to: str) -> bytes:
        return hmac.digest(self._key, bound_to.encode() + b"\x00" + payload, "sha256")[:MAC_BYTES]


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of a list is wanted: at most `limit` items after a position."""

    after: Position | None
    limit: int
    cursors: Cursors
    path: str
    kept: tuple[tuple[str, str], ...]
    filters: str

    def listing(self, page: Page[T]) -> Listing[T]:
        """The page as it is answered."""
        if page.next is None:
            return Listing(page.items, None)
        cursor = self.cursors.seal(page.next, self.filters)
        return Listing(page.items, f"{self.path}?{urlencode([*self.kept, ('cursor', cursor)])}")


CurrentWindow = NamedDependency[SkipValidation[Window]]


def provide_window(
    request: Request[Any, Any, Any],
    services: Given,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, QueryParameter(description="Where to go on: from `next` of the answer before.")
    ] = None,
) -> Window:
    """The page that a request asks for. Raises Malformed(bad_cursor)."""
    cursors, path = Cursors(services.cursor_key), quote(request.scope["path"])
    kept = tuple(sorted((name, value) for name, value in request.query_params.multi_items() if name != "cursor"))
    filters = f"{path}?{urlencode([(name, value) for name, value in kept if name != 'limit'])}"
    after = None if cursor is None else cursors.open(cursor, filters)
    return Window(after, limit, cursors, path, kept, filters)
