"""Speaking to one provider: never for long, never more than a little, never where it redirects to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from soundgraph.domain.errors import Unauthenticated, Unavailable

SECONDS = 5.0
MAX_BYTES = 256 << 10


class Small(httpx2.AsyncBaseTransport):
    """Refuses answers that are longer than any that a provider has to give."""

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport(retries=0)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hand over the answer, to be read up to a point."""
        # Compressed, a little could stand for very much.
        request.headers["Accept-Encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise httpx2.ReadError("compressed although identity was asked for", request=request)
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers,
            stream=Bounded(answer.stream, request),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


class Bounded(httpx2.AsyncByteStream):
    """A body of at most MAX_BYTES."""

    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream, self._request = stream, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError("the answer is too long", request=self._request)
            yield chunk

    async def aclose(self) -> None:
        """Close the connection under it."""
        await self._stream.aclose()


def client_for(client_id: str, client_secret: str, redirect_uri: str | None = None) -> AsyncOAuth2Client:
    """A client for one conversation; close it."""
    return AsyncOAuth2Client(
        client_id,
        client_secret,
        scope="openid email profile",
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        transport=Small(),
        timeout=SECONDS,
        trust_env=False,
    )


async def fetch_json(client: AsyncOAuth2Client, url: str, *, with_token: bool = False) -> dict[str, Any]:
    """What is at an address, as an object. Raises Unavailable(provider_away)."""
    try:
        async with asyncio.timeout(SECONDS):
            answer = await client.request("GET", url, withhold_token=not with_token)
        found = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, TimeoutError, ValueError, RecursionError) as error:
        raise away() from error
    if not isinstance(found, dict):
        raise away()
    return found


async def exchange(client: AsyncOAuth2Client, url: str, code: str, verifier: str) -> dict[str, Any]:
    """The tokens that a code stands for. Raises Unavailable(provider_away), Unauthenticated(provider_refused)."""
    try:
        async with asyncio.timeout(SECONDS):
            token = await client.fetch_token(url, code=code, code_verifier=verifier)
    except OAuthError as error:
        raise Unauthenticated("provider_refused", "The provider did not take the code back.") from error
    except (httpx2.HTTPError, TimeoutError, ValueError, RecursionError, TypeError) as error:
        raise away() from error
    return dict(token)


def away() -> Unavailable:
    """The provider does not answer, or not as one would."""
    return Unavailable("provider_away", "The provider does not answer as it should. Try again.")
