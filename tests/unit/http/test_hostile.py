"""Every route against what no client should send: never a 5xx, never more than a second of work."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.unit.http.conftest import API, NOBODY, Person, Site, paths

JSON, FORM = b"application/json", b"multipart/form-data; boundary=x"
Headers = list[tuple[bytes, bytes]]
BRACKETS = 100_000
NESTED_FORM = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + b"[" * BRACKETS + b"\r\n--x--\r\n"
BODIES: dict[str, tuple[bytes, bytes | None]] = {
    "no body": (b"", None),
    "no body, called json": (b"", JSON),
    "wrong type": (b"hello", b"text/plain"),
    "no type": (b"{}", None),
    "broken json": (b'{"a": [1, 2', JSON),
    "10 MB of json": (b'{"title": "' + b"x" * 10_000_000 + b'"}', JSON),
    "10 MB of small json": (b"[" + b"{}," * 3_300_000 + b"{}]", JSON),
    "brackets": (b"[" * BRACKETS, JSON),
    "closed brackets": (b"[" * BRACKETS + b"]" * BRACKETS, JSON),
    "objects": (b'{"title":' * BRACKETS + b"1" + b"}" * BRACKETS, JSON),
    "brackets in a form": (NESTED_FORM, FORM),
    "10 MB of form": (b"--x\r\n" + b"a" * 10_000_000, FORM),
    "a form of nothing but boundaries": (b"--x\r\n" * 200_000, FORM),
    "a thousand fields": (b"{" + b",".join(b'"f%d": 1' % n for n in range(1_000)) + b"}", JSON),
    "one field a thousand times": (b"{" + b",".join([b'"title": 1'] * 1_000) + b"}", JSON),
}
HEADERS: dict[str, Headers] = {
    "a huge header": [(b"X-Junk", b"x" * 1_000_000)],
    "two hundred headers": [(b"X-%d" % n, b"x") for n in range(200)],
    "a huge token": [(b"Authorization", b"Bearer " + b"x" * 1_000_000)],
    "two tokens": [(b"Authorization", b"Bearer a"), (b"Authorization", b"Bearer b")],
    "a token that is no text": [(b"Authorization", b"Bearer \xff\xfe\x00")],
    "a huge cookie": [(b"Cookie", b"a=b; " * 100_000)],
    "a cookie that is no text": [(b"Cookie", b"sg_access=\xff\xfe; \x80=\x81")],
    "two cookies": [(b"Cookie", b"sg_access=a"), (b"Cookie", b"sg_access=b")],
    "two types": [(b"Content-Type", JSON), (b"Content-Type", FORM)],
    "a type that is no text": [(b"Content-Type", b"\xff/\xfe; charset=\x80")],
    "an odd type": [(b"Content-Type", b";;;===,/")],
    "an unknown charset": [(b"Content-Type", b"application/json; charset=klingon")],
    "another charset": [(b"Content-Type", b"application/json; charset=utf-16")],
    "a huge type": [(b"Content-Type", b"multipart/form-data; boundary=" + b"x" * 100_000)],
    "a boundary that is no text": [(b"Content-Type", b"multipart/form-data; boundary=\xff\x00")],
    "an empty boundary": [(b"Content-Type", b'multipart/form-data; boundary=""')],
    "many parameters": [(b"Content-Type", b"application/json" + b"; a=b" * 50_000)],
    "a length that is no number": [(b"Content-Length", b"many")],
    "a negative length": [(b"Content-Length", b"-1")],
    "a huge length": [(b"Content-Length", b"9" * 400)],
    "two lengths": [(b"Content-Length", b"1"), (b"Content-Length", b"2")],
    "a length in other digits": [(b"Content-Length", b"\xb2")],
    "chunked and long": [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")],
    "if-match of anything": [(b"If-Match", b'"' * 10_001), (b"If-Match", b"\xff")],
    "a huge if-match": [(b"If-Match", b'"v1-a",' * 50_000 + b'"v1-a"')],
    "a version without end": [(b"If-Match", b'"v' + b"9" * 5_000 + b'-a"')],
    "if-none-match of anything": [(b"If-None-Match", b"\xff,W/,*" * 50_000)],
    "an odd key": [(b"Idempotency-Key", b"\xff"), (b"Idempotency-Key", b"\x00")],
    "two keys": [(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b")],
    "an odd range": [(b"Range", b"bytes=" + b"0-," * 50_000)],
    "an odd origin": [(b"Origin", b"\xff://[::"), (b"Sec-Fetch-Site", b"\xff")],
    "an odd host": [(b"Host", b"\xff")],
    "no host": [(b"Host", b"")],
    "an odd agent": [(b"User-Agent", b"\x00\x7f\xff" * 10_000), (b"X-Request-ID", b"\xff")],
    "an odd accept": [(b"Accept", b"\xff/" * 10_000), (b"Accept-Encoding", b"\xff;q=x")],
    "another place": [(b"X-Forwarded-For", b"\xff, ::1%"), (b"Forwarded", b'for="[')],
}
QUERIES = [
    *[
        f"limit={bad}"
        for bad in ("0", "-1", "101", "x", "", "1e3", "0x1", "%00", "%FF", "9" * 5_000, "1&limit=2", "%D9%A3")
    ],
    *[
        f"cursor={bad}"
        for bad in ("", "x", "%00", "%FF", "%F0%9F%8E%B5", "A" * 60_000, "=" * 50, "a&cursor=b", "-_" * 99)
    ],
    *[f"points={bad}" for bad in ("99", "10001", "x", "1.5", "-1", "9" * 400)],
    "&" * 50_000,
    "a=b&" * 2_000,
    "%" * 1_000,
    "[]=1&a[b]=2&limit[]=3",
]


async def strictly(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> httpx.Response:
    """Send it; the answer is no 5xx and took less than three seconds of this process."""
    begun = time.process_time()
    answer = await client.request(method, url, **more)
    spent = time.process_time() - begun
    assert answer.status_code < 500, (method, url[:100], answer.text)
    assert spent < 3, (method, url[:100], spent)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return answer


@pytest.mark.parametrize("name", BODIES)
async def test_no_body_breaks_a_route(site: Site, ann: Person, name: str) -> None:
    body, kind = BODIES[name]
    headers = {} if kind is None else {"Content-Type": kind.decode()}
    for method, path in paths(site.app):
        for client in (ann.http, site.client()):
            await ann.stay(await strictly(client, method, path, content=body, headers=headers))


async def test_a_long_body_without_a_length_is_cut_short(site: Site, ann: Person) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 65_536

    for method, path in paths(site.app):
        headers = {"Content-Type": "application/json"}
        await ann.stay(await strictly(ann.http, method, path, content=endless(), headers=headers))


@pytest.mark.parametrize("name", HEADERS)
async def test_no_header_breaks_a_route(site: Site, ann: Person, name: str) -> None:
    given = {header.lower() for header, _ in HEADERS[name]}
    for method, path in paths(site.app):
        token = (b"Authorization", ann.http.headers["Authorization"].encode())
        own = [token] if b"authorization" not in given else []
        kind = [(b"Content-Type", JSON)] if b"content-type" not in given else []
        for client, headers in ((site.client(), kind), (site.client(), own + kind)):
            answer = await strictly(client, method, path, content=b"{}", headers=headers + HEADERS[name])
            await ann.stay(answer)


@pytest.mark.parametrize("query", QUERIES, ids=lambda one: one[:20])
async def test_no_query_breaks_a_route(site: Site, ann: Person, query: str) -> None:
    for method, path in paths(site.app):
        if method == "GET":
            await strictly(ann.http, method, httpx.URL(path, query=query.encode()).__str__())


async def test_no_method_breaks_a_route(site: Site, ann: Person) -> None:
    for path in {path for _, path in paths(site.app)} | {"/", "/docs", "/nothing", "/media/x", "/verify-email"}:
        for method in (
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
            "TRACE",
            "CONNECT",
            "get",
            "X" * 999,
        ):
            begun = time.process_time()
            answer = await ann.http.request(method, path)
            assert answer.status_code < 500, (method, path)
            assert time.process_time() - begun < 1
            await ann.stay(answer)


@pytest.mark.parametrize(
    "segment", ["..", "%2e%2e", "%2F", "%00", "%FF", "%F0%9F%8E%B5", "a" * 10_000, ";", "%0d%0a", "{x}"]
)
async def test_no_path_breaks_a_route(site: Site, ann: Person, segment: str) -> None:
    for method, path in paths(site.app):
        if NOBODY in path:
            await strictly(ann.http, method, path.replace(NOBODY, segment), json={} if method == "PATCH" else None)
    await strictly(ann.http, "GET", f"{API}/{segment}/{segment}")
