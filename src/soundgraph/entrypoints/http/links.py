"""Secret links, for those who hand them out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, SkipValidation
from msgspec import Meta, Struct

from soundgraph.application.idempotency import Once
from soundgraph.application.playback import (
    CreateSecretLink,
    LinkTokens,
    ListSecretLinks,
    NewSecretLinkView,
    ReadSecretLink,
    RevokeSecretLink,
    SecretLinkView,
)
from soundgraph.application.playlists import ReadPlaylist
from soundgraph.application.tracks import ReadTrack
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Invalid, NotFound
from soundgraph.domain.ids import Kind, LinkId, PlaylistId, Ref, TrackId, playlist_ref, track_ref
from soundgraph.domain.visibility import Actor
from soundgraph.entrypoints.http.auth import CurrentActor
from soundgraph.entrypoints.http.cursors import CurrentWindow, Listing
from soundgraph.entrypoints.http.idempotency import IdempotencyKey, claimed, fingerprint_of, settled
from soundgraph.entrypoints.http.policies import BODY, member_route
from soundgraph.entrypoints.http.requests import ApiRequest
from soundgraph.entrypoints.http.services import Use

CREATED = (*BODY, NotFound, Conflict, Invalid)
Subject = NamedDependency[SkipValidation[Ref]]


class CreateSecretLinkInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What the owner calls it, and when it stops to open anything; without, it never does."""

    label: str = ""
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


async def _page(subject: Ref, opened: Actor, use: Wiring) -> str:
    """The address that the link is handed out as."""
    if subject.kind is Kind.TRACK:
        return (await use(ReadTrack)(viewer=opened, track_id=TrackId(subject.id))).permalink_url
    return (await use(ReadPlaylist)(viewer=opened, playlist_id=PlaylistId(subject.id))).permalink_url


async def _create(
    subject: Subject,
    data: JSONBody[CreateSecretLinkInput],
    request: ApiRequest,
    actor: CurrentActor,
    use: Use,
    idempotency_key: IdempotencyKey,
) -> Response[NewSecretLinkView]:
    """Make a secret link to something of one's own."""

    async def make(once: Once | None) -> LinkId:
        return await use(CreateSecretLink)(
            actor=actor, subject=subject, label=data.label, expires_at=data.expires_at, once=once
        )

    async with claimed(request, idempotency_key, actor, use) as attempt:
        link_id = LinkId(await settled(attempt, fingerprint_of(data), make))
    view = await use(ReadSecretLink)(actor=actor, subject=subject, link_id=link_id)
    token = use(LinkTokens).token(link_id)
    shown = NewSecretLinkView(
        id=view.id,
        token=token,
        url=await _page(subject, replace(actor, grants=frozenset([subject.id]), secret_token=token), use),
        label=view.label,
        expires_at=view.expires_at,
        plays=view.plays,
        created_at=view.created_at,
    )
    return Response(shown, status_code=201, headers={"Cache-Control": "no-store"})


async def _list(subject: Subject, actor: CurrentActor, window: CurrentWindow, use: Use) -> Listing[SecretLinkView]:
    """The secret links to something of one's own."""
    page = await use(ListSecretLinks)(actor=actor, subject=subject, after=window.after, limit=window.limit)
    return window.listing(page)


async def _revoke(subject: Subject, link_id: FromPath[UUID], actor: CurrentActor, use: Use) -> None:
    """Revoke a secret link to something of one's own."""
    await use(RevokeSecretLink)(actor=actor, subject=subject, link_id=LinkId(link_id))


def _of_track(track_id: FromPath[UUID]) -> Ref:
    return track_ref(TrackId(track_id))


def _of_playlist(playlist_id: FromPath[UUID]) -> Ref:
    return playlist_ref(PlaylistId(playlist_id))


def _routes(kind: Kind, subject: Callable[[UUID], Ref]) -> tuple[HTTPRouteHandler, ...]:
    """The routes for the links to what is of a kind; `subject` reads from the path which one."""
    links = f"/{kind}s/{{{kind}_id:uuid}}/secret-links"
    given = {"subject": Provide(subject, sync_to_thread=False)}
    create = member_route(CreateSecretLink, *CREATED, operation_id=f"create_{kind}_link", dependencies=given)
    listing = member_route(ListSecretLinks, NotFound, operation_id=f"list_{kind}_links", dependencies=given)
    revoke = member_route(RevokeSecretLink, NotFound, operation_id=f"revoke_{kind}_link", dependencies=given)
    return (
        post(links, **create, status_code=201)(_create),
        get(links, **listing)(_list),
        delete(links + "/{link_id:uuid}", **revoke, status_code=204)(_revoke),
    )


ROUTES = (*_routes(Kind.TRACK, _of_track), *_routes(Kind.PLAYLIST, _of_playlist))
