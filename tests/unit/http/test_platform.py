"""Headers, health, documentation, pages and the log."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import capture_logs
from tests.unit.http.conftest import API, HERE, NOBODY, PASSWORD, Person, Site, client_of

from soundgraph.adapters.memory.app import memory_app
from soundgraph.entrypoints.http.app import Services, build_app
from soundgraph.entrypoints.logs import configure_logging, redact

EVERYWHERE = {
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "cache-control",
    "x-request-id",
}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/docs/assets/start.js",
        "/openapi.json",
        "/health/live",
        "/nothing",
        "/verify-email",
        f"{API}/me",
        f"{API}/users/x",
        f"{API}/tracks/{NOBODY}",
    ],
)
async def test_security_headers_are_everywhere(http: httpx.AsyncClient, path: str) -> None:
    for answer in (await http.get(path), await http.put(path), await http.options(path)):
        assert set(answer.headers) >= EVERYWHERE, path
        assert "unsafe-inline" not in answer.headers["content-security-policy"] or path == "/docs"
        assert "script-src" not in answer.headers["content-security-policy"] or path in {"/docs", "/"}
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in answer.headers


async def test_what_depends_on_the_viewer_is_private(http: httpx.AsyncClient, ann: Person) -> None:
    for answer in (await http.get(f"{API}/users/annika"), await ann.http.get(f"{API}/me"), await http.get(f"{API}/me")):
        assert "private" in answer.headers["cache-control"]
        assert answer.headers["vary"] == "Authorization, Cookie"
    login = await http.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})
    assert login.headers["cache-control"] == "no-store"


async def test_a_sane_request_id_comes_back_and_others_are_replaced(http: httpx.AsyncClient) -> None:
    given = await http.get("/health/live", headers={"X-Request-ID": "abc-1.2_3"})
    assert given.headers["x-request-id"] == "abc-1.2_3"
    for bad in ("", "a b", "x" * 65, "<script>", "a\tb"):
        answer = await http.get("/health/live", headers={"X-Request-ID": bad})
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_health(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/live")).json() == {"status": "ok"}
    ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "checks": {}})


async def test_readiness_names_what_is_away_and_does_not_wait_for_it() -> None:
    async def fine() -> None:
        return

    async def refused() -> None:
        raise ConnectionRefusedError("no route")

    async def silent() -> None:
        await asyncio.Event().wait()

    services = Services(
        memory_app().use, HERE, b"k", checks={"database": fine, "redis": refused, "storage": silent, "mail": silent}
    )
    client = client_of(build_app(services))
    begun = asyncio.get_running_loop().time()
    answer = await client.get("/health/ready")
    assert asyncio.get_running_loop().time() - begun < 1.5
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    assert answer.json()["checks"] == {"database": "ok", "redis": "failed", "storage": "failed", "mail": "failed"}


async def test_startup_and_shutdown_run_once_each() -> None:
    ran: list[str] = []

    async def start() -> None:
        ran.append("started")

    async def stop() -> None:
        ran.append("stopped")

    app: Any = build_app(Services(memory_app().use, HERE, b"k", startup=[start], shutdown=[stop]))
    said: list[str] = []

    async def receive() -> Any:
        return {"type": "lifespan.shutdown" if said else "lifespan.startup"}

    async def send(message: Any) -> None:
        said.append(message["type"])
        assert ran == (["started"] if len(said) == 1 else ["started", "stopped"])

    await app({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_the_document_declares_every_status(site: Site, http: httpx.AsyncClient) -> None:
    answer = await http.get("/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"bearer", "cookie"}
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names)) > 30
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            declared = set(operation["responses"])
            assert {"400", "500", "503"} <= declared, (path, method)
            assert ("404" in declared) == ("{" in path) or "404" in declared, (path, method)
            if operation["security"] == [{"bearer": []}, {"cookie": []}]:
                assert {"401", "403"} <= declared
            if "requestBody" in operation:
                assert {"413", "415"} <= declared
            assert operation["summary"]
    upload = document["paths"][f"{API}/tracks"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert upload["required"] == ["audio", "title"]
    assert document["paths"][f"{API}/tracks"]["post"]["responses"]["202"]


async def test_every_answer_was_declared(site: Site, ann: Person) -> None:
    document = site.app.openapi_schema.to_schema()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            address = re.sub(r"\{\w+\}", NOBODY, path)
            for client in (site.client(), ann.http, site.client(Authorization="x"), site.client(Cookie="sg_access=x")):
                for body in (None, b"{}", b"[", b"x" * 1_000_001):
                    headers = {"Content-Type": "application/json"} if body and len(body) < 9 else {}
                    answer = await client.request(method, address, content=body, headers=headers)
                    assert str(answer.status_code) in operation["responses"], (method, path, body, answer.text)
                    await ann.stay(answer)


async def test_the_documentation_needs_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        asset = await http.get(address)
        assert asset.status_code == 200
        assert len(asset.content) > 50
    assert "<script>" not in page.text


async def test_the_front_page_leads_to_the_documentation(http: httpx.AsyncClient) -> None:
    answer = await http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/docs"' in answer.text
    assert (await http.get("/assets/pages.css")).headers["content-type"].startswith("text/css")


async def test_the_page_in_the_mail_verifies_by_its_button(site: Site) -> None:
    token = await site.register("annika")
    async with site.client() as browser:
        for _ in range(2):  # scanners follow links
            page = await browser.get("/verify-email", params={"token": token})
            assert page.status_code == 200
            assert "set-cookie" not in page.headers
        assert re.findall(r"<(script|style)|\bon\w+=", page.text) == []
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        hidden = re.search(r'name="token" value="([^"]+)"', page.text)
        assert action
        assert hidden
        done = await browser.post(action[1], data={"token": hidden[1]}, headers={"Origin": HERE})
        assert (done.status_code, done.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (await browser.get(f"{API}/me")).json()["handle"] == "annika"
        again = await browser.post(action[1], data={"token": hidden[1]}, headers={"Origin": HERE})
        assert (again.status_code, again.headers["content-type"]) == (410, "text/html; charset=utf-8")


async def test_pages_escape_what_they_show(http: httpx.AsyncClient) -> None:
    page = await http.get("/verify-email", params={"token": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text
    for answer, status in (
        (await http.get("/verify-email"), 400),
        (await http.post("/verify-email", data={"token": "x"}), 410),
        (await http.post("/verify-email"), 415),
        (
            await http.post(
                "/verify-email", content=b"a&" * 200, headers={"Content-Type": "application/x-www-form-urlencoded"}
            ),
            400,
        ),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


async def test_one_line_per_request(http: httpx.AsyncClient, ann: Person) -> None:
    with capture_logs() as logs:
        await ann.http.get(f"{API}/me?secret_token=s-123")
        await http.get("/nothing?token=abc")
    assert [(one["method"], one["path"], one["status"], one["account_id"]) for one in logs] == [
        ("GET", f"{API}/me", 200, ann.id),
        ("GET", "/nothing", 404, None),
    ]
    assert all(one["ms"] >= 0 for one in logs)
    assert "123" not in str(logs)


async def test_a_refused_request_says_why_in_its_line(http: httpx.AsyncClient, ann: Person) -> None:
    """Who watches the log sees guessing as such."""
    with capture_logs() as logs:
        await http.post(f"{API}/auth/login", json={"login": "annika", "password": "wrong password"})
        await http.get(f"{API}/me")
        await ann.http.get(f"{API}/me")
    assert [one["refused"] for one in logs] == ["invalid_credentials", "unauthenticated", None]


SECRETS: list[Any] = [
    {"event": "x", "authorization": "Bearer topsecret"},
    {"event": "x", "Authorization": "topsecret"},
    {"event": "x", "headers": {"cookie": "sg_access=topsecret", "Set-Cookie": "topsecret"}},
    {"event": "x", "headers": [["authorization", "Bearer topsecret"]]},
    {"event": "x", "body": {"login": "a", "password": "topsecret", "refresh_token": "topsecret"}},
    {"event": "GET /verify-email?token=topsecret&x=1"},
    {"event": "/media/a?expires=1&type=x&signature=topsecret HTTP/1.1"},
    {"event": "x", "url": "/api/v1/tracks/1?secret_token=topsecret"},
    {"event": "x", "error": "LogInInput(login='a', password='topsecret', transport='cookie')"},
    {"event": "x", "raw": b'{"access_token": "topsecret"}'},
    {"event": "x", "exception": "Traceback…\n  header = 'Authorization: Bearer topsecret'\n"},
    {"event": "cookie: __Host-sg_refresh=topsecret; other=1"},
]


@pytest.mark.parametrize("event", SECRETS)
def test_secrets_are_hidden(event: Any) -> None:
    hidden = redact(None, "info", event)
    assert "topsecret" not in repr(hidden)
    assert "[redacted]" in repr(hidden)


def test_what_is_no_secret_is_left_alone() -> None:
    event = {"event": "request", "path": "/tracks/1?limit=2", "ms": 1.5, "status": 200, "ok": True, "none": None}
    assert redact(None, "info", dict(event)) == event


@pytest.fixture
def configured() -> Iterator[Callable[..., None]]:
    """`configure_logging`, undone afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield configure_logging
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail() -> None:
    raise RuntimeError("password=topsecret")


