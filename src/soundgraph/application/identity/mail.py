"""A mail as RFC 5322 has it, whatever carries it."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from soundgraph.application.identity.ports import Mail

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
ONE_ADDRESS = re.compile(r"([^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]+)@([^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\]+)")
# RFC 5322, section 2.1.1. Longer lines are encoded; shorter ones stay as they are, so that links can be copied.
LONGEST_LINE = 998


def plain_name(mail_id: str) -> str:
    """The id of a mail in letters that file names and message ids allow."""
    return NOT_IN_NAMES.sub("_", mail_id)


def message_of(mail: Mail, sender: Address, at: datetime) -> EmailMessage:
    """The mail in RFC 5322; line breaks in its subject become spaces, those in an address are a ValueError."""
    message = EmailMessage(SMTP if (mail.to + sender.addr_spec).isascii() else SMTPUTF8)
    message["From"], message["To"] = sender, _address(mail.to)
    message["Subject"] = " ".join("".join(one if one.isprintable() else " " for one in mail.subject).split())
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{plain_name(mail.id)}@{sender.domain}>"
    long = any(len(line.encode()) > LONGEST_LINE for line in mail.text.splitlines())
    plain = "7bit" if mail.text.isascii() else "8bit"
    message.set_content(mail.text, cte="quoted-printable" if long else plain)
    return message


def sender_of(text: str) -> Address:
    """Whom mail comes from: an address, with or without a name. What is not an address is a ValueError."""
    name, address = parseaddr(text)
    return _address(address, name)


def _address(text: str, name: str = "") -> Address:
    """One address: no comma or line break smuggles in another recipient or header."""
    found = ONE_ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError("not one e-mail address")
    return Address(name, username=found[1], domain=found[2])
