"""The two cookies that carry a browser's session, and the one by which it is known again."""

import hmac
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from soundgraph.application.identity import Session
from soundgraph.domain.identity import FAMILY_LIFETIME
from soundgraph.domain.ids import AccountId

DEVICE_SECONDS = 365 * 24 * 3600


class SessionCookies:
    """Sets, reads and clears them. On https their names carry `__Host-`, so that no subdomain can plant them."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self.access, self.refresh = f"{prefix}sg_access", f"{prefix}sg_refresh"

    def presented(self, connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
        """Whether a request carries either."""
        return self.access in connection.cookies or self.refresh in connection.cookies

    def set(self, response: Response[Any], session: Session) -> None:
        """Log a browser in."""
        response.set_cookie(self._cookie(self.access, session.access_token, session.expires_in))
        response.set_cookie(self._cookie(self.refresh, session.refresh_token, int(FAMILY_LIFETIME.total_seconds())))

    def clear(self, response: Response[Any]) -> None:
        """Log a browser out."""
        for name in (self.access, self.refresh):
            response.set_cookie(self._cookie(name, "", 0))

    def _cookie(self, name: str, value: str, max_age: int) -> Cookie:
        return hidden(name, value, max_age, secure=self._secure)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that has logged in to an account before."""

    id: UUID
    account_id: AccountId


class DeviceCookie:
    """Tells a browser that an account knows from a stranger's. It admits nobody; it only is not locked out with them.

    `key` is a secret of this deployment, which the values are sealed with.
    """

    def __init__(self, key: bytes, *, secure: bool) -> None:
        self._key, self._secure = hmac.digest(key, b"devices", "sha256"), secure
        self._name = f"{'__Host-' if secure else ''}sg_device"

    def read(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Device | None:
        """The device of a request, or None where it shows no cookie of ours."""
        value = connection.cookies.get(self._name, "")
        text, _, _ = value.rpartition(".")
        if not hmac.compare_digest(self._sealed(text).encode(), value.encode("utf-8", "replace")):
            return None
        device_id, _, account_id = text.partition(".")
        return Device(UUID(device_id), AccountId(UUID(account_id)))

    def set(self, response: Response[Any], device: Device) -> None:
        """Know this browser again for a year."""
        value = self._sealed(f"{device.id.hex}.{device.account_id.hex}")
        response.set_cookie(hidden(self._name, value, DEVICE_SECONDS, secure=self._secure))

    def _sealed(self, text: str) -> str:
        return f"{text}.{hmac.digest(self._key, text.encode('utf-8', 'replace'), 'sha256').hex()[:32]}"


def hidden(name: str, value: str, max_age: int, *, secure: bool) -> Cookie:
    """A cookie that no script reads and that other sites' forms do not bring along."""
    return Cookie(key=name, value=value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="lax")
