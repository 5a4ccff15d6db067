"""`soundgraph serve`: everything on one machine, with the production commands on embedded services."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

from soundgraph.adapters.embedded.locks import FileLock
from soundgraph.entrypoints.cli.command import Command, answers_http
from soundgraph.entrypoints.cli.database import embedded_postgres
from soundgraph.entrypoints.cli.listening import require_free
from soundgraph.entrypoints.cli.supervisor import StopRequested, Supervisor
from soundgraph.entrypoints.settings import GATE, PREFIX, SUPERVISED, Settings, StartupError, open_home

SOUNDGRAPH = (sys.executable, "-m", "soundgraph.entrypoints.cli.main")
# How a child is started, by name; tests run smaller ones.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "migrate": (*SOUNDGRAPH, "migrate"),
    "worker": (*SOUNDGRAPH, "worker"),
    "api": (*SOUNDGRAPH, "api"),
}


def run(settings: Settings, *, commands: Mapping[str, tuple[str, ...]] = COMMANDS) -> None:
    """Run everything until asked to stop. Raises StartupError or PostgresError, with what to do, if it cannot."""
    open_home(settings)
    lock = FileLock(settings.run_dir / "serve.lock")
    if not lock.try_exclusive():
        raise StartupError(
            f"soundgraph already runs on {settings.home}, as process {lock.holder()}: stop it with "
            f"`kill {lock.holder()}`, or give this one a directory and a port of its own: "
            f"SOUNDGRAPH_HOME=… SOUNDGRAPH_PORT={settings.port + 1} make serve"
        )
    with ExitStack() as stack:
        stack.callback(lock.release)
        require_free(settings.host, settings.port, command="make serve")
        stack.enter_context(suppress(StopRequested))
        supervisor = stack.enter_context(Supervisor(say))
        _bring_up(supervisor, settings, commands)
        supervisor.watch()
    say("Stopped.")


def say(line: str) -> None:
    """Print a line for the person at the terminal; the terminal may be gone, and that must not stop a shutdown."""
    with suppress(OSError):
        print(line, flush=True)


def _bring_up(supervisor: Supervisor, settings: Settings, commands: Mapping[str, tuple[str, ...]]) -> None:
    gate = FileLock(settings.run_dir / "gate.lock")
    environ = {
        **os.environ,
        SUPERVISED: str(os.getpid()),
        GATE: str(gate.path),
        f"{PREFIX}HOME": str(settings.home),
        "PYTHONUNBUFFERED": "1",
    }
    database = "as set by SOUNDGRAPH_DATABASE_URL"
    if settings.database_url is None:
        say("Starting PostgreSQL …")
        postgres = embedded_postgres(settings)
        supervisor.start(postgres)
        supervisor.wait_ready()
        environ[f"{PREFIX}DATABASE_URL"] = postgres.dsn
        database = f"embedded PostgreSQL on port {postgres.port}; its password is in {settings.postgres_dir}/password"

    def command(name: str, answers: Callable[[], bool] | None = None) -> Command:
        log = settings.logs_dir / f"{name}.log"
        return Command(name=name, argv=commands[name], log=log, environ=environ, answers=answers)

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - where to ask, not bind
    say("Migrating the database, starting the API and the worker …")
    # Most of a start is importing code; that needs no schema, and two at a time keep two cores busy.
    with gate.waiting():
        supervisor.start(command("api", answers_http(host, settings.port, "/health/ready")))
        supervisor.run(command("migrate"))
    supervisor.start(command("worker"), together=True)
    supervisor.wait_ready()
    say(_where(settings, database))


def _where(settings: Settings, database: str) -> str:
    mail = "as set by SOUNDGRAPH_SMTP_URL" if settings.smtp_url else f"{settings.mail_dir} (one .eml file per mail)"
    return f"""
soundgraph is ready.

  API        {settings.public_url}
  Reference  {settings.public_url}/docs
  Mail       {mail}
  Data       {settings.home}
  Database   {database}
  Logs       {settings.logs_dir} (api.log, worker.log, postgres.log, migrate.log)

Ctrl-C stops everything; so does `kill {os.getpid()}` from elsewhere.
"""