def test_in_production_every_line_is_json(configured: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    configured("info", json=True)
    structlog.get_logger("soundgraph").info("hello", password="topsecret")
    structlog.get_logger("soundgraph").debug("too quiet")
    logging.getLogger("some.library").warning("at %s", "/x?token=topsecret")
    try:
        fail()
    except RuntimeError:
        structlog.get_logger("soundgraph").exception("went wrong")
    text = capsys.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(one["level"], one["event"]) for one in lines] == [
        ("info", "hello"),
        ("warning", "at /x?token=[redacted]"),
        ("error", "went wrong"),
    ]
    assert lines[1]["logger"] == "some.library"
    assert "RuntimeError" in lines[2]["exception"]
    assert "topsecret" not in text


def test_in_development_lines_are_for_people(
    configured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    configured("debug", json=False)
    structlog.get_logger("soundgraph").debug("hello", token="topsecret", n=1)
    text = capsys.readouterr().err
    assert "hello" in text
    assert "n=1" in text
    assert "topsecret" not in text


async def test_readiness_names_what_can_be_done_without_and_stays_ready() -> None:
    async def away() -> None:
        raise OSError

    async def here() -> None:
        return

    for check, said in ((away, "away"), (here, "ok")):
        services = Services(memory_app().use, HERE, b"k" * 32, checks={"database": here}, dispensable={"redis": check})
        async with client_of(build_app(services)) as client:
            answer = await client.get("/health/ready")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ready", "checks": {"database": "ok", "redis": said}}
