"""The whole API in memory, and people who use it as programs or as browsers do."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from tests.audio import wav_bytes

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.application.wiring import Wiring
from soundgraph.domain.ids import AccountId
from soundgraph.entrypoints.http.app import Services, build_app

API = "/api/v1"
HERE = "http://localhost"
PASSWORD = "correct horse battery"
NOBODY = "01890000-0000-7000-8000-000000000000"

T = TypeVar("T")


def client_of(app: Litestar, base_url: str = HERE, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client that talks to the app in this process and follows no redirects."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, app)), base_url=base_url, headers=headers)


@dataclass
class Site:
    """A world, its API, and what is needed to talk to it."""

    world: World = field(default_factory=lambda: memory_app(base_url=HERE))
    public_url: str = HERE

    def __post_init__(self) -> None:
        self.app: Litestar = build_app(Services(self.world.use, self.public_url, b"k" * 32))

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A program, or a browser, that talks to the API."""
        return client_of(self.app, self.public_url, headers)

    async def register(self, handle: str) -> str:
        """Ask for an account. Returns the token from the mail."""
        async with self.client() as client:
            asked = {"email": f"{handle}@example.org", "handle": handle, "password": PASSWORD}
            answer = await client.post(f"{API}/auth/register", json=asked)
            assert answer.status_code == 202, answer.text
        await self.world.settle()
        found = re.search(r"token=(\S+)", self.world.outbox.sent[-1].text)
        assert found
        return found[1]

    async def join(self, handle: str) -> "Person":
        """A person with a verified account and a bearer token."""
        token = await self.register(handle)
        client = self.client()
        answer = await client.post(f"{API}/auth/verify-email", json={"token": token, "transport": "bearer"})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return Person(self, client, answer.json())


class Current(Wiring):
    """The wiring of one world after another."""

    def __init__(self) -> None:
        super().__init__({}, object)
        self.use: Wiring = self

    def __call__(self, wanted: type[T]) -> T:
        return self.use(wanted)


class Guest(Site):
    """A site that moves into an app which is there already: putting one together takes longer than most tests."""

    def __init__(self, app: Litestar, current: Current) -> None:
        self.world, self.public_url, self.app = memory_app(base_url=HERE), HERE, app
        current.use = self.world.use


@dataclass
class Person:
    """Someone logged in, whose requests carry a bearer token."""

    site: Site
    http: httpx.AsyncClient
    session: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.session["user"]["id"])

    async def subscribe(self, plan: str) -> None:
        """Change to another plan."""
        async with self.site.world.work() as work:
            account = await work.accounts.get(AccountId(UUID(self.id)))
            assert account
            account.plan = plan
            await work.accounts.save(account)
            await work.commit()

    async def log_in(self) -> None:
        """Once more, for after a request that logged out."""
        asked = {"login": self.session["user"]["handle"], "password": PASSWORD, "transport": "bearer"}
        answer = await self.site.client().post(f"{API}/auth/login", json=asked)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def stay(self, answer: httpx.Response) -> None:
        """Log in again if this request may have logged out: what was refused, or only read, did not."""
        if answer.status_code < 400 and answer.request.method.upper() not in {"GET", "HEAD"}:
            await self.log_in()

    async def upload(self, title: str = "A Song", **fields: str) -> dict[str, Any]:
        """A track, processed if it can be."""
        files = {"audio": ("song.wav", wav_bytes(1, 8_000, 1), "audio/wav")}
        answer = await self.http.post(f"{API}/tracks", data={"title": title, **fields}, files=files)
        assert answer.status_code == 202, answer.text
        await self.site.world.settle()
        return (await self.http.get(f"{API}/tracks/{answer.json()['id']}")).json()  # type: ignore[no-any-return]


def failing(port: type, error: Exception) -> Site:
    """A site one of whose adapters always fails."""

    def fail(self: object, *_: object, **__: object) -> object:
        raise error

    methods = dict.fromkeys(port.__abstractmethods__, fail)  # type: ignore[attr-defined]
    broken = type("Broken", (port,), methods)()
    return Site(memory_app({port: broken}, base_url=HERE))


@pytest.fixture(scope="session")
def house() -> tuple[Litestar, Current]:
    """One app for the tests of a process that ask for `site`, and what says whose world it serves."""
    current = Current()
    return build_app(Services(current, HERE, b"k" * 32)), current


@pytest.fixture
def site(house: tuple[Litestar, Current]) -> Site:
    """Nothing may be registered with its app: that stays."""
    return Guest(*house)


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor."""
    async with site.client() as client:
        yield client


@pytest.fixture
async def ann(site: Site) -> Person:
    return await site.join("annika")


@pytest.fixture
async def bob(site: Site) -> Person:
    return await site.join("robert")


def paths(app: Litestar) -> list[tuple[str, str]]:
    """Every method and path that the API documents, with ids of things that do not exist."""
    found = app.openapi_schema.to_schema()["paths"]
    named = {path: re.sub(r"\{\w+\}", NOBODY, path.replace("{provider}", "google")) for path in found}
    return [(method.upper(), named[path]) for path, methods in found.items() for method in methods]
