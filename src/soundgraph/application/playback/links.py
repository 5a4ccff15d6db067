"""Secret links to tracks and playlists."""

from collections.abc import Callable
from datetime import UTC, datetime

from soundgraph.application.idempotency import KEPT, Once
from soundgraph.application.playback.ports import LinkTokens, PlaybackWork, SecretLinkReader
from soundgraph.application.playback.views import SecretLinkView
from soundgraph.application.ports import Clock, Ids
from soundgraph.application.views import Page, Position
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import LinkId, Ref
from soundgraph.domain.links import MAX_LINKS, SecretLink, digest_of, link_errors
from soundgraph.domain.visibility import Actor


async def require_own(work: PlaybackWork, actor: Actor, subject: Ref) -> None:
    """Raise NotFound unless the track or playlist is the actor's own, and the gate lets them see it."""
    await work.gate.require(actor, subject)
    if await work.secret_links.owner_of(subject) != actor.id:
        raise NotFound


class CreateSecretLink:
    """Make one more secret link to one's own track or playlist. Its owner.

    The token is derived from the id that is returned, so that a repetition under the same idempotency key shows the
    same one. Raises NotFound, Invalid naming every broken rule or as limit_reached.
    """

    def __init__(self, work: Callable[[], PlaybackWork], tokens: LinkTokens, ids: Ids, clock: Clock) -> None:
        self._work, self._tokens, self._ids, self._clock = work, tokens, ids, clock

    async def __call__(
        self,
        *,
        actor: Actor,
        subject: Ref,
        label: str = "",
        expires_at: datetime | None = None,
        once: Once | None = None,
    ) -> LinkId:
        link_id, now = LinkId(self._ids.new()), self._clock.now()
        async with self._work() as work:
            await require_own(work, actor, subject)
            if errors := link_errors(label, expires_at, at=now):
                raise Invalid.fields(errors)
            await work.serialise(f"secret-links:{subject.id}")
            if await work.secret_links.number(subject) >= MAX_LINKS:
                raise Invalid("limit_reached", f"There are {MAX_LINKS} links to this already. Revoke one first.")
            link = SecretLink(
                id=link_id,
                subject=subject,
                owner_id=actor.id,
                digest=digest_of(self._tokens.token(link_id)),
                label=label,
                created_at=now,
                expires_at=expires_at and expires_at.astimezone(UTC),
            )
            await work.secret_links.add(link)
            if once is not None:
                await work.idempotency_keys.settle(once, made=link_id, until=now + KEPT)
            await work.commit()
        return link_id


class ListSecretLinks:
    """The secret links to one's own track or playlist, newest first, without tokens. Its owner. Raises NotFound."""

    def __init__(self, work: Callable[[], PlaybackWork], reader: SecretLinkReader) -> None:
        self._work, self._reader = work, reader

    async def __call__(self, *, actor: Actor, subject: Ref, after: Position | None, limit: int) -> Page[SecretLinkView]:
        async with self._work() as work:
            await require_own(work, actor, subject)
        return await self._reader.page(subject, after=after, limit=limit)


class ReadSecretLink:
    """One secret link to one's own track or playlist. Its owner. Raises NotFound, also for one that was revoked."""

    def __init__(self, work: Callable[[], PlaybackWork], reader: SecretLinkReader) -> None:
        self._work, self._reader = work, reader

    async def __call__(self, *, actor: Actor, subject: Ref, link_id: LinkId) -> SecretLinkView:
        async with self._work() as work:
            await require_own(work, actor, subject)
        view = await self._reader.get(subject, link_id)
        if view is None:
            raise NotFound
        return view


class RevokeSecretLink:
    """Take a secret link back: its token opens nothing any more. Its owner. Raises NotFound, also the second time."""

    def __init__(self, work: Callable[[], PlaybackWork]) -> None:
        self._work = work

    async def __call__(self, *, actor: Actor, subject: Ref, link_id: LinkId) -> None:
        async with self._work() as work:
            await require_own(work, actor, subject)
            if not await work.secret_links.remove(subject, link_id):
                raise NotFound
            await work.commit()
