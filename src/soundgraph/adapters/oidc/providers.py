"""Who a person is, as an OpenID Connect provider says it, once all that it signed was checked."""

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from authlib.integrations.httpx_client import AsyncOAuth2Client

from soundgraph.adapters.oidc.client import away, client_for, exchange, fetch_json
from soundgraph.application.identity import Providers, Trip
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import Unauthenticated
from soundgraph.domain.federation import Person

WELL_KNOWN: Final = "/.well-known/openid-configuration"
# Signatures only: with a shared secret, whoever has our client secret could say who anyone is.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat")
LEEWAY: Final = timedelta(seconds=30)
KEPT: Final = timedelta(minutes=10)
# A key that is not known may be new. How often that is looked up does not depend on who sends such tokens.
LOOKED_UP: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One provider, as it is configured. `discovery_url` ends in /.well-known/openid-configuration."""

    name: str
    discovery_url: str
    client_id: str
    client_secret: str


class OidcProviders(Providers):
    """Every configured provider. What it says of itself is kept for ten minutes."""

    def __init__(self, configured: Iterable[ProviderSettings], clock: Clock) -> None:
        self._providers = {one.name: Provider(one, clock) for one in configured}

    def names(self) -> Collection[str]:
        return sorted(self._providers)

    async def address(self, provider: str, trip: Trip) -> str:
        return await self._named(provider).address(trip)

    async def person(self, provider: str, trip: Trip, code: str) -> Person:
        return await self._named(provider).person(trip, code)

    def _named(self, name: str) -> "Provider":
        self.require(name)
        return self._providers[name]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself."""

    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str | None


class Provider:
    """One provider, and what is remembered of it."""

    def __init__(self, settings: ProviderSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, dict[str | None, jwt.PyJWK]] | None = None

    async def address(self, trip: Trip) -> str:
        """Where to send the browser. Raises Unavailable(provider_away)."""
        async with self._client(trip.redirect_uri) as client:
            metadata = await self._about(client)
            url, _ = client.create_authorization_url(
                metadata.authorization, state=trip.state, nonce=trip.nonce, code_verifier=trip.verifier
            )
        return str(url)

    async def person(self, trip: Trip, code: str) -> Person:
        """Whom a code stands for. Raises Unavailable(provider_away), Unauthenticated."""
        async with self._client(trip.redirect_uri) as client:
            metadata = await self._about(client)
            tokens = await exchange(client, metadata.token, code, trip.verifier)
            claims = await self._checked(client, metadata, str(tokens.get("id_token", "")), trip.nonce)
            if "email" not in claims and metadata.userinfo is not None:
                more = await fetch_json(client, metadata.userinfo, with_token=True)
                if more.get("sub") != claims["sub"]:
                    raise _bad_token()
                claims = more | claims
        email, name = claims.get("email"), claims.get("name")
        return Person(
            issuer=metadata.issuer,
            subject=str(claims["sub"]),
            email=email if isinstance(email, str) else None,
            email_verified=claims.get("email_verified") is True,
            name=name if isinstance(name, str) else "",
        )

    async def _checked(self, client: AsyncOAuth2Client, metadata: Metadata, token: str, nonce: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(client, metadata, header.get("kid"))
            if header.get("alg") not in ALGORITHMS or key is None:
                raise _bad_token()
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=self._settings.client_id,
                issuer=metadata.issuer,
                # PyJWT would compare with the clock on the wall.
                options={"require": [*REQUIRED], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            begins, ends = float(claims["iat"]), float(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _bad_token() from error
        now, leeway = self._clock.now().timestamp(), LEEWAY.total_seconds()
        ours = self._settings.client_id
        meant = claims["aud"] in (ours, [ours]) or claims.get("azp") == ours
        alike = hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
        subject = isinstance(claims["sub"], str) and 0 < len(claims["sub"]) <= 255
        if not (meant and alike and subject) or begins > now + leeway or ends + leeway <= now:
            raise _bad_token()
        return dict(claims)

    async def _about(self, client: AsyncOAuth2Client) -> Metadata:
        if self._metadata is not None and self._clock.now() - self._metadata[0] < KEPT:
            return self._metadata[1]
        found = await fetch_json(client, self._settings.discovery_url)
        named = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        userinfo = found.get("userinfo_endpoint")
        said = [found.get(name) for name in named] + ([userinfo] if userinfo is not None else [])
        if not all(isinstance(one, str) and self._as_safe(one) for one in said):
            raise away()
        issuer, authorization, token, keys = (str(found[name]) for name in named)
        metadata = Metadata(issuer, authorization, token, keys, userinfo)
        # Whoever could answer for one issuer could otherwise speak for another.
        if metadata.issuer.rstrip("/") + WELL_KNOWN != self._settings.discovery_url:
            raise away()
        self._metadata = self._clock.now(), metadata
        return metadata

    def _as_safe(self, url: str) -> bool:
        """Whether an address is on https, as the one is that named it."""
        return urlsplit(url).scheme in ("https", urlsplit(self._settings.discovery_url).scheme)

    async def _key(self, client: AsyncOAuth2Client, metadata: Metadata, kid: str | None) -> jwt.PyJWK | None:
        now = self._clock.now()
        age = None if self._keys is None else now - self._keys[0]
        known = {} if self._keys is None else self._keys[1]
        if age is None or age >= KEPT or (kid not in known and age >= LOOKED_UP):
            found = jwt.PyJWKSet.from_dict(await fetch_json(client, metadata.keys)).keys
            known = {one.key_id: one for one in found if one.key_type != "oct"}
            self._keys = now, known
        # A provider with one key need not name it.
        return next(iter(known.values())) if kid is None and len(known) == 1 else known.get(kid)

    def _client(self, redirect_uri: str) -> AsyncOAuth2Client:
        return client_for(self._settings.client_id, self._settings.client_secret, redirect_uri)


def _bad_token() -> Unauthenticated:
    return Unauthenticated("bad_id_token", "What the provider signed does not hold.")
