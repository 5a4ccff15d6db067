"""What a request says in the headers of tus (https://tus.io/protocols/resumable-upload), told from nonsense."""

import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from soundgraph.application.tracks import CHECKSUMS, Checksum
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import UploadId
from soundgraph.domain.tracks import MAX_UPLOAD_BYTES, UploadKind
from soundgraph.entrypoints.http.errors import TUS_VERSION, Malformed, UnsupportedVersion
from soundgraph.entrypoints.http.multipart import too_large_audio
from soundgraph.entrypoints.http.requests import ApiRequest, refuse_nul

NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
MAX_METADATA_BYTES: Final = 4 << 10


@dataclass(frozen=True, slots=True)
class Announced:
    """What a request to begin an upload says. `parts` are those of one that is joined."""

    filename: str
    metadata: str
    kind: UploadKind
    length: int = 0
    parts: tuple[UploadId, ...] | None = None


def announced(request: ApiRequest) -> Announced:
    """What a request to begin an upload asks for. Raises Malformed, TooLarge, NotFound for what names no upload."""
    metadata, filename = _metadata(request.headers.get("upload-metadata", ""))
    concat = request.headers.get("upload-concat", "")
    if concat.startswith("final;"):
        parts = tuple(_named(url) for url in concat.removeprefix("final;").split())
        return Announced(filename, metadata, UploadKind.JOINED, parts=parts)
    if concat not in ("", "partial"):
        raise Malformed("malformed_upload_concat", "Upload-Concat is partial, or final; and the parts.")
    length = number_of(request, "upload-length")
    if length > MAX_UPLOAD_BYTES:
        raise too_large_audio()
    return Announced(filename, metadata, UploadKind.PART if concat else UploadKind.RESUMABLE, length)


def check_version(request: ApiRequest) -> None:
    """Raises UnsupportedVersion."""
    if request.headers.get("tus-resumable") != TUS_VERSION:
        raise UnsupportedVersion


def number_of(request: ApiRequest, name: str) -> int:
    """A header that says how many bytes. Raises Malformed."""
    value = request.headers.get(name, "")
    if not NUMBER.fullmatch(value):
        raise Malformed(f"malformed_{name.replace('-', '_')}", f"{name.title()} must be a number of bytes.")
    return int(value)


def _metadata(value: str) -> tuple[str, str]:
    """What a client says about a file, as it said it, and the name in it. Raises Malformed."""
    pairs: dict[str, str] = {}
    for pair in value.split(",") if value else ():
        name, _, encoded = pair.strip().partition(" ")
        if not name or name in pairs:
            raise _bad_metadata()
        try:
            pairs[name] = b64decode(encoded, validate=True).decode("utf-8", "replace")
        except ValueError:
            raise _bad_metadata() from None
    if not value.isascii() or len(value) > MAX_METADATA_BYTES:
        raise _bad_metadata()
    refuse_nul({"upload-metadata": list(pairs.values())})
    return value, pairs.get("filename", "")


def _bad_metadata() -> Malformed:
    message = f"Upload-Metadata must be pairs of a name and a Base64 text, up to {MAX_METADATA_BYTES} bytes."
    return Malformed("malformed_upload_metadata", message)


def checksum_of(value: str | None) -> Checksum | None:
    """What the bytes of a request should add up to. Raises Malformed."""
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    try:
        digest = b64decode(encoded, validate=True)
    except ValueError:
        digest = b""
    if algorithm not in CHECKSUMS or not digest:
        known = ", ".join(CHECKSUMS)
        raise Malformed("malformed_upload_checksum", f"Upload-Checksum must be one of {known} and a Base64 digest.")
    return Checksum(algorithm, digest)


def _named(url: str) -> UploadId:
    """The upload that an address names. Raises NotFound."""
    try:
        return UploadId(UUID(url.rstrip("/").rpartition("/")[2]))
    except ValueError:
        raise NotFound from None
