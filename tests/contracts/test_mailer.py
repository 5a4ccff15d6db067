"""The contract of `Mailer`, over the memory adapter, files and a mail server."""

import email
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from soundgraph.adapters.filesystem.mail import EmlMailer
from soundgraph.adapters.memory.identity import Outbox
from soundgraph.adapters.smtp.mail import SmtpMailer
from soundgraph.application.identity import Mail, Mailer
from soundgraph.domain.errors import Unavailable

SENDER = "soundgraph@example.org"
LINK = "https://example.org/verify-email?token=" + "0123456789abcdef" * 8


class Postbox:
    """An SMTP server's handler that keeps what arrives as files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self._directory.mkdir(exist_ok=True)
        (self._directory / f"{len(list(self._directory.iterdir())):03}.eml").write_bytes(envelope.content)
        return "250 kept"


@dataclass
class Case:
    """A mailer, and how to see what became of its mail."""

    mailer: Mailer
    directory: Path

    def arrived(self) -> list[Mail]:
        if isinstance(self.mailer, Outbox):
            return self.mailer.sent
        return [
            Mail(one["Message-ID"].strip("<>").split("@")[0], one["To"], one["Subject"], text_of(one))
            for one in read(self.directory)
        ]


def text_of(message: EmailMessage) -> str:
    return str(message.get_content()).replace("\r\n", "\n").rstrip("\n")


def read(directory: Path) -> list[EmailMessage]:
    messages = [email.message_from_bytes(path.read_bytes(), policy=default) for path in sorted(directory.iterdir())]
    return list(messages)


@pytest.fixture(params=["memory", "eml", "smtp"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    directory = tmp_path / "mail"
    if request.param != "smtp":
        yield Case(Outbox() if request.param == "memory" else EmlMailer(directory, SENDER), directory)
        return
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    server = Controller(Postbox(directory), hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    server.start()
    yield Case(SmtpMailer(f"smtp://127.0.0.1:{port}", SENDER), directory)
    server.stop()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "mail"


def a_mail(**fields: str) -> Mail:
    return Mail(**{"id": "verify-1", "to": "ann@example.org", "subject": "Hello", "text": "Hi.", **fields})


@pytest.mark.parametrize(
    "text", ["Hi.", f"Open this:\n\n{LINK}", "Schöne Grüße, 你好", "x" * 3_000, "a\n.\nb\nFrom me"]
)
async def test_a_mail_arrives_as_it_was_sent(case: Case, text: str) -> None:
    await case.mailer.send(a_mail(text=text, subject="Grüße an alle"))
    assert case.arrived() == [a_mail(text=text, subject="Grüße an alle")]


async def test_two_mails_arrive_in_order(case: Case) -> None:
    await case.mailer.send(a_mail(id="one"))
    await case.mailer.send(a_mail(id="two"))
    assert [mail.id for mail in case.arrived()] == ["one", "two"]


async def test_a_mail_sent_again_may_arrive_again(case: Case) -> None:
    await case.mailer.send(a_mail())
    await case.mailer.send(a_mail())
    assert case.arrived()[0] == a_mail()


async def test_a_file_per_mail_that_only_its_owner_reads(directory: Path) -> None:
    old = os.umask(0)
    await EmlMailer(directory, SENDER).send(a_mail())
    os.umask(old)
    (path,) = directory.iterdir()
    assert path.name.endswith("Z-verify-1.eml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_a_link_can_be_copied_from_the_file(directory: Path) -> None:
    await EmlMailer(directory, SENDER).send(a_mail(text=f"Open this:\n\n{LINK}\n"))
    (path,) = directory.iterdir()
    assert LINK in path.read_text()


async def test_the_head_is_complete(directory: Path) -> None:
    await EmlMailer(directory, SENDER).send(a_mail())
    (message,) = read(directory)
    assert {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"} <= set(message.keys())
    assert message["From"] == SENDER


@pytest.mark.parametrize(
    "to", ["a@example.org\r\nBcc: b@example.org", "a@example.org, b@example.org", "a@example.org\n", "nobody", ""]
)
async def test_an_address_smuggles_nothing_in(directory: Path, to: str) -> None:
    with pytest.raises(ValueError):
        await EmlMailer(directory, SENDER).send(a_mail(to=to))
    assert not directory.exists()


async def test_a_subject_smuggles_nothing_in(directory: Path) -> None:
    await EmlMailer(directory, SENDER).send(a_mail(subject="Hi\r\nBcc: b@example.org\x00"))
    (message,) = read(directory)
    assert message["Bcc"] is None
    assert message["Subject"] == "Hi Bcc: b@example.org"


async def test_an_id_does_not_leave_the_directory(directory: Path) -> None:
    await EmlMailer(directory, SENDER).send(a_mail(id="../../../verify\n1"))
    (path,) = directory.iterdir()
    assert path.name.endswith("verify_1.eml")


async def test_an_address_beyond_ascii(directory: Path) -> None:
    await EmlMailer(directory, SENDER).send(a_mail(to="jörg@exämple.org"))
    (path,) = directory.iterdir()
    assert "To: jörg@exämple.org\n" in path.read_text()


async def test_a_sender_may_have_a_name(directory: Path) -> None:
    await EmlMailer(directory, "soundgraph <no-reply@example.org>").send(a_mail())
    (message,) = read(directory)
    assert message["From"] == "soundgraph <no-reply@example.org>"


async def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        await EmlMailer(tmp_path / "file", SENDER).send(a_mail())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


async def test_a_mail_server_that_is_away_leaves_the_mail_owed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(Unavailable) as away:
        await SmtpMailer(f"smtp://127.0.0.1:{port}", SENDER).send(a_mail())
    assert away.value.code == "mail_away"


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return directory / "cert.pem", directory / "key.pem"


@dataclass
class Secured:
    """A mail server with TLS that lets one person in."""

    url: str
    certificate: Path
    directory: Path


@pytest.fixture(params=["smtp", "smtps"])
def secured(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secured]:
    cert, key = certificate(tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    def authenticate(server: object, session: object, envelope: object, mechanism: str, data: LoginPassword) -> Any:
        right = (data.login, data.password) == (b"sound", b"p@ss/word")
        # Left to the server, which says no; without that we would only wait for it.
        return AuthResult(success=right, handled=False)

    implicit = request.param == "smtps"
    tls = {"ssl_context": serving} if implicit else {"tls_context": serving, "require_starttls": True}
    # The library cannot tell that a connection is encrypted from its beginning, and warns of requiring a password then.
    server = Controller(
        Postbox(tmp_path / "mail"),
        hostname="127.0.0.1",
        port=port,
        enable_SMTPUTF8=True,
        authenticator=authenticate,
        auth_required=not implicit,
        auth_require_tls=not implicit,
        **tls,
    )
    server.start()
    yield Secured(f"{request.param}://sound:p%40ss%2Fword@127.0.0.1:{port}", cert, tmp_path / "mail")
    server.stop()


async def test_a_mail_server_with_tls(secured: Secured) -> None:
    trusting = ssl.create_default_context(cafile=secured.certificate)
    mailer = SmtpMailer(secured.url, SENDER, require_tls=True, tls=trusting)
    await mailer.check()
    await mailer.send(a_mail(text=f"Open this:\n\n{LINK}\n", html=f'<p><a href="{LINK}">Open</a></p>\n'))
    (message,) = read(secured.directory)
    assert [one.get_content_type() for one in message.iter_parts()] == ["text/plain", "text/html"]
    assert [LINK in one.get_content() for one in message.iter_parts()] == [True, True]


async def test_a_mail_server_whose_certificate_nobody_knows_gets_nothing(secured: Secured) -> None:
    with pytest.raises(Unavailable):
        await SmtpMailer(secured.url, SENDER, require_tls=True).send(a_mail())
    assert not secured.directory.exists()


async def test_a_mail_server_that_does_not_let_us_in_gets_nothing(secured: Secured) -> None:
    trusting = ssl.create_default_context(cafile=secured.certificate)
    wrong = secured.url.replace("sound:", "other:")
    with pytest.raises(Unavailable, match="535"):
        await SmtpMailer(wrong, SENDER, require_tls=True, tls=trusting).send(a_mail())
    assert not secured.directory.exists()


async def test_where_tls_is_required_a_server_without_it_gets_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    server = Controller(Postbox(tmp_path / "mail"), hostname="127.0.0.1", port=port)
    server.start()
    with pytest.raises(Unavailable):
        await SmtpMailer(f"smtp://127.0.0.1:{port}", SENDER, require_tls=True).send(a_mail())
    server.stop()
    assert not (tmp_path / "mail").exists()
