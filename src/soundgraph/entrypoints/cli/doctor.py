"""`soundgraph doctor`: is everything as it should be, and if not, what to do."""

import asyncio
from collections.abc import Mapping

import msgspec
import typer

from soundgraph.adapters.embedded.programs import PostgresError
from soundgraph.application.upkeep import CheckCounters, CheckDebts, CheckObjects, OweAgain
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Unavailable
from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.cli import surroundings
from soundgraph.entrypoints.cli.database import with_database
from soundgraph.entrypoints.cli.findings import Finding, Status, held, off, ok, problem
from soundgraph.entrypoints.secrets import secret_problems
from soundgraph.entrypoints.settings import Settings, SettingsError, load_settings

SIGNS: Mapping[Status, str] = {Status.OK: "ok", Status.PROBLEM: "PROBLEM", Status.MENDED: "mended", Status.OFF: "-"}
REPAIR = "run `soundgraph doctor --repair`"


def run(environ: Mapping[str, str], *, repair: bool, as_json: bool, apis: int, workers: int) -> int:
    """Look at everything and print it. The exit status: 1 if there is a problem."""
    found = examine(environ, repair=repair, apis=apis, workers=workers)
    if as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        for one in found:
            typer.echo(f"{SIGNS[one.status]:8} {one.name:15} {one.said}")
            if one.fix:
                typer.echo(f"{'':8} {'':15} → {one.fix}")
    return int(any(one.status is Status.PROBLEM for one in found))


def examine(environ: Mapping[str, str], *, repair: bool, apis: int, workers: int) -> list[Finding]:
    """Every finding. What cannot be looked at because something before it is broken is left out."""
    try:
        settings = load_settings(environ, also=secret_problems)
    except SettingsError as error:
        return [problem("settings", one, "see docs/settings.md") for one in error.problems]
    found = [
        ok("settings", f"{settings.env}, all of them accepted"),
        surroundings.data_directory(settings),
        *surroundings.secrets(settings),
        surroundings.disk(settings),
    ]
    try:
        with with_database(settings) as complete:
            return found + asyncio.run(_services(complete, repair=repair, apis=apis, workers=workers))
    except PostgresError as error:
        return [*found, problem("database", str(error), "see the message")]


async def _services(settings: Settings, *, repair: bool, apis: int, workers: int) -> list[Finding]:
    database = await surroundings.database(settings, apis=apis, workers=workers)
    others = [await surroundings.redis(settings), await surroundings.mail(settings), await surroundings.media(settings)]
    if not any(one.name == "schema" and one.status is Status.OK for one in database):
        return [*database, *others, off("invariants", "not looked at without a database at the newest schema")]
    container = wired.Container(settings=settings)
    others.append(await storage(container))
    try:
        return [*database, *others, *await invariants(wired.wiring(container), repair=repair)]
    finally:
        await wired.close(container)


async def storage(container: wired.Container) -> Finding:
    """Whether the object storage lets us in, where one is set."""
    checks = wired.storage_check(container)
    if not checks:
        return off("storage", "not set: objects are files in the data directory")
    try:
        await checks["storage"]()
    except Unavailable as away:
        return problem("storage", away.message, "start it, or mend SOUNDGRAPH_S3_…; audio waits until then")
    return ok("storage", "the bucket lets us in")


async def invariants(use: Wiring, *, repair: bool) -> list[Finding]:
    """What must hold of everything that is stored."""
    drift = await use(CheckCounters)(repair=repair)
    stuck = await use(OweAgain)(repair=repair)
    debts = await use(CheckDebts)()
    objects = await use(CheckObjects)(repair=repair)
    some = "".join(f"; {one.counter} of {one.subject} was {one.counted}, rows {one.rows}" for one in drift[:5])
    since = f", the oldest since {debts.oldest:%Y-%m-%d %H:%M} UTC" if debts.oldest else ""
    left = f"{objects.orphans} of {objects.objects} objects without a row, {objects.orphan_bytes} bytes"
    gone = f"{objects.dangling} objects missing" + "".join(f"; {key}" for key in objects.dangling_keys[:5])
    return [
        held("counters", len(drift), f"{len(drift)} differ from their rows{some}", repaired=repair, fix=REPAIR),
        held("processing", len(stuck), f"{len(stuck)} revisions that nobody owes", repaired=repair, fix=REPAIR),
        held(
            "debts",
            debts.overdue,
            f"{debts.overdue} overdue by five minutes{since}",
            repaired=False,
            fix="start a worker, or another",
        ),
        held(
            "dead letters",
            debts.dead,
            f"{debts.dead} deliveries given up",
            repaired=False,
            fix="read `soundgraph admin dead-letters`, mend the cause, replay them",
        ),
        held("orphans", objects.orphans, left, repaired=objects.removed == objects.orphans, fix=REPAIR),
        held("missing", objects.dangling, gone, repaired=False, fix="bring them back from a backup"),
    ]
