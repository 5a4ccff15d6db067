"""Signed addresses below `/media`, which the HTTP adapter answers: by GET, by PUT, and by a form."""

import hmac
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from soundgraph.application.ports import Clock, SignedForm, SignedPut
from soundgraph.domain.errors import Forbidden, Gone


@dataclass(frozen=True, slots=True)
class SignedTarget:
    """Where a signed request may write: from `least` to `most` bytes."""

    key: str
    least: int
    most: int


class UrlSigner:
    """Signs with an HMAC. `url` is where `/media` is, without a slash at its end."""

    def __init__(self, secret: bytes, url: str, clock: Clock) -> None:
        self._secret, self._url, self._clock = secret, url, clock

    def get(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None) -> str:
        """`{url}/{key}?expires=…&type=…[&name=…]&signature=…`; the signature covers all before it."""
        signed = _canonical(key, _get_query(self._expires(lifetime), content_type, filename))
        return f"{self._url}/{signed}&signature={self._signature(signed)}"

    def put(self, key: str, *, size_bytes: int, lifetime: timedelta) -> SignedPut:
        """`{url}/{key}?expires=…&size=…&signature=…`."""
        signed = _canonical(key, {"expires": self._expires(lifetime), "size": str(size_bytes)})
        url = f"{self._url}/{signed}&signature={self._signature(signed)}"
        return SignedPut(url, {"Content-Length": str(size_bytes)}, self._clock.now() + lifetime)

    def form(self, key: str, *, max_bytes: int, lifetime: timedelta) -> SignedForm:
        """The policy says everything; the key stands beside it for those who look."""
        said = {"key": key, "content-length-range": [1, max_bytes], "expires": self._expires(lifetime)}
        policy = urlsafe_b64encode(json.dumps(said).encode()).decode()
        fields = {"key": key, "policy": policy, "signature": self._signature(policy)}
        return SignedForm(f"{self._url}/", fields, self._clock.now() + lifetime)

    def check_get(self, key: str, query: Mapping[str, str]) -> None:
        """Raises Forbidden(bad_signature), Gone(url_expired)."""
        expires = query.get("expires", "")
        signed = _canonical(key, _get_query(expires, query.get("type", ""), query.get("name")))
        self._check(signed, query.get("signature", ""), expires)

    def check_put(self, key: str, query: Mapping[str, str]) -> SignedTarget:
        """Raises Forbidden(bad_signature), Gone(url_expired)."""
        expires, size = query.get("expires", ""), query.get("size", "")
        self._check(_canonical(key, {"expires": expires, "size": size}), query.get("signature", ""), expires)
        return SignedTarget(key, int(size), int(size))

    def check_form(self, fields: Mapping[str, str]) -> SignedTarget:
        """Raises Forbidden(bad_signature), also where `key` is not the policy's, and Gone(url_expired)."""
        policy = fields.get("policy", "")
        if not self._matches(policy, fields.get("signature", "")):
            raise _forged()
        said = json.loads(urlsafe_b64decode(policy))
        if fields.get("key") != said["key"]:
            raise _forged()
        self._refuse_expired(said["expires"])
        least, most = said["content-length-range"]
        return SignedTarget(said["key"], least, most)

    def _check(self, signed: str, signature: str, expires: str) -> None:
        if not self._matches(signed, signature):
            raise _forged()
        self._refuse_expired(expires)

    def _refuse_expired(self, expires: str) -> None:
        if int(expires) <= self._clock.now().timestamp():
            raise Gone("url_expired", "This link has expired. Ask for a new one.")

    def _matches(self, signed: str, signature: str) -> bool:
        return hmac.compare_digest(self._signature(signed).encode(), signature.encode("utf-8", "replace"))

    def _expires(self, lifetime: timedelta) -> str:
        return str(math.ceil((self._clock.now() + lifetime).timestamp()))

    def _signature(self, signed: str) -> str:
        digest = hmac.digest(self._secret, signed.encode("utf-8", "replace"), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")


def _get_query(expires: str, content_type: str, filename: str | None) -> dict[str, str]:
    return {"expires": expires, "type": content_type} | ({"name": filename} if filename else {})


def _canonical(key: str, query: Mapping[str, str]) -> str:
    """The signed part of a URL, the same whichever way a client spelled its percent-encoding."""
    return f"{quote(key, errors='surrogatepass')}?{urlencode(query, errors='surrogatepass')}"


def _forged() -> Forbidden:
    return Forbidden("bad_signature", "This link is not one of ours, or was changed on the way.")
