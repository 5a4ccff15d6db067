"""What the OpenAPI document says of resumable uploads, whose protocol speaks in headers (https://tus.io)."""

from copy import deepcopy
from typing import Any

from soundgraph.application.tracks import CHECKSUMS
from soundgraph.entrypoints.http.errors import TUS_VERSION
from soundgraph.entrypoints.http.resumable import CONTENT_TYPE, UPLOADS_PATH

Json = dict[str, Any]
CREATION, UPLOAD = UPLOADS_PATH, f"{UPLOADS_PATH}/{{upload_id}}"
TEXT: Json = {"type": "string"}
BYTES: Json = {"type": "integer", "minimum": 0}
METHODS: Json = {"type": "string", "enum": ["HEAD", "PATCH", "DELETE"]}

SAID: dict[str, tuple[Json, str]] = {
    "Tus-Resumable": ({"type": "string", "enum": [TUS_VERSION]}, "The version of tus that is spoken."),
    "Tus-Version": (TEXT, "The versions that the server speaks."),
    "Tus-Extension": (TEXT, "The extensions that the server has."),
    "Tus-Max-Size": (BYTES, "How many bytes an upload may have."),
    "Tus-Checksum-Algorithm": (TEXT, "What Upload-Checksum may be made with."),
    "Location": (TEXT, "The address of the upload."),
    "Upload-Length": (BYTES, "How many bytes the upload has in all."),
    "Upload-Offset": (BYTES, "How many bytes of it have arrived."),
    "Upload-Metadata": (TEXT, "Pairs of a name and a Base64 text, separated by commas; filename is used."),
    "Upload-Concat": (TEXT, "partial for a part of an upload; final; and the addresses of the parts to join them."),
    "Upload-Checksum": (TEXT, f"One of {', '.join(CHECKSUMS)} and the Base64 digest of the bytes of this request."),
    "Upload-Expires": (TEXT, "When what has arrived is thrown away (RFC 9110 date)."),
    "X-HTTP-Method-Override": (METHODS, "What the client means, where it can send none of these."),
}
# By path and method: headers that must be sent, that may be sent, and that are answered, under a status.
SPOKEN: dict[tuple[str, str], tuple[str, str, int, str]] = {
    (CREATION, "options"): ("", "", 204, "Tus-Version Tus-Extension Tus-Max-Size Tus-Checksum-Algorithm"),
    (CREATION, "post"): (
        "Tus-Resumable",
        "Upload-Length Upload-Metadata Upload-Concat Upload-Checksum",
        201,
        "Location Upload-Expires Upload-Offset",
    ),
    (UPLOAD, "get"): (
        "Tus-Resumable",
        "",
        200,
        "Upload-Offset Upload-Length Upload-Metadata Upload-Concat Upload-Expires",
    ),
    (UPLOAD, "patch"): ("Tus-Resumable Upload-Offset", "Upload-Checksum", 204, "Upload-Offset Upload-Expires"),
    (UPLOAD, "post"): (
        "Tus-Resumable X-HTTP-Method-Override",
        "Upload-Offset Upload-Checksum",
        204,
        "Upload-Offset Upload-Expires",
    ),
    (UPLOAD, "delete"): ("Tus-Resumable", "", 204, ""),
}
# Said in words: the type is tus's own, and what generates clients or requests from documents stops at types it lacks.
TAKES_BYTES = {(CREATION, "post"), (UPLOAD, "patch"), (UPLOAD, "post")}


def complete_uploads(paths: Json) -> None:
    """Add what the protocol says to the paths of a document."""
    for (path, method), (required, optional, status, answered) in SPOKEN.items():
        operation = paths[path][method]
        kept = [one for one in operation.get("parameters", []) if one["name"] != "If-None-Match"]
        must = [_parameter(name, required=True) for name in required.split()]
        may = [_parameter(name, required=False) for name in optional.split()]
        operation["parameters"] = kept + must + may
        answer = operation["responses"][str(status)]
        answer.pop("content", None)
        answer["headers"] = {name: _header(name) for name in ("Tus-Resumable", *answered.split())}
        operation["responses"].pop("304", None)
        if (path, method) in TAKES_BYTES:
            operation["description"] += f"\n\nThe bytes are sent as the body, of type `{CONTENT_TYPE}`."
    # What every tus client asks: GET answers the same, which no browser's form can do without.
    paths[UPLOAD]["head"] = head = deepcopy(paths[UPLOAD]["get"])
    head["operationId"] += "Head"
    for answer in head["responses"].values():
        answer.pop("content", None)
    paths[UPLOAD]["post"]["responses"]["200"] = deepcopy(head["responses"]["200"])


def _parameter(name: str, *, required: bool) -> Json:
    schema, description = SAID[name]
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _header(name: str) -> Json:
    schema, description = SAID[name]
    return {"schema": schema, "description": description}
