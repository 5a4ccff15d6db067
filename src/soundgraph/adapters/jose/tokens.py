"""Access tokens as JWTs signed with Ed25519; everything else derived with HMAC, so that nothing needs storing."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from soundgraph.application.identity import AccessClaims, PublishedKeys, Tokens
from soundgraph.domain.errors import Unauthenticated
from soundgraph.domain.identity import ACCESS_LIFETIME
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId

ISSUER = AUDIENCE = "soundgraph"
ALGORITHM = "EdDSA"
# The media type of access tokens (RFC 9068), so that no other JWT of ours can be taken for one.
TYPE = "at+jwt"
LEEWAY = timedelta(seconds=30)
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key in PEM, which signs from `signs_from` on until a later one does. `kid` names it."""

    kid: str
    pem: bytes
    signs_from: datetime


class KeyRing:
    """The keys of one moment: which of them signs, and which are still to be believed.

    `keys` is asked every time, so that a process sees a rotation that happens while it runs. A key is believed from
    when it is there until the last token that it signed has expired. Raises ValueError for another kind of key.
    """

    def __init__(self, keys: Callable[[], Sequence[SigningKey]]) -> None:
        self._keys = keys
        self._loaded: dict[str, Ed25519PrivateKey] = {}
        for one in keys():
            self._load(one)

    def believed(self, at: datetime) -> list[tuple[str, Ed25519PrivateKey]]:
        """Each kid and its key: the one that signs first, then the newest."""
        keys = sorted(self._keys(), key=lambda one: one.signs_from, reverse=True)
        began = [one for one in keys if one.signs_from <= at] or keys[-1:]
        signing, coming = began[0], [one for one in keys if one.signs_from > at and one is not began[0]]
        # Each was relieved when the one before it in the list began to sign.
        last = at - ACCESS_LIFETIME - 2 * LEEWAY
        leaving = [one for one, relief in zip(began[1:], began, strict=False) if relief.signs_from > last]
        return [(one.kid, self._load(one)) for one in (signing, *coming, *leaving)]

    def _load(self, one: SigningKey) -> Ed25519PrivateKey:
        if one.kid not in self._loaded:
            key = load_pem_private_key(one.pem, password=None)
            if not isinstance(key, Ed25519PrivateKey):
                raise ValueError("access tokens are signed with an Ed25519 key")
            self._loaded[one.kid] = key
        return self._loaded[one.kid]


class SignedTokens(Tokens, PublishedKeys):
    """Tokens of one deployment. `refresh_key` and `mail_key` are secrets of 32 bytes."""

    def __init__(self, ring: KeyRing, refresh_key: bytes, mail_key: bytes) -> None:
        self._ring = ring
        self._refresh_key, self._mail_key = refresh_key, mail_key

    def access(self, claims: AccessClaims, *, at: datetime) -> str:
        """Holds for `ACCESS_LIFETIME`. Times in it are whole seconds."""
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(claims.account_id),
            "sid": str(claims.family_id),
            "iat": int(at.timestamp()),
            "exp": int((at + ACCESS_LIFETIME).timestamp()),
        }
        kid, key = self._ring.believed(at)[0]
        return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": kid})

    def read_access(self, token: str, *, at: datetime) -> AccessClaims:
        """Raises Unauthenticated(bad_token | token_expired)."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((key for name, key in self._ring.believed(at) if name == kid), None)
            if key is None:
                raise _bad_token()
            whole = jwt.decode_complete(
                token,
                key.public_key(),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # pyjwt would compare with the clock on the wall instead of `at`.
                options={
                    "require": REQUIRED,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "strict_aud": True,
                },
            )
            payload = whole["payload"]
            claims = AccessClaims(AccountId(UUID(payload["sub"])), FamilyId(UUID(payload["sid"])))
            issued, ends = _seconds(payload["iat"]), _seconds(payload["exp"])
            begins = max(issued, _seconds(payload.get("nbf", issued)))
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _bad_token() from error
        leeway, now = LEEWAY.total_seconds(), at.timestamp()
        if whole["header"].get("typ") != TYPE or begins > now + leeway:
            raise _bad_token()
        if not 0 < ends - issued <= ACCESS_LIFETIME.total_seconds():
            raise _bad_token()
        if now >= ends + leeway:
            raise Unauthenticated("token_expired", "This token has expired. Refresh it.")
        return claims

    def refresh(self, family_id: FamilyId, generation: int) -> str:
        """`<family>.<generation>.<mac>`; always the same one for a generation."""
        return self._sealed(self._refresh_key, f"{family_id.hex}.{generation}")

    def read_refresh(self, token: str) -> tuple[FamilyId, int]:
        """Raises Unauthenticated(bad_token)."""
        text, _, _ = token.rpartition(".")
        sealed = self._sealed(self._refresh_key, text)
        if not hmac.compare_digest(sealed.encode("utf-8", "replace"), token.encode("utf-8", "replace")):
            raise _bad_token()
        family, _, generation = text.partition(".")
        return FamilyId(UUID(family)), int(generation)

    def verification(self, registration_id: RegistrationId) -> str:
        """`<registration>.<mac>`; it is looked up by its digest, so nothing reads it."""
        return self._sealed(self._mail_key, registration_id.hex)

    def mailed(self, purpose: str, key: UUID) -> str:
        """`<purpose>.<id>.<mac>`, likewise."""
        return self._sealed(self._mail_key, f"{purpose}.{key.hex}")

    def jwks(self, *, at: datetime) -> Sequence[Mapping[str, str]]:
        """Members as RFC 8037 has them."""
        return [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("="),
                "kid": kid,
                "use": "sig",
                "alg": ALGORITHM,
            }
            for kid, key in self._ring.believed(at)
        ]

    def _sealed(self, key: bytes, text: str) -> str:
        mac = hmac.digest(key, text.encode("utf-8", "replace"), "sha256")
        return f"{text}.{urlsafe_b64encode(mac).decode().rstrip('=')}"


def _seconds(claim: object) -> int:
    """A time in a token, in whole seconds, which is how ours are made. Raises ValueError for anything else."""
    if type(claim) is not int:
        raise ValueError("not a time in whole seconds")
    return claim


def _bad_token() -> Unauthenticated:
    return Unauthenticated("bad_token", "This token is not valid.")
