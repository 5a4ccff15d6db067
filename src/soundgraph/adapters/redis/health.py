"""Whether Redis answers."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from soundgraph.domain.errors import Unavailable

TIMEOUT_SECONDS = 1.0


async def ping(url: str) -> None:
    """Raises Unavailable(redis_away) unless it answers within a second."""
    client = Redis.from_url(url, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise Unavailable("redis_away", f"Redis does not answer: {str(error) or type(error).__name__}") from error
    finally:
        await client.aclose()
