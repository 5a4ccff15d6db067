"""Handing out what is stored of a person."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from soundgraph.application.identity import ArchiveReady, Post
from soundgraph.application.ports import Clock, Debt, Ids, ObjectStore, Timelines
from soundgraph.application.privacy.answers import answers
from soundgraph.application.privacy.archive import Archive
from soundgraph.application.privacy.ports import Copy, Fact, PersonalData, PersonalRows, PrivacyWork
from soundgraph.application.views import ExportView, Links
from soundgraph.domain.errors import NotFound
from soundgraph.domain.events import DeliveryExhausted
from soundgraph.domain.ids import AccountId, ExportId
from soundgraph.domain.privacy import Export, ExportReady, ExportRequested, ExportState
from soundgraph.domain.visibility import AccountStanding, Actor

URL_LIFETIME: Final = timedelta(hours=1)
REPORT_EVERY: Final = timedelta(seconds=1)
FAILED_KEPT: Final = timedelta(days=1)


class RequestExport:
    """Ask for an archive of everything that is stored of oneself, in the place of an older one. Its owner.

    One that is being made answers again.
    """

    def __init__(self, work: Callable[[], PrivacyWork], store: ObjectStore, ids: Ids, clock: Clock) -> None:
        self._work, self._store, self._ids, self._clock = work, store, ids, clock

    async def __call__(self, *, actor: Actor) -> None:
        now = self._clock.now()
        async with self._work() as work:
            await work.serialise(f"exports:{actor.id}")
            before = await work.exports.of(actor.id)
            if before is not None and before.being_made(at=now):
                return
            if before is not None:
                await work.exports.remove(before.id)
            export, requested = Export.request(ExportId(self._ids.new()), actor.id, at=now)
            await work.exports.put(export)
            work.record(requested)
            await work.commit()
        if before is not None:
            await self._store.remove_under(before.prefix)


class ReadExport:
    """How far one's archive is, and where it is. Its owner. Raises NotFound where none was asked for."""

    def __init__(self, work: Callable[[], PrivacyWork], store: ObjectStore, clock: Clock) -> None:
        self._work, self._store, self._clock = work, store, clock

    async def __call__(self, *, actor: Actor) -> ExportView:
        async with self._work() as work:
            export = await work.exports.of(actor.id)
        now = self._clock.now()
        if export is None or export.expires_at <= now:
            raise NotFound
        lifetime, ready = min(URL_LIFETIME, export.expires_at - now), export.state is ExportState.READY
        return ExportView(
            state=export.state.value,
            progress=export.progress,
            url=None if export.key is None else self._url(export.key, lifetime),
            size_bytes=export.size_bytes,
            sha256=export.sha256,
            expires_at=now + lifetime if ready else None,
            kept_until=export.expires_at if ready else None,
        )

    def _url(self, key: str, lifetime: timedelta) -> str:
        return self._store.signed_url(key, lifetime=lifetime, content_type="application/zip", filename="soundgraph.zip")


class BuildExport:
    """Subscriber: make the archive that was asked for.

    Every attempt writes a key of its own and is saved in a transaction that checks that it still holds the debt.
    """

    def __init__(
        self,
        work: Callable[[], PrivacyWork],
        rows: PersonalRows,
        store: ObjectStore,
        timelines: Timelines,
        clock: Clock,
    ) -> None:
        self._work, self._store, self._clock = work, store, clock
        self._modules = answers(rows, work, store, timelines)

    async def __call__(self, event: ExportRequested, debt: Debt) -> None:
        async with self._work() as work:
            export = await work.exports.get(event.export_id)
            account = await work.accounts.get(event.account_id)
        if export is None or account is None or export.state is ExportState.READY:
            return
        if account.standing is AccountStanding.DELETED:
            await self._drop(export)
            return
        key = f"{export.prefix}{debt.attempts}.zip"
        about = {"account_id": str(account.id), "handle": account.handle, "made_at": self._clock.now().isoformat()}
        progress = Progress(self._work, export.id, self._clock, modules=len(self._modules))
        archive = Archive(self._store.read)
        stored = await self._store.put(
            key, archive.stream(progress.through(self._modules, account.id), progress.seen, about)
        )
        async with self._work() as work:
            await work.pay(debt)
            fresh = await work.exports.get(export.id)
            if fresh is not None:
                ready = fresh.finish(key=key, size_bytes=stored.size_bytes, sha256=stored.sha256, at=self._clock.now())
                await work.exports.put(fresh)
                work.record(ready)
            await work.commit()
        if fresh is None:
            await self._store.remove_under(export.prefix)
        for attempt in range(1, debt.attempts):
            await self._store.remove(f"{export.prefix}{attempt}.zip")

    async def _drop(self, export: Export) -> None:
        await self._store.remove_under(export.prefix)
        async with self._work() as work:
            await work.exports.remove(export.id)
            await work.commit()


