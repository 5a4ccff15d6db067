"""Pages of listed origins may call the API from elsewhere; nobody else's may."""

import httpx
import pytest
from tests.unit.http.conftest import API, HERE, NOBODY, Site, client_of, failing

from soundgraph.adapters.memory.app import memory_app
from soundgraph.application.people import PeopleReader
from soundgraph.entrypoints.http.app import Services, build_app

LISTED, HOSTILE = "https://app.example.org", "https://evil.example.org"
ALLOW = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"


def sharing(*origins: str, site: Site | None = None) -> httpx.AsyncClient:
    world = site.world if site else memory_app(base_url=HERE)
    return client_of(build_app(Services(world.use, HERE, b"k" * 32, cors_origins=origins)))


def words(header: str) -> set[str]:
    return {one.strip().lower() for one in header.split(",")}


async def preflight(client: httpx.AsyncClient, path: str, origin: str = LISTED) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization",
    }
    return await client.options(path, headers=asked)


# What tus clients on other sites send.
TUS = {
    "tus-resumable",
    "upload-checksum",
    "upload-concat",
    "upload-length",
    "upload-metadata",
    "upload-offset",
    "x-http-method-override",
}


async def test_a_preflight_from_a_listed_origin_is_let_through() -> None:
    client = sharing(LISTED, "http://localhost:5173")
    for path in (f"{API}/me", f"{API}/auth/login", "/nothing"):
        answer = await preflight(client, path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers[ALLOW] == LISTED
        assert answer.headers[CREDENTIALS] == "true"
        assert words(answer.headers["access-control-allow-methods"]) >= {"get", "post", "put", "patch", "delete"}
        assert (
            words(answer.headers["access-control-allow-headers"])
            == {
                "authorization",
                "content-type",
                "idempotency-key",
                "if-match",
                "if-none-match",
                "x-request-id",
            }
            | TUS
        )
        assert int(answer.headers["access-control-max-age"]) > 0
        assert "origin" in words(answer.headers["vary"])
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", [f"{API}/users/{NOBODY}", f"{API}/me", "/nothing", f"{API}/auth/login", "/health/live", f"{API}/me/feed"]
)
async def test_refusals_and_answers_alike_can_be_read(path: str) -> None:
    client = sharing(LISTED)
    answer = await client.get(path, headers={"Origin": LISTED})
    assert (answer.headers[ALLOW], answer.headers[CREDENTIALS]) == (LISTED, "true")
    assert words(answer.headers["access-control-expose-headers"]) >= {
        "etag",
        "location",
        "retry-after",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "x-request-id",
        "content-range",
        "upload-offset",
        "upload-length",
        "upload-expires",
        "upload-metadata",
        "upload-concat",
        "tus-resumable",
    }
    assert "origin" in words(answer.headers["vary"])
    if "authorization" in (await sharing().get(path)).headers.get("vary", "").lower():
        assert words(answer.headers["vary"]) == {"authorization", "cookie", "origin"}


async def test_a_fault_of_ours_can_be_read_too() -> None:
    client = sharing(LISTED, site=failing(PeopleReader, RuntimeError("secret")))
    answer = await client.get(f"{API}/users/{NOBODY}", headers={"Origin": LISTED})
    assert (answer.status_code, answer.headers[ALLOW]) == (500, LISTED)


@pytest.mark.parametrize(
    "origin",
    [HOSTILE, "null", LISTED + ".evil.org", LISTED.upper(), "http://app.example.org", LISTED + ":444", "*", ""],
)
async def test_nobody_else_is_let_in(origin: str) -> None:
    client = sharing(LISTED)
    for answer in (await preflight(client, f"{API}/me", origin), await client.get("/", headers={"Origin": origin})):
        assert not {one for one in answer.headers if one.startswith("access-control-")}
        assert "origin" in words(answer.headers["vary"])


async def test_without_a_list_nothing_is_shared() -> None:
    client = sharing()
    for answer in (await preflight(client, f"{API}/me"), await client.get("/", headers={"Origin": LISTED})):
        assert not {one for one in answer.headers if one.startswith("access-control-")}
        assert "origin" not in answer.headers.get("vary", "").lower()


async def test_every_origin_may_call_but_without_cookies() -> None:
    client = sharing("*")
    for answer in (await preflight(client, f"{API}/me"), await client.get(f"{API}/me", headers={"Origin": HOSTILE})):
        assert answer.headers[ALLOW] == "*"
        assert CREDENTIALS not in answer.headers


async def test_what_is_unchanged_can_be_read() -> None:
    client = sharing(LISTED)
    answer = await client.get("/openapi.json", headers={"Origin": LISTED, "If-None-Match": "*"})
    assert (answer.status_code, answer.headers[ALLOW]) == (304, LISTED)


async def test_a_listed_origin_is_not_ours_where_cookies_are() -> None:
    client = sharing(LISTED)
    for origin in (LISTED, HOSTILE):
        answer = await client.put(
            f"{API}/me/likes/tracks/{NOBODY}", headers={"Origin": origin, "Cookie": "sg_access=x"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")


async def test_media_are_not_touched() -> None:
    answer = await sharing(LISTED).get("/media/x", headers={"Origin": LISTED})
    assert answer.status_code == 404
    assert "vary" not in answer.headers
