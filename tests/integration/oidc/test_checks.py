"""Whatever is wrong with what a provider says, nobody is let in; whatever is wrong with it, nobody waits long."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests import openid

from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.adapters.oidc.providers import OidcProviders, ProviderSettings
from soundgraph.adapters.system import SystemRandomness
from soundgraph.application.identity import Trip
from soundgraph.domain.errors import DomainError, Unauthenticated, Unavailable
from soundgraph.domain.federation import Person

TRIP = Trip("http://localhost/back", *(SystemRandomness().token() for _ in range(3)))


@pytest.fixture
def provider() -> Iterator[openid.Provider]:
    with openid.running() as one:
        yield one


@pytest.fixture
def clock(provider: openid.Provider) -> ManualClock:
    clock = ManualClock()
    provider.now = lambda: clock.now().timestamp()
    return clock


@pytest.fixture
def providers(provider: openid.Provider, clock: ManualClock) -> OidcProviders:
    return OidcProviders([settings_of(provider)], clock)


def settings_of(provider: openid.Provider) -> ProviderSettings:
    return ProviderSettings("ours", provider.url + openid.WELL_KNOWN, openid.CLIENT_ID, openid.CLIENT_SECRET)


async def sign_in(provider: openid.Provider, providers: OidcProviders, trip: Trip = TRIP) -> Person:
    back = provider.authorize(await providers.address("ours", TRIP))
    return await providers.person("ours", trip, parse_qs(urlsplit(back).query)["code"][0])


async def refusal(provider: openid.Provider, providers: OidcProviders, trip: Trip = TRIP) -> str:
    with pytest.raises(DomainError) as caught:
        await sign_in(provider, providers, trip)
    assert isinstance(caught.value, Unauthenticated | Unavailable)
    return caught.value.code


async def test_all_is_well(provider: openid.Provider, providers: OidcProviders) -> None:
    person = await sign_in(provider, providers)
    assert person == Person(issuer=provider.url, subject="1", email="ann@example.org", email_verified=True, name="Ann")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": ["soundgraph", "another client"]},
        {"aud": None},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"iat": 99_999_999_999, "exp": 99_999_999_999},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
    ],
    ids=str,
)
async def test_a_claim_that_does_not_hold(
    provider: openid.Provider, providers: OidcProviders, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert await refusal(provider, providers) == "bad_id_token"


async def test_several_audiences_need_an_authorized_party(provider: openid.Provider, providers: OidcProviders) -> None:
    provider.claims = {"aud": ["soundgraph", "another"], "azp": "soundgraph"}
    assert (await sign_in(provider, providers)).subject == "1"
    provider.claims = {"aud": ["soundgraph", "another"], "azp": "another"}
    assert await refusal(provider, providers) == "bad_id_token"


def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"})


def mac(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    """An HS256 token under any key at all: PyJWT itself refuses to make some of them."""

    def part(one: bytes) -> str:
        return base64.urlsafe_b64encode(one).decode().rstrip("=")

    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{text}.{part(hmac.digest(key, text.encode(), hashlib.sha256))}"


def by_client_secret(claims: dict[str, Any]) -> str:
    return mac({"alg": "HS256", "typ": "JWT"}, claims, openid.CLIENT_SECRET.encode())


def by_another_key(claims: dict[str, Any]) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k1"})


def by_another_algorithm(claims: dict[str, Any]) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})


def by_a_key_of_its_own(claims: dict[str, Any]) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k2", "jwk": jwk})


@pytest.mark.parametrize(
    "sign", [unsigned, by_client_secret, by_another_key, by_another_algorithm, by_a_key_of_its_own, lambda _: "", str]
)
async def test_a_signature_that_does_not_hold(
    provider: openid.Provider, providers: OidcProviders, sign: Callable[[dict[str, Any]], str]
) -> None:
    provider.sign = sign
    assert await refusal(provider, providers) == "bad_id_token"


async def test_a_public_key_used_as_a_shared_secret(provider: openid.Provider, providers: OidcProviders) -> None:
    pem = provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    provider.sign = lambda claims: mac({"alg": "HS256", "kid": "k1"}, claims, pem)
    assert await refusal(provider, providers) == "bad_id_token"


async def test_a_shared_secret_among_the_public_keys(provider: openid.Provider, providers: OidcProviders) -> None:
    secret = b"known to everyone who reads the keys"
    key = {"kty": "oct", "kid": "k9", "k": base64.urlsafe_b64encode(secret).decode().rstrip("=")}
    body = json.dumps({"keys": [provider.jwk(), key]}).encode()
    provider.answers["/jwks"] = lambda one: one.send(200, body)
    provider.sign = lambda claims: mac({"alg": "HS256", "kid": "k9"}, claims, secret)
    assert await refusal(provider, providers) == "bad_id_token"


async def test_a_token_that_has_run_out(
    provider: openid.Provider, providers: OidcProviders, clock: ManualClock
) -> None:
    now = int(clock.now().timestamp())
    provider.claims = {"iat": now - 700, "exp": now - 30}
    assert await refusal(provider, providers) == "bad_id_token"
    provider.claims = {"iat": now - 700, "exp": now - 29}
    assert (await sign_in(provider, providers)).subject == "1"


async def test_pkce_is_what_lets_a_code_be_exchanged(provider: openid.Provider, providers: OidcProviders) -> None:
    stolen = replace(TRIP, verifier=SystemRandomness().token())
    assert await refusal(provider, providers, stolen) == "provider_refused"
    elsewhere = replace(TRIP, redirect_uri="http://localhost/elsewhere")
    assert await refusal(provider, providers, elsewhere) == "provider_refused"


@pytest.mark.parametrize("said", [False, "true", 1, None])
async def test_only_true_says_that_an_address_is_verified(
    provider: openid.Provider, providers: OidcProviders, said: object
) -> None:
    provider.person["email_verified"] = said
    assert not (await sign_in(provider, providers)).email_verified


async def test_an_address_that_is_only_in_the_user_info(provider: openid.Provider, providers: OidcProviders) -> None:
    provider.claims = {"email": None, "email_verified": None}
    person = await sign_in(provider, providers)
    assert (person.email, person.email_verified) == ("ann@example.org", True)
    other = json.dumps({"sub": "2", "email": "bob@example.org", "email_verified": True}).encode()
    provider.answers["/userinfo"] = lambda one: one.send(200, other)
    assert await refusal(provider, providers) == "bad_id_token"


async def test_keys_may_change(provider: openid.Provider, providers: OidcProviders, clock: ManualClock) -> None:
    await sign_in(provider, providers)
    provider.key, provider.header = ec.generate_private_key(ec.SECP256R1()), {"kid": "k2"}
    keys = json.dumps({"keys": [{**provider.jwk(), "kid": "k2"}]}).encode()
    asked: list[None] = []

    def answer(one: Any) -> None:
        asked.append(None)
        one.send(200, keys)

    provider.answers["/jwks"] = answer
    # Unknown keys are not looked up as often as anyone likes.
    assert await refusal(provider, providers) == "bad_id_token"
    assert asked == []
    clock.advance(timedelta(seconds=31))
    assert (await sign_in(provider, providers)).subject == "1"
    assert len(asked) == 1


def slow(one: Any) -> None:
    time.sleep(6)
    one.send(200, b"{}")


def dripping(one: Any) -> None:
    one.send_response(200)
    one.send_header("Content-Length", "1000")
    one.end_headers()
    for _ in range(10):
        try:
            one.wfile.write(b" ")
            one.wfile.flush()
        except OSError:
            return
        time.sleep(1)


def huge(one: Any) -> None:
    try:
        one.send(200, b'{"x": "' + b"x" * (10 << 20) + b'"}')
    except OSError:
        return


ANSWERS: list[Callable[[Any], None]] = [
    huge,
    lambda one: one.send(500, b"{}"),
    lambda one: one.send(200, b"no json"),
    lambda one: one.send(200, b"[]"),
    lambda one: one.send(200, b"[" * 100_000),
    lambda one: one.send(200, b"{}", **{"Content-Encoding": "gzip"}),
    lambda one: one.send(302, b"", Location="http://127.0.0.1:1/"),
    lambda one: one.connection.close(),
]


@pytest.mark.parametrize("path", [openid.WELL_KNOWN, "/token", "/jwks"])
@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
async def test_a_provider_that_answers_nonsense_is_away(
    provider: openid.Provider, providers: OidcProviders, path: str, answer: Callable[[Any], None]
) -> None:
    provider.answers[path] = answer
    # Tokens without an id token come to the same as tokens that do not hold.
    assert await refusal(provider, providers) in ("provider_away", "bad_id_token")


@pytest.mark.parametrize("answer", [slow, dripping])
async def test_nobody_waits_long_for_a_provider(
    provider: openid.Provider, providers: OidcProviders, answer: Callable[[Any], None]
) -> None:
    provider.answers[openid.WELL_KNOWN] = answer
    began = time.monotonic()
    assert await refusal(provider, providers) == "provider_away"
    assert time.monotonic() - began < 5.9


async def test_a_provider_that_is_not_there(clock: ManualClock) -> None:
    with openid.running() as gone:
        settings = settings_of(gone)
    with pytest.raises(Unavailable) as caught:
        await OidcProviders([settings], clock).address("ours", TRIP)
    assert caught.value.code == "provider_away"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "http://another.example"},
        {"issuer": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "ftp://127.0.0.1/"},
        {"userinfo_endpoint": "gopher://127.0.0.1/"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": 7},
    ],
    ids=str,
)
async def test_a_provider_that_says_something_else_of_itself(
    provider: openid.Provider, providers: OidcProviders, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert await refusal(provider, providers) == "provider_away"
