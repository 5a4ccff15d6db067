"""The product as people meet it: real processes on a data directory, HTTP in front of them, mails that arrive in files.

Everything started here dies with the process that runs the tests, however that ends.
"""

import asyncio
import email
import email.policy
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import httpx
import psutil

from soundgraph.entrypoints.settings import PREFIX, SUPERVISED

Found = TypeVar("Found")
Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery staple"
MEDIA_CHILD = "soundgraph.adapters.pyav.child"


def eventually(look: Callable[[], Found | None], seconds: float = 30.0, *, hoping: str = "that it happens") -> Found:
    """What `look` returns as soon as that is true. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"hoped {hoping} for {seconds:.0f} s; the last look gave {found!r}"
        time.sleep(0.05)
    return found


def environment(home: Path, port: int, **settings: str) -> dict[str, str]:
    """Ours without any settings but these, and with the wish that a command dies with us."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given = {"home": str(home), "port": str(port), "rate_limits": "off", **settings}
    mine = {f"{PREFIX}{name.upper()}": value for name, value in given.items()}
    return {**others, **mine, SUPERVISED: str(os.getpid())}


class Command:
    """A `soundgraph` command that runs, in a session of its own; what it says goes to `log`."""

    def __init__(self, *arguments: str, environ: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "soundgraph.entrypoints.cli.main", *arguments],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def runs(self) -> bool:
        return self._process.poll() is None

    def family(self) -> list[psutil.Process]:
        """The process and everything below it."""
        try:
            me = psutil.Process(self.pid)
            return [me, *me.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def media_children(self) -> list[psutil.Process]:
        """What decodes and encodes at this moment."""
        return [process for process in self.family() if MEDIA_CHILD in command_line(process)]

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        """Ask it to stop, or kill it; its exit status. Fails, and kills it, if that takes too long."""
        if self.runs():
            self._process.send_signal(number)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(seconds)
            raise AssertionError(f"it did not stop within {seconds:.0f} s:\n{self.said[-4_000:]}") from None


def command_line(process: psutil.Process) -> list[str]:
    """Its arguments; none once it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs. What nobody waits for may stay a zombie; it holds nothing."""
    return not any(process.is_running() and _status(process) != psutil.STATUS_ZOMBIE for process in processes)


def _status(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


class Sql:
    """Looks into a database, past the product."""

    def __init__(self, url: str) -> None:
        # A loop of its own: the tests may have theirs.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection: asyncpg.Connection[asyncpg.Record] = self._runner.run(asyncpg.connect(url))

    def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        return self._runner.run(self._connection.fetch(statement, *values))

    def value(self, statement: str, *values: object) -> Any:
        return self._runner.run(self._connection.fetchval(statement, *values))

    def happened(self, name: str, key: object) -> int:
        """How many events of that name there are about one thing."""
        return int(self.value("SELECT count(*) FROM events WHERE name = $1 AND key = $2", name, str(key)))

    def debts(self, subscriber: str) -> list[asyncpg.Record]:
        """What a subscriber is owed, with the key of the event."""
        return self.rows(
            "SELECT d.*, e.key, d.due <= now() AS is_due, d.due = 'infinity' AS dead FROM deliveries d"
            " JOIN events e ON e.id = d.event_id WHERE d.subscriber = $1",
            subscriber,
        )

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()


class Site:
    """Something that serves the API, and what it keeps where."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.url = f"http://127.0.0.1:{port}"
        self.api = f"{self.url}/api/v1"
        self.store = home / "store"
        self.mail = home / "mail"
        self._stack = ExitStack()
        self._joined = 0

    def close(self) -> None:
        """Close what was opened here. Stops nothing."""
        self._stack.close()

    def visitor(self) -> httpx.Client:
        """Someone without a session, like a browser with an empty cookie jar."""
        return self._stack.enter_context(httpx.Client(base_url=self.url, timeout=30))

    def open_sql(self, url: str) -> Sql:
        """The database of this site."""
        sql = Sql(url)
        self._stack.callback(sql.close)
        return sql

    def mails_to(self, address: str) -> list[EmailMessage]:
        """Every mail to an address, oldest first."""
        every = (
            email.message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=email.policy.default)
            for path in sorted(self.mail.glob("*.eml"))
        )
        return [mail for mail in every if mail["To"] == address]

    def token_for(self, address: str) -> str:
        """The token in the mail to an address, once it is there."""
        mail = eventually(lambda: self.mails_to(address), hoping=f"for a mail to {address}")[-1]
        found = re.search(r"token=(\S+)", text_of(mail))
        assert found is not None
        return found[1]

    def join(self, handle: str) -> "Person":
        """A person who registered, verified their address through the API and is logged in. Handles get a number."""
        self._joined += 1
        handle = f"{handle}_{self._joined}"
        http = self._stack.enter_context(httpx.Client(base_url=self.api, timeout=30))
        asked = http.post("/auth/register", json=registration(handle))
        assert asked.status_code == 202, asked.text
        token = self.token_for(address_of(handle))
        answer = http.post("/auth/verify-email", json={"token": token, "transport": "bearer"})
        assert answer.status_code == 200, answer.text
        return Person(handle, http, answer.json())

    def in_quarantine(self) -> list[Path]:
        """Bytes that wait to become a track, unfinished ones too."""
        return files_below(self.store / "quarantine")

    def in_scratch(self) -> list[Path]:
        """Files in the making."""
        return files_below(self.home / "scratch")


def files_below(directory: Path) -> list[Path]:
    """Every file, hidden ones too. Directories may come and go meanwhile."""
    return [Path(place) / name for place, _, names in os.walk(directory) for name in names]


def text_of(mail: EmailMessage) -> str:
    """What a mail says in plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def address_of(handle: str) -> str:
    """Where mail to a person goes."""
    return f"{handle}@example.org"


def registration(handle: str) -> Json:
    """What a person sends who wants an account."""
    return {"email": address_of(handle), "handle": handle, "password": PASSWORD}


@dataclass
class Person:
    """Someone who is logged in with a bearer token."""

    handle: str
    http: httpx.Client
    session: Json
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.session["user"]["id"]
        self.http.headers["Authorization"] = f"Bearer {self.session['access_token']}"

    def get(self, path: str, status: int = 200) -> Any:
        """The answer to a GET, which has to have this status."""
        answer = self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.json()

    def put(self, path: str, status: int = 204) -> None:
        answer = self.http.put(path)
        assert answer.status_code == status, answer.text

    def delete(self, path: str, status: int = 204) -> None:
        answer = self.http.delete(path)
        assert answer.status_code == status, answer.text

    def send(self, audio: bytes, title: str, *, name: str = "take.wav", **fields: str) -> httpx.Response:
        """The answer to an upload."""
        return self.http.post("/tracks", data={"title": title, **fields}, files={"audio": (name, audio)}, timeout=60)

    def upload(self, audio: bytes, title: str, *, name: str = "take.wav", **fields: str) -> str:
        """The id of a new track, whose processing is still owed."""
        answer = self.send(audio, title, name=name, **fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def processed(self, track_id: str, seconds: float = 60.0) -> Json:
        """The track, once it is ready or has failed."""

        def look() -> Json | None:
            track: Json = self.get(f"/tracks/{track_id}")
            return track if track["state"] != "processing" else None

        return eventually(look, seconds, hoping="that it is processed")

    def publish(self, audio: bytes, title: str, *, name: str = "take.wav", **fields: str) -> str:
        """The id of a new track that plays."""
        track_id = self.upload(audio, title, name=name, **fields)
        track = self.processed(track_id)
        assert track["state"] == "ready", track["failure"]
        return track_id

    def feed(self) -> list[str]:
        """The titles in the feed, newest first."""
        return [one["item"]["title"] for one in self.get("/me/feed")["items"]]


class Served(Site):
    """`soundgraph serve` on a data directory of its own, embedded PostgreSQL included."""

    def __init__(self, home: Path, port: int, **settings: str) -> None:
        super().__init__(home, port)
        self.environ = environment(home, port, **settings)
        self.command = Command("serve", environ=self.environ, log=home.with_name(f"{home.name}.txt"))

    def wait_ready(self) -> None:
        """Fails with what it said unless it gets ready."""
        eventually(lambda: "soundgraph is ready." in self.command.said or not self.command.runs(), 90)
        assert self.command.runs(), self.command.said
        port = self.command.said.rsplit("embedded PostgreSQL on port ", 1)[1].split(";")[0]
        password = (self.home / "postgres" / "password").read_text()
        self.database_url = f"postgresql://soundgraph:{password}@127.0.0.1:{port}/soundgraph"
        self.sql = self.open_sql(self.database_url)

    def child(self, name: str) -> psutil.Process | None:
        """The process that runs one of our commands, while it does."""
        return next((one for one in psutil.Process(self.command.pid).children() if name in command_line(one)), None)

    def close(self) -> None:
        """Stop it. No process of it may stay."""
        family = self.command.family()
        super().close()
        assert self.command.stop() == 0, self.command.said
        assert gone(family)


class Deployed(Site):
    """The production commands one by one, on a database that is there already, with Redis for hints."""

    def __init__(self, home: Path, port: int, database_url: str, redis_url: str) -> None:
        super().__init__(home, port)
        home.mkdir(mode=0o700)
        self.environ = environment(home, port, database_url=database_url, redis_url=redis_url)
        self.sql = self.open_sql(database_url)
        self._api = self._stack.enter_context(self.run("api"))
        eventually(self._answers, hoping="that the API gets ready")

    def run(self, *arguments: str) -> Command:
        """Start one of the commands. Leaving its block stops it."""
        return Command(
            *arguments, environ=self.environ, log=self.home.with_name(f"{self.home.name}-{arguments[0]}.txt")
        )

    def _answers(self) -> bool:
        assert self._api.runs(), self._api.said
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False
