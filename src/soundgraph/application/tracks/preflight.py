"""Whether an upload would be taken, before a byte of it is sent."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from soundgraph.application.limits import Caps
from soundgraph.application.tracks.ports import TracksWork
from soundgraph.domain.errors import FieldError, Invalid
from soundgraph.domain.tracks import AUDIO_SUFFIXES, MAX_DURATION_MS, MAX_UPLOAD_BYTES
from soundgraph.domain.visibility import Actor


class Obstacle(Struct, frozen=True, kw_only=True):
    """Why a file would not become a track. `limit` is the most that would do, in the unit of what is too much."""

    code: str
    message: str
    limit: int | None = None


class PreflightView(Struct, frozen=True, kw_only=True):
    """Whether a file would be taken as far as can be told of it unseen, and everything that stands in its way."""

    accepted: bool
    problems: Sequence[Obstacle]


class PreflightUpload:
    """Ask whether a file would be taken, before sending it. Anyone logged in. Raises Invalid for negative numbers."""

    def __init__(self, work: Callable[[], TracksWork], caps: Caps) -> None:
        self._work, self._caps = work, caps

    async def __call__(
        self, *, actor: Actor, filename: str, size_bytes: int, duration_ms: int | None = None
    ) -> PreflightView:
        given = {"size_bytes": size_bytes, "duration_ms": duration_ms or 0}
        if negative := [name for name, value in given.items() if value < 0]:
            raise Invalid.fields([FieldError(name, "negative", "Use a number from 0.") for name in negative])
        problems = [
            *_of_file(filename, size_bytes),
            *_of_length(duration_ms),
            *await self._of_owner(actor, duration_ms),
        ]
        return PreflightView(accepted=not problems, problems=problems)

    async def _of_owner(self, actor: Actor, duration_ms: int | None) -> list[Obstacle]:
        async with self._work() as work:
            processing = await work.tracks.in_processing(actor.id)
            left = (await work.allowances.get(actor.id)).left_ms
        found, most = [], self._caps.tracks_in_processing
        if most is not None and processing >= most:
            message = f"{most} of your tracks are in processing. Send more when one is ready."
            found.append(Obstacle(code="too_many_processing", message=message, limit=most))
        # A file whose length is unknown is only refused where there is no room at all.
        if left is not None and left < (1 if duration_ms is None else duration_ms):
            message = f"Your plan has room for {left // 1000} more seconds of audio."
            found.append(Obstacle(code="quota_exceeded", message=message, limit=left))
        return found


def _of_file(filename: str, size_bytes: int) -> list[Obstacle]:
    found = []
    _, dot, suffix = filename.rpartition(".")
    # A name without an ending tells nothing: the file itself will.
    if dot and suffix.lower() not in AUDIO_SUFFIXES:
        message = f"Send audio: {', '.join(sorted(AUDIO_SUFFIXES))}."
        found.append(Obstacle(code="unsupported", message=message))
    if size_bytes == 0:
        found.append(Obstacle(code="empty", message="This file is empty."))
    if size_bytes > MAX_UPLOAD_BYTES:
        message = f"Audio files may have up to {MAX_UPLOAD_BYTES} bytes."
        found.append(Obstacle(code="too_large", message=message, limit=MAX_UPLOAD_BYTES))
    return found


def _of_length(duration_ms: int | None) -> list[Obstacle]:
    if duration_ms is None or duration_ms <= MAX_DURATION_MS:
        return []
    message = f"Audio may last up to {MAX_DURATION_MS // 3_600_000} hours."
    return [Obstacle(code="too_long", message=message, limit=MAX_DURATION_MS)]
