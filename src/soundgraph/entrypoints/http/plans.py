"""Plans, and what of one's own is used."""

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Struct

from soundgraph.application.plans import (
    EntitlementsView,
    ListPlans,
    PlansView,
    ReadEntitlements,
    ReadUsage,
    UsageView,
)
from soundgraph.application.tracks import PreflightUpload, PreflightView
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.policies import BODY, member_route, public_route
from soundgraph.entrypoints.http.services import Use


@get("/plans", **public_route(ListPlans))
async def list_plans(use: Use) -> PlansView:
    """Every plan."""
    return await use(ListPlans)()


@get("/me/entitlements", **member_route(ReadEntitlements))
async def read_entitlements(actor: CurrentActor, use: Use) -> EntitlementsView:
    """What one's own plan brings."""
    return await use(ReadEntitlements)(actor=actor)


@get("/me/usage", **member_route(ReadUsage, NotFound))
async def read_usage(actor: CurrentActor, use: Use) -> UsageView:
    """How much of one's own plan is used."""
    return await use(ReadUsage)(actor=actor)


class PreflightInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a file before it is sent."""

    filename: str
    size_bytes: int
    duration_ms: int | None = None


@post("/uploads/preflight", **member_route(PreflightUpload, *BODY, NotFound, Invalid), status_code=200)
async def preflight_upload(data: JSONBody[PreflightInput], actor: CurrentActor, use: Use) -> PreflightView:
    """Ask whether a file would be taken."""
    return await use(PreflightUpload)(
        actor=actor, filename=data.filename, size_bytes=data.size_bytes, duration_ms=data.duration_ms
    )


ROUTES = (list_plans, read_entitlements, read_usage, preflight_upload)
