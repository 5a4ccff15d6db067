"""The contract of `Tokens`, over the memory and the signed adapter."""

import base64
import json
from datetime import timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from soundgraph.adapters.jose.tokens import KeyRing, SignedTokens, SigningKey
from soundgraph.adapters.memory.clock import EPOCH
from soundgraph.adapters.memory.identity import PlainTokens
from soundgraph.application.identity import AccessClaims, Tokens
from soundgraph.domain.errors import Unauthenticated
from soundgraph.domain.identity import ACCESS_LIFETIME
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId

CLAIMS = AccessClaims(AccountId(UUID(int=7)), FamilyId(UUID(int=8)))
SECOND = timedelta(seconds=1)


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


KEY = Ed25519PrivateKey.generate()


def ring(key: Ed25519PrivateKey, kid: str = "kid-1") -> KeyRing:
    return KeyRing(lambda: [SigningKey(kid, pem(key), EPOCH - timedelta(days=9))])


@pytest.fixture(params=["memory", "signed"])
def tokens(request: pytest.FixtureRequest) -> Tokens:
    return PlainTokens(b"one") if request.param == "memory" else signed()


@pytest.fixture(params=["memory", "signed"])
def strangers(request: pytest.FixtureRequest) -> Tokens:
    """The tokens of some other deployment."""
    if request.param == "memory":
        return PlainTokens(b"two")
    return SignedTokens(ring(Ed25519PrivateKey.generate(), kid="theirs"), b"r" * 32, b"m" * 32)


def signed() -> SignedTokens:
    return SignedTokens(ring(KEY), b"refresh" * 5, b"mail" * 8)


