"""A small OpenID Connect provider over a socket, strict about PKCE, which can be told to misbehave."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

CLIENT_ID, CLIENT_SECRET = "soundgraph", "a client secret"
WELL_KNOWN = "/.well-known/openid-configuration"


class Provider:
    """Vouches for `person` without asking. Overrides are merged over what it would say; `now` is its clock."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.person: dict[str, Any] = {"sub": "1", "email": "ann@example.org", "email_verified": True, "name": "Ann"}
        self.now: Callable[[], float] = time.time
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, Callable[[Any], None]] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.codes: dict[str, dict[str, str]] = {}
        self.url = ""

    def signed(self, claims: dict[str, Any]) -> str:
        """An id token as it should be."""
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": "k1", **self.header})

    def jwk(self) -> dict[str, Any]:
        """The public key."""
        return {**ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "k1", "alg": "ES256"}

    def authorize(self, address: str) -> str:
        """What a browser does with the address of a provider: the address it is sent back to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["code_challenge_method"] == "S256"
        assert len(query["code_challenge"]) == 43
        assert query["client_id"] == CLIENT_ID
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'state': query['state'], 'code': code})}"

    def about(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            **self.metadata,
        }

    def exchange(self, form: dict[str, str], credentials: str) -> dict[str, Any]:
        """The tokens of a code, once, for whoever has the verifier and the client's secret."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '%20')}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if credentials.removeprefix("Basic ") not in (expected, plain):
            return {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return {"error": "invalid_grant"}
        now = int(self.now())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 600, "nonce": asked["nonce"]}
        said = {**claims, **self.person, **self.claims}
        token = self.sign({name: value for name, value in said.items() if value is not None})
        return {"access_token": "access", "token_type": "Bearer", "expires_in": 600, "id_token": token}


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    """What answers requests on behalf of a provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(self.path.partition("?")[0], {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            self._answer(self.path, {name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, path: str, form: dict[str, str]) -> None:
            if path in provider.answers:
                provider.answers[path](self)
                return
            credentials = self.headers.get("authorization", "")
            found: dict[str, Callable[[], dict[str, Any]]] = {
                WELL_KNOWN: provider.about,
                "/jwks": lambda: {"keys": [provider.jwk()]},
                "/token": lambda: provider.exchange(form, credentials),
                "/userinfo": lambda: provider.person if credentials == "Bearer access" else {},
            }
            answer = found[path]()
            self.send(400 if "error" in answer else 200, json.dumps(answer).encode())

        def send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


@contextmanager
def running() -> Iterator[Provider]:
    """A provider on a free port of loopback."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(provider))
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
