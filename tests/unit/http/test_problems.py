"""No request, however broken, gets a 500, and every refusal says what is wrong."""

from datetime import timedelta

import httpx
import pytest
from litestar import get
from litestar.exceptions import HTTPException, InternalServerException
from structlog.testing import capture_logs
from tests.unit.http.conftest import API, NOBODY, PASSWORD, Person, Site, failing, paths

from soundgraph.application.identity import Passwords
from soundgraph.domain.errors import LimitReached, Unavailable
from soundgraph.entrypoints.http.policies import Policy

JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "nothing, called json": (b"", JSON),
    "text": (b"hello", {"Content-Type": "text/plain"}),
    "json called text": (b"{}", {"Content-Type": "text/plain"}),
    "json called nothing": (b"{}", {}),
    "an empty object": (b"{}", JSON),
    "a list": (b"[]", JSON),
    "null": (b"null", JSON),
    "half an object": (b'{"a": ', JSON),
    "two objects": (b"{}{}", JSON),
    "deep nesting": (b"[" * 200_000, JSON),
    "deep nesting in a field": (b'{"email": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", JSON),
    "invalid utf-8": (b'{"email": "\xff\xfe"}', JSON),
    "a lone surrogate": (b'{"email": "\\ud800x"}', JSON),
    "an escaped nul": (b'{"email": "\\u0000", "handle": "abc", "password": "1234567890"}', JSON),
    "a nul": (b'{"email": "\x00"}', JSON),
    "a huge integer": (b'{"email": ' + b"9" * 10_000 + b"}", JSON),
    "not a number": (b'{"email": NaN}', JSON),
    "a huge exponent": (b'{"email": 1e999999}', JSON),
    "every field mistyped": (
        b'{"token": 1, "login": [], "password": {}, "bio": 1, "tags": [[]], "title": false}',
        JSON,
    ),
    "unknown fields": (b'{"role": "admin", "id": 1, "__proto__": {}}', JSON),
    "a broken form": (b"--x\r\ngarbage", MULTIPART),
    "a form without an end": (b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nabc', MULTIPART),
    "a form of another boundary": (b"--y\r\n\r\n--y--\r\n", MULTIPART),
    "a form without a boundary": (b"--x--\r\n", {"Content-Type": "multipart/form-data"}),
    "an odd content type": (b"{}", {"Content-Type": "application/json; charset=;;=\x7f"}),
}
FORM_WITH_NUL = b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a\x00b"\r\n\r\nabc\r\n--x--\r\n'
HOSTILE_HEADERS = [
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer " + "a.b.c"},
    {"Authorization": "Basic YTpi"},
    {"Authorization": "Bearer " + "é".encode().decode("latin-1")},
    {"Cookie": "sg_access=%00; sg_refresh=..; =;;; a"},
    {"Cookie": "sg_access=" + "x" * 5_000, "Sec-Fetch-Site": "same-origin"},
    {"Cookie": 'sg_refresh="\\777\\000"', "Origin": "null"},
    {"Origin": "http://[", "Cookie": "sg_access=1"},
    {"Origin": "http://a:99999999", "Cookie": "sg_access=1"},
    {"X-Request-ID": "a\tb", "User-Agent": "\x7f\x80"},
    {"Range": "bytes=-", "If-None-Match": ",,,", "If-Range": "W/"},
    {"Accept": "*", "Content-Length": "0"},
]
HOSTILE_QUERIES = ["limit=0", "limit=101", "limit=x", "limit=", "cursor=", "cursor=%00", "cursor=%ff", "points=%00",
                   "limit=1&limit=2", "a=%zz&%&=&&", "cursor=" + "A" * 3_000, "limit=" + "9" * 400]  # fmt: skip


def check_problem(answer: httpx.Response) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert body["status"] == answer.status_code
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert body["detail"]


@pytest.mark.parametrize("who", ["visitor", "member"])
async def test_no_route_breaks(site: Site, ann: Person, who: str) -> None:
    client = ann.http if who == "member" else site.client()
    for method, path in paths(site.app):
        for name, (body, headers) in BODIES.items():
            answer = await client.request(method, path, content=body, headers=headers)
            assert answer.status_code < 500, (method, path, name, answer.text)
            asks_for_password = "/auth/" in path or (method, path) == ("DELETE", f"{API}/me")
            assert answer.status_code != 401 or who == "visitor" or asks_for_password
            if answer.status_code >= 400:
                check_problem(answer)
            await ann.stay(answer)


async def test_no_header_or_query_breaks_a_route(site: Site, ann: Person) -> None:
    for client in (site.client(), ann.http):
        for method, path in paths(site.app):
            await ann.log_in()
            for headers in HOSTILE_HEADERS:
                raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
                answer = await client.send(client.build_request(method, path, headers=raw))
                assert answer.status_code < 500, (method, path, headers, answer.text)
            for query in HOSTILE_QUERIES:
                answer = await client.request(method, f"{path}?{query}")
                assert answer.status_code < 500, (method, path, query, answer.text)


async def test_every_other_method_is_refused_with_those_there_are(site: Site, http: httpx.AsyncClient) -> None:
    known = paths(site.app)
    for path in {path for _, path in known}:
        allowed = {method for method, one in known if one == path} | {"OPTIONS"}
        allowed |= {"HEAD"} if "GET" in allowed else set()
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "TRACE", "BREW"} - allowed:
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
            assert set(answer.headers["Allow"].split(", ")) == allowed
        assert (await http.options(path)).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v1",
        "/api/v2/me",
        f"{API}/tracks/x/y",
        "/docs/schema",
        "/docs/schema/x",
        "/docs/assets/x",
        "/media/x",
    ],
)
async def test_unknown_addresses_are_problems_too(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    check_problem(answer)


@pytest.mark.parametrize("bad", ["x", "1", "0" * 31, NOBODY + "0", NOBODY[:-1] + "g", "%20", "null"])
async def test_a_malformed_id_is_not_found(site: Site, ann: Person, bad: str) -> None:
    for method, path in paths(site.app):
        if NOBODY in path:
            answer = await ann.http.request(method, path.replace(NOBODY, bad), json={} if method == "PATCH" else None)
            assert answer.status_code == 404, (method, path, answer.text)


async def test_what_is_missing_mistyped_and_unknown_is_listed_at_once(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{API}/auth/register", json={"email": 1, "handle": "ann", "role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["errors"] == [
        {"field": "role", "code": "unknown", "message": "This field is not known here."},
        {"field": "email", "code": "mistyped", "message": "Expected str, got int."},
        {"field": "password", "code": "missing", "message": "This field is required."},
    ]


async def test_a_mistyped_item_is_named_by_its_path(ann: Person) -> None:
    answer = await ann.http.patch(f"{API}/tracks/{NOBODY}", json={"tags": ["a", 2], "downloadable": "true"})
    assert {one["field"] for one in answer.json()["errors"]} == {"tags[1]", "downloadable"}


async def test_an_empty_body_says_what_to_send(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{API}/auth/login")
    assert (answer.status_code, answer.json()["code"]) == (400, "body_missing")
    assert "login, password" in answer.json()["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
async def test_json_by_another_name_is_refused(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post(f"{API}/auth/login", content=b"{}", headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


async def test_a_large_body_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{API}/auth/login", json={"login": "x" * 1_000_001, "password": ""})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_broken_rules_are_listed_at_once(http: httpx.AsyncClient) -> None:
    asked = {"email": "no", "handle": "admin", "password": "short", "display_name": ""}
    answer = await http.post(f"{API}/auth/register", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert {one["field"] for one in answer.json()["errors"]} == set(asked)


async def test_nul_is_refused_wherever_text_comes_in(site: Site, ann: Person) -> None:
    asked = {"login": "a\x00b", "password": PASSWORD}
    for answer in (
        await ann.http.post(f"{API}/auth/login", json=asked),
        await ann.http.patch(f"{API}/tracks/{NOBODY}", json={"tags": ["a", "b\x00"]}),
        await ann.http.get(f"{API}/users/a%00b"),
        await ann.http.get(f"{API}/me/feed?cursor=%00"),
        await ann.http.post(f"{API}/tracks", data={"title": "a\x00b"}, files={"audio": ("x", b"x")}),
        await ann.http.post(f"{API}/tracks", content=FORM_WITH_NUL, headers=MULTIPART),
        await ann.http.post("/verify-email", data={"token": "\x00"}),
    ):
        assert answer.status_code == 400, answer.text
    # An escaped backslash before u0000 is text, not a NUL.
    answer = await ann.http.patch(f"{API}/me/profile", content=rb'{"bio": "\\u0000"}', headers=JSON)
    assert answer.json()["bio"] == r"\u0000"


async def log_in(site: Site) -> httpx.Response:
    async with site.client() as client:
        return await client.post(f"{API}/auth/login", json={"login": "annika", "password": PASSWORD})


async def test_a_fault_of_ours_has_an_id_and_tells_nothing_else() -> None:
    site = failing(Passwords, RuntimeError("secret detail"))
    with capture_logs() as logs:
        answer = await log_in(site)
    assert answer.status_code == 500
    body = answer.json()
    assert set(body) == {"type", "title", "status", "code", "error_id"}
    assert "secret" not in answer.text
    (logged,) = [line for line in logs if line["event"] == "unhandled error"]
    assert logged["error_id"] == body["error_id"]
    assert str(logged["exc_info"]) == "secret detail"


@pytest.mark.parametrize("error", [InternalServerException("secret"), HTTPException("secret", status_code=418)])
async def test_a_fault_in_the_framework_is_a_fault_of_ours(error: Exception) -> None:
    @get("/broken", opt={"policy": Policy.OPEN})
    async def broken() -> None:
        raise error

    site = Site()
    site.app.register(broken)
    answer = await site.client().get("/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [(LimitReached("busy", "Busy.", 1), 429, "1"), (Unavailable("database_away", "Away."), 503, "5")],
)
async def test_what_passes_says_when_to_try_again(error: Exception, status: int, retry_after: str) -> None:
    answer = await log_in(failing(Passwords, error))
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, retry_after)
    check_problem(answer)


async def test_no_or_bad_credentials_ask_for_some(site: Site, http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get(f"{API}/me"),
        await http.get(f"{API}/me", headers={"Authorization": "Bearer x"}),
        await http.post(f"{API}/auth/login", json={"login": "nobody", "password": PASSWORD}),
    ):
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_spent_or_expired_link_is_gone(site: Site, http: httpx.AsyncClient) -> None:
    token = await site.register("annika")
    assert (await http.post(f"{API}/auth/verify-email", json={"token": token})).status_code == 200
    http.cookies.clear()
    again = await http.post(f"{API}/auth/verify-email", json={"token": token})
    assert (again.status_code, again.json()["code"]) == (410, "token_spent")
    token = await site.register("robert")
    site.world.clock.advance(timedelta(hours=25))
    late = await http.post(f"{API}/auth/verify-email", json={"token": token})
    assert (late.status_code, late.json()["code"]) == (410, "token_expired")