def refused(tokens: Tokens, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        tokens.read_access(token, at=EPOCH)
    return caught.value.code


def test_an_access_token_says_what_it_was_made_of(tokens: Tokens) -> None:
    assert tokens.read_access(tokens.access(CLAIMS, at=EPOCH), at=EPOCH) == CLAIMS


def test_an_access_token_expires(tokens: Tokens) -> None:
    token = tokens.access(CLAIMS, at=EPOCH)
    assert tokens.read_access(token, at=EPOCH + ACCESS_LIFETIME - SECOND) == CLAIMS
    with pytest.raises(Unauthenticated) as caught:
        tokens.read_access(token, at=EPOCH + ACCESS_LIFETIME + timedelta(minutes=1))
    assert caught.value.code == "token_expired"


def test_a_refresh_token_is_always_the_same_and_reads_back(tokens: Tokens) -> None:
    token = tokens.refresh(CLAIMS.family_id, 3)
    assert token == tokens.refresh(CLAIMS.family_id, 3)
    assert token != tokens.refresh(CLAIMS.family_id, 4)
    assert tokens.read_refresh(token) == (CLAIMS.family_id, 3)


def test_a_verification_token_is_always_the_same_and_fits_a_link(tokens: Tokens) -> None:
    token = tokens.verification(RegistrationId(UUID(int=9)))
    assert token == tokens.verification(RegistrationId(UUID(int=9)))
    assert token != tokens.verification(RegistrationId(UUID(int=10)))
    assert all(one.isalnum() or one in "-._~" for one in token)


def test_a_mailed_token_is_of_one_purpose_and_fits_a_link(tokens: Tokens) -> None:
    token = tokens.mailed("reset", UUID(int=9))
    assert token == tokens.mailed("reset", UUID(int=9))
    others = {tokens.mailed("other", UUID(int=9)), tokens.mailed("reset", UUID(int=10))}
    assert token not in others | {tokens.verification(RegistrationId(UUID(int=9)))}
    assert all(one.isalnum() or one in "-._~" for one in token)


def test_no_kind_of_token_passes_for_another(tokens: Tokens) -> None:
    access, refresh = tokens.access(CLAIMS, at=EPOCH), tokens.refresh(CLAIMS.family_id, 1)
    verification = tokens.verification(RegistrationId(CLAIMS.family_id))
    assert refused(tokens, refresh) == refused(tokens, verification) == "bad_token"
    for other in (access, verification):
        with pytest.raises(Unauthenticated):
            tokens.read_refresh(other)


def test_the_tokens_of_others_are_refused(tokens: Tokens, strangers: Tokens) -> None:
    assert refused(tokens, strangers.access(CLAIMS, at=EPOCH)) == "bad_token"
    with pytest.raises(Unauthenticated):
        tokens.read_refresh(strangers.refresh(CLAIMS.family_id, 1))


@pytest.mark.parametrize("garbage", ["", ".", "..", "~", "a.b.c", "é", "a" * 9_000, "\x00", "0.0.0", "..." * 99])
def test_garbage_is_refused(tokens: Tokens, garbage: str) -> None:
    assert refused(tokens, garbage) == "bad_token"
    with pytest.raises(Unauthenticated):
        tokens.read_refresh(garbage)


def test_every_changed_character_is_noticed(tokens: Tokens) -> None:
    for token, read in (
        (tokens.access(CLAIMS, at=EPOCH), lambda text: tokens.read_access(text, at=EPOCH)),
        (tokens.refresh(CLAIMS.family_id, 1), tokens.read_refresh),
    ):
        # The last character of base64 has bits that decoders ignore.
        for place in range(len(token) - 1):
            changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            with pytest.raises(Unauthenticated):
                read(changed)


NOW = int(EPOCH.timestamp())
CLAIMED = {
    "iss": "soundgraph",
    "aud": "soundgraph",
    "sub": str(CLAIMS.account_id),
    "sid": str(CLAIMS.family_id),
    "iat": NOW,
    "exp": int((EPOCH + ACCESS_LIFETIME).timestamp()),
}


HEAD = {"typ": "at+jwt", "kid": "kid-1"}


def forged(key: object = KEY, algorithm: str = "EdDSA", *, head: dict[str, str] | None = None, **claims: object) -> str:
    payload = {name: value for name, value in {**CLAIMED, **claims}.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers=head or HEAD)  # type: ignore[arg-type]


def test_a_token_that_is_right_in_everything_holds() -> None:
    assert signed().read_access(forged(), at=EPOCH) == CLAIMS
    assert signed().read_access(forged(nbf=NOW + 30), at=EPOCH) == CLAIMS


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(forged(head=HEAD | {"typ": "JWT"}), id="another type"),
        pytest.param(forged(head=HEAD | {"kid": "kid-2"}), id="a key that is not known"),
        pytest.param(forged(aud="elsewhere"), id="another audience"),
        pytest.param(forged(iss="elsewhere"), id="another issuer"),
        pytest.param(forged(sub="nobody"), id="a subject that is no id"),
        pytest.param(forged(sid="nothing"), id="a session that is no id"),
        pytest.param(forged(sid=None), id="no session"),
        pytest.param(forged(exp=None), id="no end"),
        pytest.param(forged(exp="soon"), id="an end that is no time"),
        pytest.param(forged(exp="NaN"), id="an end that never comes"),
        pytest.param(forged(exp=float("nan")), id="an end that is no number"),
        pytest.param(forged(exp=float("inf")), id="no end at all"),
        pytest.param(forged(exp=NOW + 600.5), id="an end that is no whole second"),
        pytest.param(forged(exp=True), id="an end that is no number either"),
        pytest.param(forged(exp=NOW + 24 * 3_600), id="a day long"),
        pytest.param(forged(exp=NOW + 901), id="a second too long"),
        pytest.param(forged(exp=NOW), id="over before it began"),
        pytest.param(forged(exp=10**400), id="an end beyond all ends"),
        pytest.param(forged(iat=str(NOW)), id="a beginning that is no number"),
        pytest.param(forged(iat=NOW + 31, exp=NOW + 600), id="from half a minute ahead"),
        pytest.param(forged(nbf=NOW + 31), id="not yet"),
        pytest.param(forged(nbf="NaN"), id="not before never"),
        pytest.param(forged(aud=["soundgraph"]), id="a list of audiences"),
        pytest.param(forged(iat=NOW + 3_600), id="from the future"),
        pytest.param(forged(key="", algorithm="none"), id="no signature"),
        pytest.param(forged(key=generate_private_key(SECP256R1()), algorithm="ES256"), id="another algorithm"),
        pytest.param(forged(key="k" * 32, algorithm="HS256"), id="a shared secret"),
    ],
)
def test_a_token_that_is_wrong_in_one_thing_is_refused(token: str) -> None:
    assert refused(signed(), token) == "bad_token"


