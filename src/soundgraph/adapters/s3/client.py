"""boto3 in threads, and what its errors mean here.

It is imported late: that takes a third of a second, and most installations have no bucket.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from soundgraph.adapters.s3.signing import Bucket
from soundgraph.domain.errors import Conflict, NotFound, Unavailable

R = TypeVar("R")
# Threads of their own: while a store is slow, whatever else runs in threads goes on.
THREADS: Final = 16
CONFIG: Final[Mapping[str, Any]] = {
    "signature_version": "s3v4",
    "s3": {"addressing_style": "path"},
    "connect_timeout": 3,
    "read_timeout": 20,
    "retries": {"mode": "standard", "max_attempts": 2},
    "max_pool_connections": 2 * THREADS,
    # Checksums in trailers are not understood by every store; TLS and our own digests cover what they would.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
MISSING: Final = frozenset(["NoSuchKey", "404", "NotFound"])
FULL: Final = frozenset(["QuotaExceeded", "InsufficientCapacity", "XMinioStorageFull"])


class S3Client:
    """One shared boto3 client, whose methods are called by name: `await client("head_object", Key=…)`."""

    def __init__(self, bucket: Bucket) -> None:
        import boto3
        from botocore.config import Config

        self._bucket = bucket
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")
        self._boto = boto3.client(
            "s3",
            endpoint_url=bucket.endpoint_url,
            region_name=bucket.region,
            aws_access_key_id=bucket.access_key,
            aws_secret_access_key=bucket.secret_key,
            config=Config(**CONFIG),
        )

    async def __call__(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """One operation on the bucket. Raises NotFound, Conflict(removed_meanwhile), Unavailable."""
        call = partial(getattr(self._boto, operation), Bucket=self._bucket.name, **arguments)
        answer: dict[str, Any] = await self.run(call)
        return answer

    async def run(self, call: Callable[[], R]) -> R:
        """Anything that blocks on the store. A cancelled caller waits until it has ended, so that it can clean up."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        with translated():
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                # Looked at, or asyncio would report it as forgotten.
                _ = running.cancelled() or running.exception()
                raise

    def close(self) -> None:
        """Let go of threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._boto.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn boto3's errors into ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _meaning(error) from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable("storage_away", f"The object storage does not answer: {type(error).__name__}.") from error


def _meaning(error: Any) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code in MISSING:
        return NotFound()
    if code == "NoSuchUpload":
        return Conflict("removed_meanwhile", "This object was removed while it came in.")
    if code in FULL or status == 507:
        return Unavailable("storage_full", "The storage is full. Try again later.", retry_after=60)
    if status >= 500 or code == "SlowDown":
        return Unavailable("storage_away", f"The object storage cannot answer now: {code}.")
    unknown: Exception = error
    return unknown
