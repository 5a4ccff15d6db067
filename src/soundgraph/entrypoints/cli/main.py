"""The command line. Each command imports what it runs when it runs, so that `serve` stays small and `--help` quick."""

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from soundgraph.adapters.embedded.launch import die_with_parent
from soundgraph.adapters.embedded.programs import PostgresError
from soundgraph.entrypoints.settings import SUPERVISED, Settings, StartupError, load_settings

app = typer.Typer(
    name="soundgraph",
    help="An open backend for social audio.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


keys_app = typer.Typer(help="The secrets of this deployment.")
app.add_typer(keys_app, name="keys")


@app.command()
def serve() -> None:
    """Run everything on this machine: PostgreSQL (unless one is set), the API and the worker."""
    # Whoever runs us through make and kills make wants us gone, but in order.
    _die_with_supervisor(signal.SIGTERM)
    from soundgraph.entrypoints.cli import serve

    serve.run(_settings())


@app.command()
def api(
    processes: Annotated[int, typer.Option(min=1, help="Server processes; more than one needs Redis.")] = 1,
) -> None:
    """Run the HTTP API."""
    _die_with_supervisor(signal.SIGKILL)
    from soundgraph.entrypoints.cli import api

    settings = _complete_settings()
    api.refuse_unfit(settings, processes=processes)
    _warn_of_connections(settings, apis=processes)
    api.run(settings, processes=processes)


@app.command()
def worker(
    queues: Annotated[str, typer.Option(help="Which queues to work on, separated by commas; all by default.")] = "",
) -> None:
    """Run the worker: what is owed after each change, media processing and periodic work."""
    _die_with_supervisor(signal.SIGKILL)
    from soundgraph.entrypoints.worker.main import run

    settings = _complete_settings()
    _warn_of_connections(settings, apis=1)
    run(settings, tuple(name.strip() for name in queues.split(",") if name.strip()))


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    _die_with_supervisor(signal.SIGKILL)
    from soundgraph.adapters.postgres.migrations import upgrade
    from soundgraph.entrypoints.cli.database import with_database

    with with_database(_settings()) as settings:
        assert settings.database_url is not None
        upgrade(settings.database_url)


@app.command()
def demo() -> None:
    """Move in a small community with music of its own; starts `serve` if it does not run."""
    _die_with_supervisor(signal.SIGTERM)
    try:
        from soundgraph.entrypoints.cli.demo import command
    except ModuleNotFoundError as error:
        raise StartupError(f"The demo needs all extras: pip install 'soundgraph[all]' ({error}).") from error

    command.run(_settings())


@keys_app.callback(invoke_without_command=True)
def keys(context: typer.Context) -> None:
    """Make the secrets of this deployment if they are missing, and say where they are."""
    if context.invoked_subcommand is not None:
        return
    from soundgraph.entrypoints.secrets import create_secrets

    settings = _settings()
    secrets = create_secrets(settings)
    typer.echo(f"Signing key {secrets.kid} and application secret are in {settings.keys_dir}: keep them, and private.")


@keys_app.command()
def rotate(
    after: Annotated[
        int, typer.Option(min=5, help="In how many seconds it signs; until then, copy it to every other host.")
    ] = 5,
    revoke: Annotated[bool, typer.Option("--revoke", help="Refuse every older access token at once.")] = False,
) -> None:
    """Sign access tokens with a new key. Running processes see it within seconds; older tokens stay good."""
    from soundgraph.entrypoints import signing

    settings = _settings()
    if revoke:
        kid = signing.revoke(settings)
        typer.echo(f"Key {kid} signs now, and no other is believed: copy {settings.keys_dir} to every host.")
        return
    kid, begins = signing.rotate(settings, now=datetime.now(UTC), after=timedelta(seconds=after))
    typer.echo(f"Key {kid} signs from {begins:%H:%M:%S} UTC on: copy {settings.keys_dir} to every host before that.")


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended without losing anything.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
    apis: Annotated[int, typer.Option("--api", min=1, help="How many API processes there are in all.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="How many workers there are in all.")] = 1,
) -> None:
    """Check this installation, and say what to do about what is wrong; exit status 1 if anything is."""
    from soundgraph.entrypoints.cli import doctor

    raise typer.Exit(doctor.run(os.environ, repair=repair, as_json=as_json, apis=apis, workers=workers))


@app.command()
def where(
    what: Annotated[str, typer.Argument(help="data, mail, store or logs; all of them by default.")] = "",
) -> None:
    """Say where this deployment keeps what."""
    settings = _settings()
    places = {
        "data": settings.home,
        "mail": settings.mail_dir,
        "store": settings.store_dir,
        "logs": settings.logs_dir,
    }
    if what and what not in places:
        raise StartupError(f"There is no place called {what!r}. Places: {', '.join(places)}.")
    for name, path in places.items():
        if not what:
            typer.echo(f"{name:6} {path}")
        elif name == what:
            typer.echo(path)


def main() -> None:
    """Run the command that was asked for; what it refuses is printed without a traceback."""
    if sys.argv[1:2] not in [["serve"], ["api"], ["worker"], ["migrate"], ["keys"], ["doctor"]]:
        _add_groups()
    try:
        app()
    except (StartupError, PostgresError) as error:
        print(f"soundgraph: {error}", file=sys.stderr)
        sys.exit(1)


def _add_groups() -> None:
    """Groups of commands import the whole product; only who may want one pays for that, and `serve` never does."""
    from soundgraph.entrypoints.cli import admin, mail

    app.add_typer(admin.app, name="admin")
    app.add_typer(mail.app, name="mail")


def _settings() -> Settings:
    return load_settings(os.environ)


def _complete_settings() -> Settings:
    """For what runs for long: in production the secrets are checked too, and named together with the rest."""
    from soundgraph.entrypoints.secrets import secret_problems

    return load_settings(os.environ, also=secret_problems)


def _warn_of_connections(settings: Settings, *, apis: int) -> None:
    from soundgraph.entrypoints.cli.connections import warn_if_short
    from soundgraph.entrypoints.logs import configure_logging

    configure_logging(settings.log_level, json=settings.production)
    warn_if_short(settings, apis=apis, workers=1)


def _die_with_supervisor(number: signal.Signals) -> None:
    """Die with the process that supervises us, if one does; what we start ourselves has us for a parent, not it."""
    parent = os.environ.pop(SUPERVISED, None)
    if parent is not None:
        die_with_parent(int(parent), number)


if __name__ == "__main__":
    main()
