"""An object store in a bucket. Memory stays constant in the size of objects and in their number."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from typing import Any, Final

from soundgraph.adapters.s3.client import S3Client
from soundgraph.adapters.s3.signing import Bucket, Signer
from soundgraph.application.ports import (
    Clock,
    Found,
    ObjectListing,
    ObjectStore,
    Presigner,
    SignedForm,
    SignedPut,
    Stored,
    key_parts,
    prefix_parts,
)
from soundgraph.domain.errors import Conflict, NotFound, Unavailable

# Parts are at least 5 MiB, but for the last one.
PART_BYTES: Final = 8 << 20
READ_BYTES: Final = 1 << 20
OUT_OF_RANGE: Final = "InvalidRange"


class S3Store(ObjectStore, ObjectListing, Presigner):
    """Objects in one bucket, which is there already and not public. `public_url` is where clients reach it."""

    def __init__(self, bucket: Bucket, clock: Clock, public_url: str | None = None) -> None:
        self._bucket, self._client = bucket.name, S3Client(bucket)
        self._signer = Signer(bucket, clock, public_url)

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        """As the port says. Raises Conflict(removed_meanwhile) if `remove` took the unfinished object away."""
        key_parts(key)
        digest, size = hashlib.sha256(), 0

        async def digested() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        parts = _parts(digested())
        first, second = await anext(parts, b""), await anext(parts, None)
        if second is None:
            await self._client("put_object", Key=key, Body=first)
        else:
            await self._put_parts(key, [first, second], parts)
        return Stored(key, size, digest.hexdigest())

    async def _put_parts(self, key: str, begun: list[bytes], rest: AsyncIterator[bytes]) -> None:
        target = await self._begin_parts(key)
        done: list[dict[str, Any]] = []
        try:
            while begun:
                done.append(await self._part(target, len(done) + 1, begun.pop(0)))
            async for part in rest:
                done.append(await self._part(target, len(done) + 1, part))
            await self._client("complete_multipart_upload", **target, MultipartUpload={"Parts": done})
        except BaseException:
            await self._abort(target)
            raise

    async def read(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, in chunks of 1 MiB. Raises NotFound."""
        key_parts(key)
        body = await self._open(key, start, stop)
        try:
            while block := await self._client.run(lambda: body.read(READ_BYTES)):
                yield block
        finally:
            body.close()

    async def size(self, key: str) -> int | None:
        """Its length in bytes, or None."""
        found = await self.find(key)
        return None if found is None else found.size_bytes

    async def copy(self, source: str, target: str) -> None:
        """Inside the store, of up to 5 GiB. Raises NotFound."""
        key_parts(source)
        key_parts(target)
        if source != target:
            await self._client("copy_object", Key=target, CopySource={"Bucket": self._bucket, "Key": source})
        elif await self.find(source) is None:
            raise NotFound

    async def remove(self, key: str) -> None:
        """Remove an object and every unfinished put of it."""
        key_parts(key)
        await self._client("delete_object", Key=key)
        async for unfinished in self._unfinished(key):
            if unfinished["Key"] == key:
                await self._abort(unfinished)

    async def remove_under(self, prefix: str) -> None:
        """Remove all of it, unfinished puts included. Raises ValueError if `prefix` does not end in a slash."""
        prefix_parts(prefix)
        async for page in self._pages(prefix):
            await self._client(
                "delete_objects", Delete={"Objects": [{"Key": one["Key"]} for one in page], "Quiet": True}
            )
        async for unfinished in self._unfinished(prefix):
            await self._abort(unfinished)

    async def under(self, prefix: str) -> AsyncIterator[Found]:
        """As the port says, in the order of their keys. Raises ValueError without the slash."""
        prefix_parts(prefix)
        async for page in self._pages(prefix):
            for one in page:
                yield Found(one["Key"], one["Size"], one["LastModified"].replace(microsecond=0))

    async def find(self, key: str) -> Found | None:
        """One object, as it is now."""
        key_parts(key)
        try:
            head = await self._client("head_object", Key=key)
        except NotFound:
            return None
        return Found(key, head["ContentLength"], head["LastModified"].replace(microsecond=0))

    async def check(self) -> None:
        """Raises Unavailable unless the bucket answers."""
        from botocore.exceptions import ClientError

        try:
            await self._client("head_bucket")
        except (NotFound, ClientError) as error:
            raise Unavailable("storage_away", f"The bucket {self._bucket} does not let us in.") from error

    def signed_url(self, key: str, *, lifetime: timedelta, content_type: str, filename: str | None = None) -> str:
        """A presigned GET."""
        (url,) = self.signed_urls([key], lifetime=lifetime, content_type=content_type, filename=filename)
        return url

    def signed_urls(
        self, keys: Sequence[str], *, lifetime: timedelta, content_type: str, filename: str | None = None
    ) -> list[str]:
        """Presigned GETs of one moment."""
        for key in keys:
            key_parts(key)
        return self._signer.get(keys, lifetime=lifetime, content_type=content_type, filename=filename)

    def signed_put(self, key: str, *, size_bytes: int, lifetime: timedelta) -> SignedPut:
        """A presigned PUT, which signs the length too."""
        key_parts(key)
        return self._signer.put(key, size_bytes=size_bytes, lifetime=lifetime)

    def signed_form(self, key: str, *, max_bytes: int, lifetime: timedelta) -> SignedForm:
        """A presigned POST with its policy."""
        key_parts(key)
        return self._signer.post(key, max_bytes=max_bytes, lifetime=lifetime)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._client.close()

    async def _begin_parts(self, key: str) -> dict[str, Any]:
        """What names a new multipart upload. If it is begun as we are cancelled, it is aborted again."""
        beginning = asyncio.ensure_future(self._client("create_multipart_upload", Key=key))
        try:
            answer = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            await asyncio.wait([beginning])
            if beginning.exception() is None:
                await self._abort({"Key": key, "UploadId": beginning.result()["UploadId"]})
            raise
        return {"Key": key, "UploadId": answer["UploadId"]}

    async def _part(self, target: dict[str, Any], number: int, body: bytes) -> dict[str, Any]:
        answer = await self._client("upload_part", **target, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    async def _open(self, key: str, start: int, stop: int | None) -> Any:
        """The body to read from. Raises NotFound."""
        from botocore.exceptions import ClientError

        if stop is not None and stop <= start:
            await self._client("head_object", Key=key)
            return BytesIO()
        asked = {} if start == 0 and stop is None else {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        try:
            return (await self._client("get_object", Key=key, **asked))["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] != OUT_OF_RANGE:
                raise
            return BytesIO()

    async def _pages(self, prefix: str) -> AsyncIterator[list[dict[str, Any]]]:
        more: dict[str, str] = {}
        while True:
            answer = await self._client("list_objects_v2", Prefix=prefix, **more)
            if answer.get("Contents"):
                yield answer["Contents"]
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    async def _unfinished(self, prefix: str) -> AsyncIterator[dict[str, Any]]:
        """Multipart uploads that were neither completed nor aborted, of keys that begin so."""
        more: dict[str, str] = {}
        while True:
            answer = await self._client("list_multipart_uploads", Prefix=prefix, **more)
            for one in answer.get("Uploads", []):
                yield {"Key": one["Key"], "UploadId": one["UploadId"]}
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}

    async def _abort(self, unfinished: dict[str, Any]) -> None:
        """Shielded, for it runs while a caller is being cancelled. What cannot be told now, `remove` finds later."""
        with suppress(Conflict, Unavailable):
            await asyncio.shield(self._client("abort_multipart_upload", **unfinished))


async def _parts(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of PART_BYTES but for the last."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        while len(pending) >= PART_BYTES:
            with memoryview(pending) as view:
                part = bytes(view[:PART_BYTES])
            del pending[:PART_BYTES]
            yield part
    if pending:
        yield bytes(pending)
