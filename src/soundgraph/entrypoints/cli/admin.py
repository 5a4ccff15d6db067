"""What an operator does by hand."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer

from soundgraph.application.deliveries import DeadLetters
from soundgraph.application.identity import ChangeRole, ChangeStanding, CreateAdmin, FindAccount, ReadAudit
from soundgraph.application.plans import ChangePlan
from soundgraph.application.ports import Clock
from soundgraph.application.wiring import Wiring
from soundgraph.domain.audit import OPERATOR
from soundgraph.domain.errors import DomainError
from soundgraph.domain.ids import EventId
from soundgraph.domain.visibility import AccountStanding, Role
from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.cli.database import with_database
from soundgraph.entrypoints.settings import StartupError, load_settings

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


@app.command()
def create(
    email: str,
    handle: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="PASSWORD")],
) -> None:
    """Make the first admin's account. Refused once there is an admin, who gives roles to others."""

    async def make(use: Wiring) -> None:
        account_id = await use(CreateAdmin)(actor=OPERATOR, email=email, handle=handle, password=password)
        typer.echo(f"{handle} is an admin now, with the id {account_id}.")

    _with_wiring(make)


@app.command()
def role(login: str, role: Role) -> None:
    """Make the person with this handle or address a member, moderator or admin."""

    async def give(use: Wiring) -> None:
        await use(ChangeRole)(actor=OPERATOR, account_id=await use(FindAccount)(actor=OPERATOR, login=login), role=role)
        typer.echo(f"{login} is {role.value} now.")

    _with_wiring(give)


@app.command()
def suspend(login: str) -> None:
    """Suspend the account with this handle or address: it is hidden, and whoever is logged in is shut out at once."""
    _stand(login, AccountStanding.SUSPENDED)


@app.command()
def unsuspend(login: str) -> None:
    """Let a suspended account take part again."""
    _stand(login, AccountStanding.ACTIVE)


@app.command()
def audit(login: str, limit: Annotated[int, typer.Option(min=1, help="How many of the newest to show.")] = 50) -> None:
    """List what was done to an account with power over others, newest first. The operator has the id of zeros."""

    async def show(use: Wiring) -> None:
        account_id = await use(FindAccount)(actor=OPERATOR, login=login)
        for one in await use(ReadAudit)(actor=OPERATOR, subject_id=account_id, limit=limit):
            detail = " ".join(f"{name}={value}" for name, value in one.detail.items())
            typer.echo(f"{one.at:%Y-%m-%d %H:%M:%S} {one.action} by {one.actor_id} {detail}".rstrip())

    _with_wiring(show)


def _stand(login: str, standing: AccountStanding) -> None:
    async def change(use: Wiring) -> None:
        account_id = await use(FindAccount)(actor=OPERATOR, login=login)
        await use(ChangeStanding)(actor=OPERATOR, account_id=account_id, standing=standing)
        typer.echo(f"{login} is {standing.value} now.")

    _with_wiring(change)


@app.command()
def plan(login: str, plan: str) -> None:
    """Put the account with this handle or address on a plan."""

    async def change(use: Wiring) -> None:
        await use(ChangePlan)(login=login, plan=plan)
        typer.echo(f"{login} is on the plan {plan} now.")

    _with_wiring(change)


def _with_wiring(command: Callable[[Wiring], Awaitable[None]]) -> None:
    async def run(container: wired.Container) -> None:
        try:
            await command(wired.wiring(container))
        except DomainError as refusal:
            said = [refusal.message, *(one.message for one in getattr(refusal, "errors", ()))]
            raise StartupError(" ".join(said)) from refusal
        finally:
            container.passwords().close()
            await wired.close(container)

    with with_database(load_settings(os.environ)) as settings:
        asyncio.run(run(wired.Container(settings=settings)))