def test_a_token_that_names_no_key_is_refused() -> None:
    assert refused(signed(), forged(head={"typ": "at+jwt"})) == "bad_token"


def test_the_public_key_is_no_shared_secret() -> None:
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body = ({"alg": "HS256", "typ": "at+jwt", "kid": "kid-1"}, CLAIMED)
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (head, body)]
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(b".".join(parts), public)
    token = b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()
    assert refused(signed(), token) == "bad_token"


def test_clocks_may_differ_by_half_a_minute() -> None:
    token = signed().access(CLAIMS, at=EPOCH)
    assert signed().read_access(token, at=EPOCH - timedelta(seconds=29)) == CLAIMS
    assert signed().read_access(token, at=EPOCH + ACCESS_LIFETIME + timedelta(seconds=29)) == CLAIMS
    with pytest.raises(Unauthenticated):
        signed().read_access(token, at=EPOCH + ACCESS_LIFETIME + timedelta(seconds=31))


def test_the_header_names_the_key() -> None:
    assert jwt.get_unverified_header(signed().access(CLAIMS, at=EPOCH)) == {
        "alg": "EdDSA",
        "kid": "kid-1",
        "typ": "at+jwt",
    }


def test_another_kind_of_key_is_refused() -> None:
    key = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ValueError, match="Ed25519"):
        KeyRing(lambda: [SigningKey("kid", key, EPOCH)])


def test_a_rotation() -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = [SigningKey("old", pem(old), EPOCH - timedelta(days=9))]
    tokens = SignedTokens(KeyRing(lambda: keys), b"r" * 32, b"m" * 32)
    before = tokens.access(CLAIMS, at=EPOCH)
    assert [one["kid"] for one in tokens.jwks(at=EPOCH)] == ["old"]
    relief = EPOCH + timedelta(minutes=1)
    keys.append(SigningKey("new", pem(new), relief))
    # Believed before it signs, so that no host is surprised.
    assert [one["kid"] for one in tokens.jwks(at=EPOCH)] == ["old", "new"]
    assert tokens.read_access(forged(key=new, head=HEAD | {"kid": "new"}), at=EPOCH) == CLAIMS
    last = tokens.access(CLAIMS, at=relief - SECOND)
    after = tokens.access(CLAIMS, at=relief)
    kids = [jwt.get_unverified_header(one)["kid"] for one in (before, last, after)]
    assert kids == ["old", "old", "new"]
    assert [one["kid"] for one in tokens.jwks(at=relief)] == ["new", "old"]
    for token in (last, after):
        assert tokens.read_access(token, at=relief - SECOND + ACCESS_LIFETIME) == CLAIMS
    done = relief + ACCESS_LIFETIME + timedelta(minutes=1)
    assert [one["kid"] for one in tokens.jwks(at=done)] == ["new"]


def test_the_published_keys_check_our_tokens() -> None:
    (published,) = signed().jwks(at=EPOCH)
    key = jwt.PyJWK(dict(published))
    options = {"verify_exp": False, "verify_iat": False}
    payload = jwt.decode(signed().access(CLAIMS, at=EPOCH), key, audience="soundgraph", options=options)  # type: ignore[arg-type]
    assert payload["sub"] == str(CLAIMS.account_id)
    assert "d" not in published
