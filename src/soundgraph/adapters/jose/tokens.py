"""Access tokens as JWTs signed with Ed25519; everything else derived with HMAC, so that nothing needs storing."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from soundgraph.application.identity import AccessClaims, Tokens
from soundgraph.domain.errors import Unauthenticated
from soundgraph.domain.identity import ACCESS_LIFETIME
from soundgraph.domain.ids import AccountId, FamilyId, RegistrationId

ISSUER = AUDIENCE = "soundgraph"
ALGORITHM = "EdDSA"
# The media type of access tokens (RFC 9068), so that no other JWT of ours can be taken for one.
TYPE = "at+jwt"
LEEWAY = timedelta(seconds=30)
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid"]


class SignedTokens(Tokens):
    """Tokens of one deployment.

    `signing_key_pem` is an Ed25519 private key in PEM and `kid` its name in the header. `refresh_key` and `mail_key`
    are secrets of 32 bytes. Raises ValueError for another kind of key.
    """

    def __init__(self, signing_key_pem: bytes, kid: str, refresh_key: bytes, mail_key: bytes) -> None:
        key = load_pem_private_key(signing_key_pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("access tokens are signed with an Ed25519 key")  # noqa: TRY004 - PEM is bytes, whatever key is in it
        self._signing_key, self._public_key, self._kid = key, key.public_key(), kid
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
        return jwt.encode(payload, self._signing_key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": self._kid})

    def read_access(self, token: str, *, at: datetime) -> AccessClaims:
        """Raises Unauthenticated(bad_token | token_expired)."""
        try:
            whole = jwt.decode_complete(
                token,
                self._public_key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # pyjwt would compare with the clock on the wall instead of `at`.
                options={"require": REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            payload = whole["payload"]
            claims = AccessClaims(AccountId(UUID(payload["sub"])), FamilyId(UUID(payload["sid"])))
            begins, ends = float(payload["iat"]), float(payload["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _bad_token() from error
        leeway, now = LEEWAY.total_seconds(), at.timestamp()
        if whole["header"].get("typ") != TYPE or begins > now + leeway:
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

    def _sealed(self, key: bytes, text: str) -> str:
        mac = hmac.digest(key, text.encode("utf-8", "replace"), "sha256")
        return f"{text}.{urlsafe_b64encode(mac).decode().rstrip('=')}"


def _bad_token() -> Unauthenticated:
    return Unauthenticated("bad_token", "This token is not valid.")
