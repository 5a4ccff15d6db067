"""Limits that every process shares: one script in Redis."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from soundgraph.application.limits import MICROSECOND, Charge, Count, Limiter, Verdict, judged
from soundgraph.application.ports import Clock
from soundgraph.domain.errors import Unavailable

# A request waits for Redis so long at most, and then for a while no request does.
TIMEOUT_SECONDS = 0.25
PAUSE_SECONDS = 1.0
# Few: a script takes a tenth of a millisecond, and a cold start has to open all of them within the timeout.
CONNECTIONS = 8
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# KEYS: one for each charge. ARGV: now in microseconds, or 0 for the time of Redis, which is the same for all processes;
# then interval, burst, hold and cost of each charge. Returns now and the two moments that were stored for each, from
# which `judged` concludes the same. A value is `full_at:since`; older versions stored the first alone and held nothing.
# The numbers stay below 2^53, where Lua's doubles are exact.
SCRIPT = """
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local answer, fresh, admitted = {now}, {}, true
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local hold, cost = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local full_at, since = string.match(redis.call('GET', key) or '', '^(%d+):?(%d*)$')
  full_at, since = tonumber(full_at or '') or 0, tonumber(since or '') or 0
  answer[2 * i], answer[2 * i + 1] = full_at, since
  since = math.min(since, now)
  local held_at = now < since + hold and since or now
  if held_at < full_at and full_at <= now + 2 * burst then
    full_at = math.min(full_at, held_at + burst)
  else
    held_at, full_at, since = now, now, now
  end
  full_at = full_at + cost * interval
  fresh[i] = full_at > held_at and {full_at, since, math.max(full_at, since + hold)}
  admitted = admitted and full_at - burst <= held_at
end
if admitted then
  for i, key in ipairs(KEYS) do
    if fresh[i] then
      local full_at, since, back_at = unpack(fresh[i])
      local value, milliseconds = string.format('%.0f:%.0f', full_at, since), (back_at - now) / 1000 + 1
      redis.call('SET', key, value, 'PX', string.format('%.0f', milliseconds))
    else
      redis.call('DEL', key)
    end
  end
end
return answer
"""
log = logging.getLogger(__name__)


def redis_client(url: str, *, timeout: float = TIMEOUT_SECONDS) -> "Redis":
    """A client for short commands. Connects when first used, and never waits longer than a request should.

    `timeout` is in seconds.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis.from_pool(pool)


class RedisLimiter(Limiter):
    """Counts by a script. Keys expire when everything has come back; subjects are stored as hashes.

    While Redis is away one caller in `pause` seconds finds out whether it is back, and the others are told at once.
    `clock` replaces the time of Redis in tests. No answer takes longer than `timeout` seconds.
    """

    def __init__(
        self,
        client: "Redis",
        *,
        clock: Clock | None = None,
        prefix: str = "limit:",
        pause: float = PAUSE_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._timeout = timeout
        self._script = client.register_script(SCRIPT)
        self._clock, self._prefix, self._pause = clock, prefix, pause
        self._away = False
        self._again_at = 0.0

    async def take(self, charges: Sequence[Charge]) -> list[Verdict]:
        if not charges:
            return []
        now, *moments = await self._run([(one, one.cost) for one in charges])
        return judged(charges, [Count(*two) for two in zip(moments[::2], moments[1::2], strict=True)], now)

    async def give_back(self, charge: Charge) -> None:
        await self._run([(charge, -charge.cost)])

    async def _run(self, costs: Sequence[tuple[Charge, int]]) -> list[int]:
        keys = [self._key(charge) for charge, _ in costs]
        arguments = [0 if self._clock is None else (self._clock.now() - EPOCH) // MICROSECOND]
        for charge, cost in costs:
            arguments += [charge.rule.interval, charge.rule.burst, charge.rule.hold, cost]
        self._refuse_while_away()
        try:
            async with asyncio.timeout(self._timeout):
                answer = cast(list[int], await self._script(keys=keys, args=arguments))
        except (RedisError, OSError) as error:
            self._again_at = time.monotonic() + self._pause
            if not self._away:
                log.warning("limits are away: %r", error)
            self._away = True
            raise _unavailable() from error
        if self._away:
            log.warning("limits are back")
        self._away = False
        return answer

    def _refuse_while_away(self) -> None:
        if not self._away:
            return
        if time.monotonic() < self._again_at:
            raise _unavailable()
        # This caller tries; until it knows, nobody else does.
        self._again_at = time.monotonic() + self._pause

    def _key(self, charge: Charge) -> str:
        # A hash of 128 bits: keys stay short, and Redis learns nobody's mail address.
        digest = hashlib.blake2b(charge.subject.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        return f"{self._prefix}{charge.rule.name}:{digest}"


def _unavailable() -> Unavailable:
    return Unavailable("limits_away", "This cannot be checked right now. Try again in a moment.", retry_after=5)
