"""A mail as RFC 5322 has it, whatever carries it, and how subscribers send one."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from soundgraph.application.identity.letters import Letter, Letters, Mail, Mailer
from soundgraph.application.limits import MAILS, Charge, Limiter

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
    if mail.html:
        message.add_alternative(mail.html, subtype="html", cte="7bit" if mail.html.isascii() else "8bit")
    return message


class Post:
    """Sends letters for the subscribers.

    What strangers can ask for is `counted`: too much of it for one address is not sent. That is decided here and shows
    in no answer, because what is sent depends on whether the address is known.
    """

    def __init__(self, mailer: Mailer, letters: Letters, limiter: Limiter) -> None:
        self._mailer, self._letters, self._limiter = mailer, letters, limiter

    async def send(self, letter: Letter, *, to: str, mail_id: str, counted: bool) -> None:
        """Write it and hand it over. Raises what the mailer raises."""
        written = self._letters.write(letter)
        mail = Mail(id=mail_id, to=to, subject=letter.subject, text=written.text, html=written.html)
        charges = [Charge(rule, f"sent to {to}") for rule in MAILS] if counted else []
        if charges and not all(one.allowed for one in await self._limiter.take(charges)):
            return
        try:
            await self._mailer.send(mail)
        except BaseException:
            # It will be tried again, and must not find its own failures in the way.
            for charge in charges:
                await self._limiter.give_back(charge)
            raise


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