class Progress:
    """Walks through the modules, and says how far it is once a second."""

    def __init__(self, work: Callable[[], PrivacyWork], export_id: ExportId, clock: Clock, *, modules: int) -> None:
        self._work, self._export_id, self._clock, self._modules = work, export_id, clock, modules
        self._done, self._said, self._last = 0, 0, clock.now()

    async def through(self, modules: tuple[PersonalData, ...], account_id: AccountId) -> AsyncIterator[Fact | Copy]:
        """Everything of everyone, one module after the other."""
        for module in modules:
            async for piece in module.export(account_id):
                yield piece
            self._done += 1

    async def seen(self, piece: Fact | Copy) -> None:
        """A piece is in the archive."""
        # Rows come without a pause where a page of them was read at once.
        await asyncio.sleep(0)
        inside = piece.progress if isinstance(piece, Copy) else 0
        percent = min(99, (100 * self._done + inside) // self._modules)
        if percent <= self._said or self._clock.now() - self._last < REPORT_EVERY:
            return
        self._said, self._last = percent, self._clock.now()
        async with self._work() as work:
            export = await work.exports.get(self._export_id)
            if export is not None and export.state is ExportState.PREPARING:
                export.progress = percent
                await work.exports.put(export)
            await work.commit()


class GiveUpOnExport:
    """Subscriber: an archive that could not be made has failed, and says so. It can be asked for again."""

    def __init__(self, work: Callable[[], PrivacyWork], store: ObjectStore, clock: Clock) -> None:
        self._work, self._store, self._clock = work, store, clock

    async def __call__(self, event: DeliveryExhausted, debt: Debt) -> None:  # noqa: ARG002 - failing twice is once
        if event.event_name != ExportRequested.name:
            return
        async with self._work() as work:
            export = await work.exports.of(AccountId(UUID(event.event_key)))
            if export is None or export.state is not ExportState.PREPARING:
                return
            export.state, export.expires_at = ExportState.FAILED, self._clock.now() + FAILED_KEPT
            await work.exports.put(export)
            await work.commit()
        await self._store.remove_under(export.prefix)


class MailExport:
    """Subscriber: tell someone that their archive is ready, and where. The mail itself opens nothing."""

    def __init__(self, work: Callable[[], PrivacyWork], post: Post, links: Links) -> None:
        self._work, self._post, self._links = work, post, links

    async def __call__(self, event: ExportReady, debt: Debt) -> None:
        async with self._work() as work:
            export = await work.exports.get(event.export_id)
            account = await work.accounts.get(event.account_id)
        if export is None or account is None or account.standing is AccountStanding.DELETED:
            return
        letter = ArchiveReady(
            handle=account.handle,
            size_bytes=export.size_bytes or 0,
            until=export.expires_at,
            link=self._links.export(),
        )
        await self._post.send(letter, to=account.email, mail_id=f"export-{debt.event_id}", counted=False)


class ExpireExports:
    """Chore: remove archives whose time is over."""

    def __init__(self, work: Callable[[], PrivacyWork], store: ObjectStore, clock: Clock) -> None:
        self._work, self._store, self._clock = work, store, clock

    async def __call__(self, event: object, debt: Debt) -> None:  # noqa: ARG002 - a chore needs only the time
        async with self._work() as work:
            expired = await work.exports.expired(now=self._clock.now(), limit=100)
        for export in expired:
            # The object first: bytes without a row are not found again.
            await self._store.remove_under(export.prefix)
            async with self._work() as work:
                await work.exports.remove(export.id)
                await work.commit()
