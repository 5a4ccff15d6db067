"""The two cookies that carry a browser's session."""

from typing import Any

from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from soundgraph.application.identity import Session
from soundgraph.domain.identity import FAMILY_LIFETIME


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
        return Cookie(
            key=name, value=value, max_age=max_age, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
