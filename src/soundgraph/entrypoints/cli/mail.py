"""What mails look like, without sending any."""

from datetime import UTC, datetime
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated

import typer

from soundgraph.adapters.jinja.letters import TemplateLetters
from soundgraph.application.identity import (
    AddressWasChanged,
    AlreadyKnown,
    ArchiveReady,
    ConfirmNewAddress,
    ConfirmOldAddress,
    Letter,
    Mail,
    NewDevice,
    PasswordWasChanged,
    ProviderWasLinked,
    ProviderWasUnlinked,
    ResetLetter,
    VerifyAddress,
    message_of,
)

BASE = "https://sound.example"
SAMPLES: tuple[Letter, ...] = (
    VerifyAddress(handle="ada", link=f"{BASE}/verify-email?token=sample"),
    AlreadyKnown(base=BASE),
    ResetLetter(handle="ada", link=f"{BASE}/reset-password?token=sample"),
    PasswordWasChanged(handle="ada", unlinked=("google",), base=BASE),
    ConfirmOldAddress(handle="ada", new_email="ada@new.example", link=f"{BASE}/confirm-email?token=sample"),
    ConfirmNewAddress(handle="ada", link=f"{BASE}/confirm-email?token=sample"),
    AddressWasChanged(handle="ada", new_email="ada@new.example"),
    NewDevice(
        handle="ada",
        device="Firefox on Linux",
        address="192.0.2.1",
        at=datetime(2026, 1, 1, 12, tzinfo=UTC),
        base=BASE,
    ),
    ProviderWasLinked(handle="ada", provider="google", base=BASE),
    ProviderWasUnlinked(handle="ada", provider="google", base=BASE),
    ArchiveReady(
        handle="ada",
        size_bytes=123_456_789,
        until=datetime(2026, 1, 8, 12, tzinfo=UTC),
        link=f"{BASE}/account/export",
    ),
)

app = typer.Typer(no_args_is_help=True, help="The mails that soundgraph sends.")


@app.callback()
def mail() -> None:
    """The mails that soundgraph sends."""


@app.command()
def preview(
    directory: Annotated[Path, typer.Argument(help="Where to write them; it is made if it is not there.")],
) -> None:
    """Write every mail with sample data: as a whole (.eml), as plain text (.txt) and as a page (.html)."""
    directory.mkdir(parents=True, exist_ok=True)
    letters, sender = TemplateLetters(), Address("soundgraph", "no-reply", "sound.example")
    for sample in SAMPLES:
        written = letters.write(sample)
        mail = Mail(f"sample-{sample.name}", "ada@old.example", sample.subject, written.text, written.html)
        (directory / f"{sample.name}.txt").write_text(written.text)
        (directory / f"{sample.name}.html").write_text(written.html)
        (directory / f"{sample.name}.eml").write_bytes(message_of(mail, sender, datetime.now(UTC)).as_bytes())
        typer.echo(f"{sample.subject}: {directory / sample.name}.html, .txt, .eml")
