"""Mail through a mail server, over TLS wherever the address says so."""

from datetime import UTC, datetime
from ssl import SSLContext
from urllib.parse import unquote, urlsplit

import aiosmtplib

from soundgraph.application.identity import Mail, Mailer, message_of, sender_of
from soundgraph.domain.errors import Unavailable

TIMEOUT_SECONDS = 20
CHECK_SECONDS = 5


class SmtpMailer(Mailer):
    """Hands each mail to `smtps://user:password@host:port` (TLS) or `smtp://…` (STARTTLS if `require_tls`, or offered).

    `sender` is whom it comes from. `tls` replaces the system's certificates.
    """

    def __init__(self, url: str, sender: str, *, require_tls: bool = False, tls: SSLContext | None = None) -> None:
        parts = urlsplit(url)
        implicit = parts.scheme == "smtps"
        self._sender, self._tls = sender_of(sender), tls
        self._host, self._port = parts.hostname or "localhost", parts.port or (465 if implicit else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._implicit, self._start_tls = implicit, True if require_tls and not implicit else None

    async def check(self) -> None:
        """Connect and log in, without sending anything. Raises Unavailable(mail_away)."""
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._implicit,
            start_tls=False if self._implicit else self._start_tls,
            tls_context=self._tls,
            timeout=CHECK_SECONDS,
        )
        try:
            async with client:
                await client.noop()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable("mail_away", f"The mail server does not let us in: {error}") from error

    async def send(self, mail: Mail) -> None:
        """Raises Unavailable(mail_away) when the server does not take it; the mail is then still owed."""
        try:
            await aiosmtplib.send(
                message_of(mail, self._sender, datetime.now(UTC)),
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._implicit,
                start_tls=False if self._implicit else self._start_tls,
                tls_context=self._tls,
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unavailable("mail_away", f"The mail server did not take this mail: {error}") from error
