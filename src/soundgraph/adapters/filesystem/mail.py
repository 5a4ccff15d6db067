"""Mail as files, for where no mail server is set."""

import asyncio
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from soundgraph.application.identity import Mail, Mailer, message_of, plain_name, sender_of


class EmlMailer(Mailer):
    """Writes each mail to `<UTC time>-<mail id>.eml` in `directory`, mode 0600, whole or not at all.

    `sender` is whom it comes from: an address, with or without a name. What is not an address is a ValueError.
    """

    def __init__(self, directory: Path, sender: str) -> None:
        self._directory, self._sender = directory, sender_of(sender)

    async def send(self, mail: Mail) -> None:
        """Sending the same id again makes another file."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{plain_name(mail.id)[:100]}.eml"
        content = message_of(mail, self._sender, now).as_bytes()
        await asyncio.to_thread(_write, self._directory, name, content)


def _write(directory: Path, name: str, content: bytes) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = directory / f".{name}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / name)
    finally:
        draft.unlink(missing_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
