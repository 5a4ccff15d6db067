"""What an operator does by hand."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer

from soundgraph.application.deliveries import DeadLetters
from soundgraph.application.ports import Clock
from soundgraph.application.wiring import Wiring
from soundgraph.domain.ids import EventId
from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.cli.database import with_database
from soundgraph.entrypoints.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="What an operator does by hand.")


@app.command("dead-letters")
def dead_letters(limit: Annotated[int, typer.Option(min=1, help="How many of the newest to show.")] = 50) -> None:
    """List the deliveries that used up their attempts, newest first."""

    async def show(use: Wiring) -> None:
        letters = await use(DeadLetters).list(limit=limit)
        for one in letters:
            typer.echo(f"{one.at:%Y-%m-%d %H:%M} {one.event_name} {one.event_key}  {one.attempts} tries: {one.error}")
            typer.echo(f"    soundgraph admin replay {one.event_id} {one.subscriber}")
        if not letters:
            typer.echo("There are no dead letters.")

    _with_wiring(show)


@app.command()
def replay(event_id: UUID, subscriber: str) -> None:
    """Make a dead letter due again, with a full budget of attempts."""

    async def again(use: Wiring) -> None:
        known = await use(DeadLetters).replay(EventId(event_id), subscriber, now=use(Clock).now())
        if not known:
            typer.echo("There is no such dead letter. List them with `soundgraph admin dead-letters`.", err=True)
            raise typer.Exit(1)
        typer.echo("It is due now; a running worker takes it up within seconds.")

    _with_wiring(again)


def _with_wiring(command: Callable[[Wiring], Awaitable[None]]) -> None:
    async def run(container: wired.Container) -> None:
        try:
            await command(wired.wiring(container))
        finally:
            await wired.close(container)

    with with_database(load_settings(os.environ)) as settings:
        asyncio.run(run(wired.Container(settings=settings)))
