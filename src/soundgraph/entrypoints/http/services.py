"""What the HTTP API is given from outside."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from soundgraph.application.limits import Limiter
from soundgraph.application.wiring import Wiring
from soundgraph.entrypoints.http.addresses import Network


class SignedFile(Protocol):
    """A file that a signed URL stands for. `etag` is strong, quotes included; `filename` asks for an attachment."""

    @property
    def path(self) -> Path: ...

    @property
    def content_type(self) -> str: ...

    @property
    def filename(self) -> str | None: ...

    @property
    def etag(self) -> str: ...


class SignedTarget(Protocol):
    """Where a signed request may write: from `least` to `most` bytes under `key`."""

    @property
    def key(self) -> str: ...

    @property
    def least(self) -> int: ...

    @property
    def most(self) -> int: ...


class SignedMedia(Protocol):
    """A store whose signed URLs this API has to answer itself."""

    def open_put(self, key: str, query: Mapping[str, str]) -> SignedTarget:
        """What a signed PUT may write. Raises Forbidden(bad_signature), Gone(url_expired)."""
        ...

    def open_form(self, fields: Mapping[str, str]) -> SignedTarget:
        """What a signed form may write. Raises Forbidden(bad_signature), Gone(url_expired)."""
        ...

    async def open_signed(self, key: str, query: Mapping[str, str]) -> SignedFile:
        """Raises Forbidden(bad_signature), Gone(url_expired), NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the API needs. `use` builds use cases and returns ports.

    `public_url` has no slash at its end. `checks` tells, by the name of a backing service, whether it is there: a check
    raises if not. Without those of `dispensable` everything still works, only later. `media` is set where objects are
    served by this process. Pages of `cors_origins` may call from elsewhere. `startup` runs before the first request, in
    order, `shutdown` after the last one. Without a `limiter` there are no limits. `trusted_proxies` are believed about
    whom they speak for.
    """

    use: Wiring
    public_url: str
    cursor_key: bytes
    checks: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    dispensable: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    media: SignedMedia | None = None
    cors_origins: Collection[str] = ()
    startup: Sequence[Callable[[], Awaitable[None]]] = ()
    shutdown: Sequence[Callable[[], Awaitable[None]]] = ()
    limiter: Limiter | None = None
    trusted_proxies: Sequence[Network] = ()

    @property
    def secure(self) -> bool:
        """Whether people reach this over https."""
        return self.public_url.startswith("https://")


# Litestar would check what it injects with msgspec, which knows neither of these.
Use = NamedDependency[SkipValidation[Wiring]]
Given = NamedDependency[SkipValidation[Services]]
