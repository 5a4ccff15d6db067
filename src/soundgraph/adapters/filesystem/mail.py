"""Mail as files, for where no mail server is set."""

import asyncio
import os
import re
import secrets
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from pathlib import Path

from soundgraph.application.identity import Mail, Mailer

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
ONE_ADDRESS = re.compile(r"([^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]+)@([^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]+)")
# RFC 5322, section 2.1.1. Longer lines are encoded; shorter ones stay as they are, so that links can be copied.
LONGEST_LINE = 998


class EmlMailer(Mailer):
    """Writes each mail to `<UTC time>-<mail id>.eml` in `directory`, mode 0600, whole or not at all.

    `sender` is whom it comes from: an address, with or without a name. What is not an address is a ValueError.
    """

    def __init__(self, directory: Path, sender: str) -> None:
        self._directory, self._sender = directory, _sender(sender)

    async def send(self, mail: Mail) -> None:
        """Sending the same id again makes another file."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{NOT_IN_NAMES.sub('_', mail.id)[:100]}.eml"
        content = message_of(mail, self._sender, now).as_bytes()
        await asyncio.to_thread(_write, self._directory, name, content)


def message_of(mail: Mail, sender: Address, at: datetime) -> EmailMessage:
    """The mail in RFC 5322; line breaks in its subject become spaces, those in an address are a ValueError."""
    message = EmailMessage(SMTP if (mail.to + sender.addr_spec).isascii() else SMTPUTF8)
    message["From"], message["To"] = sender, _address(mail.to)
    message["Subject"] = " ".join("".join(one if one.isprintable() else " " for one in mail.subject).split())
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{NOT_IN_NAMES.sub('_', mail.id)}@{sender.domain}>"
    long = any(len(line.encode()) > LONGEST_LINE for line in mail.text.splitlines())
    plain = "7bit" if mail.text.isascii() else "8bit"
    message.set_content(mail.text, cte="quoted-printable" if long else plain)
    return message


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    return _address(address, name)


def _address(text: str, name: str = "") -> Address:
    """One address: no comma or line break smuggles in another recipient or header."""
    found = ONE_ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError("not one e-mail address")
    return Address(name, username=found[1], domain=found[2])


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
