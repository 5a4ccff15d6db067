"""`Idempotency-Key`: a request that creates, sent twice, creates once.

    async with claimed(request, key, actor, use) as attempt:
        made = await settled(attempt, fingerprint_of(data), lambda once: use(CreateThing)(…, once=once))

The use case settles the key with the id of what it made, in its own transaction. The answer is then read afresh, also
for a repetition, so that it passes the visibility gate each time.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
import structlog
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, SkipValidation

from soundgraph.application.idempotency import LEASE, Claim, ClaimKey, Made, Once, ReleaseClaim, RenewClaim
from soundgraph.application.wiring import Wiring
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.requests import ApiRequest

I = TypeVar("I", bound=UUID)  # noqa: E741 - an id
IdempotencyKey = NamedDependency[SkipValidation[str | None]]
log = structlog.get_logger()


def provide_idempotency_key(
    key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern="^[ -~]+$",
            description="A text of your choice. For 24 hours, the same request with it answers what the first made.",
        ),
    ] = None,
) -> str | None:
    """The key that a request was sent with, if any: 1 to 255 printable ASCII characters, or litestar answers 400."""
    return key


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request under a key. `earlier` is what the key stands for already."""

    claim: Claim
    earlier: Made | None


@asynccontextmanager
async def claimed(
    request: ApiRequest, key: str | None, actor: Actor, use: Wiring, *, every: float = LEASE.total_seconds() / 4
) -> AsyncIterator[Attempt | None]:
    """Hold a key, renewed `every` so many seconds, until the block ends; if it fails, the key is free again.

    None where the request has no key. Raises Conflict(idempotency_in_flight).
    """
    if key is None:
        yield None
        return
    route = f"{request.scope['method']} {request.scope['path']}"
    claim, earlier = await use(ClaimKey)(actor=actor, route=route, key=key)
    if earlier is not None:
        yield Attempt(claim, earlier)
        return
    heart = asyncio.create_task(_renewed(use, claim, every))
    try:
        yield Attempt(claim, None)
    except BaseException:
        # Shielded: a client that hangs up cancels this task, and its next try should not have to wait for the lease.
        await asyncio.shield(_released(use, claim))
        raise
    finally:
        heart.cancel()


async def settled(attempt: Attempt | None, fingerprint: str, make: Callable[[Once | None], Awaitable[I]]) -> I | UUID:
    """The id of what `make` makes, or of what the same request made before. Raises Invalid(idempotency_key_reused)."""
    if attempt is None:
        return await make(None)
    if attempt.earlier is not None:
        return attempt.earlier.answering(fingerprint)
    return await make(Once(attempt.claim, fingerprint))


def fingerprint_of(data: Any) -> str:
    """What tells one request from another: its decoded input, so that order and spaces do not count."""
    return hashlib.sha256(msgspec.json.encode(data, order="sorted")).hexdigest()


async def _renewed(use: Wiring, claim: Claim, every: float) -> None:
    held = True
    while held:
        await asyncio.sleep(every)
        try:
            held = await use(RenewClaim)(claim=claim)
        except Exception:
            log.exception("an idempotency key was not renewed")


async def _released(use: Wiring, claim: Claim) -> None:
    """Failing to is for the log: the caller has an error of its own to tell, and the lease runs out."""
    try:
        await use(ReleaseClaim)(claim=claim)
    except Exception:
        log.exception("an idempotency key was left behind")
