"""The doctor's look at what soundgraph stands on: disk, secrets, services, and the media child."""

import asyncio
import io
import os
import shutil
import wave
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from soundgraph.adapters.memory.store import MemoryStore
from soundgraph.adapters.postgres.inspection import inspect
from soundgraph.adapters.postgres.migrations import newest
from soundgraph.adapters.pyav.processor import PyAvProcessor
from soundgraph.adapters.redis.health import ping
from soundgraph.adapters.smtp.mail import SmtpMailer
from soundgraph.application.tracks import MediaFailed
from soundgraph.domain.errors import Unavailable
from soundgraph.domain.tracks import Analysis, Rendition
from soundgraph.entrypoints.cli.findings import Finding, off, ok, problem
from soundgraph.entrypoints.connections import connections_needed
from soundgraph.entrypoints.secrets import APPLICATION_SECRET, secret_problems
from soundgraph.entrypoints.settings import Settings

# Room for one upload of the largest size and everything made of it.
FREE_BYTES: Final = 2 * 1024**3
# Access tokens are given 30 seconds of leeway, leases last 30.
SKEW_SECONDS: Final = 5.0
MEDIA_SECONDS: Final = 60
GIBIBYTE: Final = 1024**3


def data_directory(settings: Settings) -> Finding:
    """Whether the data directory is there, ours, and private."""
    home = settings.home
    if not home.is_dir():
        return off("data directory", f"{home} is made at the first start")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return problem("data directory", f"{home} cannot be written to", f"give it to this user: chown -R … {home}")
    private = (settings.keys_dir, settings.mail_dir, settings.store_dir, settings.scratch_dir, settings.logs_dir)
    open_to_others = [one for one in private if one.is_dir() and one.stat().st_mode & 0o077]
    if home.stat().st_mode & 0o066:
        open_to_others.append(home)
    if open_to_others:
        names = " ".join(str(one) for one in open_to_others)
        return problem("data directory", f"others can look into {names}", f"chmod go-rw {names}")
    return ok("data directory", f"{home} is private and can be written to")


def secrets(settings: Settings) -> list[Finding]:
    """Whether the secrets are there, private and worth the name."""
    if not settings.production and not (settings.keys_dir / APPLICATION_SECRET).exists():
        return [off("secrets", f"{settings.keys_dir} is filled at the first start")]
    found = [problem("secrets", *_split(one)) for one in secret_problems(settings)]
    return found or [ok("secrets", f"{settings.keys_dir} holds a signing key and an application secret")]


def disk(settings: Settings) -> Finding:
    """Whether there is room for what is uploaded next."""
    there = next(one for one in (settings.home, *settings.home.parents) if one.is_dir())
    free = shutil.disk_usage(there).free
    said = f"{free / GIBIBYTE:.1f} GiB free at {there}"
    if free < FREE_BYTES:
        return problem("disk", said, f"make room: one upload may need {FREE_BYTES / GIBIBYTE:.0f} GiB")
    return ok("disk", said)


async def database(settings: Settings, *, apis: int, workers: int) -> list[Finding]:
    """Whether PostgreSQL answers, has the newest schema, lets all processes in, and agrees what time it is."""
    assert settings.database_url is not None
    where = urlsplit(settings.database_url).hostname
    try:
        seen = await inspect(settings.database_url)
    except Unavailable as away:
        return [problem("database", away.message, "start it, or mend SOUNDGRAPH_DATABASE_URL")]
    found = [ok("database", f"PostgreSQL on {where} answers")]
    head, revision = newest(), seen.revision
    if revision == head:
        found.append(ok("schema", f"at {head}"))
    else:
        found.append(problem("schema", f"at {revision or 'nothing'}, not {head}", "run `soundgraph migrate`"))
    needed = connections_needed(apis=apis, workers=workers)
    said = f"{seen.connections} allowed, {needed} needed by {apis} API processes and {workers} workers"
    short = problem("connections", said, "raise max_connections, or run fewer processes")
    found.append(short if seen.connections < needed else ok("connections", said))
    skew = f"the database is {abs(seen.ahead):.1f} s {'ahead' if seen.ahead > 0 else 'behind'}"
    late = problem("clock", skew, "run NTP on both hosts")
    return [*found, late if abs(seen.ahead) > SKEW_SECONDS else ok("clock", skew)]


async def redis(settings: Settings) -> Finding:
    """Whether Redis answers, where one is set."""
    if settings.redis_url is None:
        return off("redis", "not set: hints by NOTIFY, one API process")
    try:
        await ping(settings.redis_url)
    except Unavailable as away:
        return problem("redis", away.message, "start it, or mend SOUNDGRAPH_REDIS_URL; until then work is found later")
    return ok("redis", "answers")


async def mail(settings: Settings) -> Finding:
    """Whether the mail server lets us in, where one is set."""
    if settings.smtp_url is None:
        return off("mail", f"not set: mails are files in {settings.mail_dir}")
    try:
        checked = SmtpMailer(settings.smtp_url, "no-reply@localhost", require_tls=settings.production)
        await checked.check()
    except Unavailable as away:
        return problem("mail", away.message, "mend SOUNDGRAPH_SMTP_URL; mails wait until then")
    return ok("mail", "the mail server lets us in")


async def media(settings: Settings) -> Finding:
    """Whether a child process can be started, sandboxed, and turn a moment of silence into something to play."""
    store = MemoryStore()
    await store.put("original", _silence())
    processor = PyAvProcessor(store=store, scratch=settings.scratch_dir)
    try:
        async with asyncio.timeout(MEDIA_SECONDS):
            made = [result async for result in processor.process("original", into="made/")]
    except (MediaFailed, Unavailable, OSError) as error:
        # TimeoutError is an OSError too.
        return problem(
            "media", f"a test file was not processed: {str(error) or type(error).__name__}", "see the worker log"
        )
    names = [one.name for one in made if isinstance(one, Rendition)]
    if not names or not any(isinstance(one, Analysis) for one in made):
        return problem("media", f"a test file became only {names}", "reinstall: make clean serve")
    return ok("media", f"a child process made {', '.join(names)} of a test file")


async def _silence() -> AsyncIterator[bytes]:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(44_100)
        writer.writeframes(bytes(44_100))
    yield file.getvalue()


def _split(said: str) -> tuple[str, str]:
    what, _, fix = said.partition(": ")
    return what, fix or "remove it and run `soundgraph keys`"
