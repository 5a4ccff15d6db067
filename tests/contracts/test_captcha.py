"""The captcha services, as a server that answers as their published interfaces do; and none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs

import pytest

from soundgraph.adapters.memory.app import memory_app
from soundgraph.adapters.memory.identity import NoCaptcha
from soundgraph.adapters.siteverify.captcha import ADDRESSES, Service, SiteVerify
from soundgraph.application.identity import Captcha, Client, LogIn, Register, RestoreAccount
from soundgraph.domain.errors import Invalid, Unauthenticated, Unavailable

SECRET = "0x0000000000000000000000000000000000000000"


class StandIn(BaseHTTPRequestHandler):
    """Knows one secret; a token is good once, and scored if it says so."""

    spent: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = {name: one[0] for name, one in parse_qs(self.rfile.read(length).decode()).items()}
        body = b"<html>Bad Gateway</html>" if self.path == "/broken" else json.dumps(self._verdict(form)).encode()
        self.send_response(502 if self.path == "/down" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _verdict(self, form: dict[str, str]) -> dict[str, object]:
        token = form.get("response", "")
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert form["remoteip"] == "192.0.2.1"
        if form.get("secret") != SECRET:
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        if not token.startswith("good"):
            return {"success": False, "error-codes": ["invalid-input-response"]}
        if token in self.spent:
            return {"success": False, "error-codes": ["timeout-or-duplicate"]}
        self.spent.add(token)
        found = {"success": True, "challenge_ts": "2026-01-01T12:00:00Z", "hostname": "localhost", "error-codes": []}
        return found | ({"score": 0.1, "action": "login"} if "robot" in token else {})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - their name
        pass


@contextmanager
def served() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    StandIn.spent.clear()
    with served() as address:
        yield address


@pytest.mark.parametrize("service", ADDRESSES)
async def test_a_token_is_good_once(url: str, service: Service) -> None:
    captcha = SiteVerify(service, SECRET, url=url)
    await captcha.check("good-1", "192.0.2.1")
    for token, code in (("good-1", "captcha_failed"), ("bad", "captcha_failed"), ("good-robot", "captcha_failed")):
        with pytest.raises(Invalid) as refusal:
            await captcha.check(token, "192.0.2.1")
        assert (refusal.value.code, refusal.value.errors[0].field) == (code, "captcha_token")
    for none in (None, ""):
        with pytest.raises(Invalid) as refusal:
            await captcha.check(none, "192.0.2.1")
        assert refusal.value.code == "captcha_required"


@pytest.mark.parametrize("path", ["/down", "/broken"])
async def test_without_an_answer_nobody_passes(url: str, path: str) -> None:
    with pytest.raises(Unavailable) as away:
        await SiteVerify("turnstile", SECRET, url=url + path).check("good", "192.0.2.1")
    assert away.value.code == "captcha_away"


async def test_a_wrong_secret_is_our_fault(url: str) -> None:
    with pytest.raises(Unavailable):
        await SiteVerify("hcaptcha", "wrong", url=url).check("good", "192.0.2.1")


async def test_nobody_listens() -> None:
    with served() as url:
        pass
    with pytest.raises(Unavailable):
        await SiteVerify("hcaptcha", SECRET, url=url).check("good", "192.0.2.1")


async def test_registering_and_logging_in_ask_for_it(url: str) -> None:
    app = memory_app({Captcha: SiteVerify("turnstile", SECRET, url=url)})
    here, register = Client("tests", "192.0.2.1"), app.use(Register)
    asked = {"email": "ada@example.org", "handle": "ada", "password": "correct horse battery"}
    with pytest.raises(Invalid):
        await register(**asked, client=here)
    await register(**asked, client=here, captcha_token="good-2")
    guesses: list[LogIn | RestoreAccount] = [app.use(LogIn), app.use(RestoreAccount)]
    for number, guess in enumerate(guesses, 3):
        with pytest.raises(Invalid) as refusal:
            await guess(login="ada", password="x", client=here)
        assert refusal.value.code == "captcha_required"
        with pytest.raises(Unauthenticated):
            await guess(login="ada", password="x", client=here, captcha_token=f"good-{number}")


async def test_without_a_captcha_everyone_passes() -> None:
    await NoCaptcha().check(None, "")
