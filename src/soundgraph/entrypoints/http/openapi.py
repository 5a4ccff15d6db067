"""Completes the OpenAPI document that litestar makes of the handlers: what is the same for every route is said here."""

import re
from http import HTTPStatus
from typing import Any

from litestar import Litestar

from soundgraph.entrypoints.http.errors import FRAMEWORK_CODES, PROBLEM_JSON, TusStatus
from soundgraph.entrypoints.http.tus_document import complete_uploads

Json = dict[str, Any]
COMPONENT = "#/components/schemas/"
LISTING = re.compile(r"Listing_(?:\w+\.)*(\w+?)(?:View)?_")
# What a client meets most often under each status; the others are told by `code` alike.
CODES: dict[int, str] = {status: code for status, (code, _) in FRAMEWORK_CODES.items()} | {
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "cross_origin",
    HTTPStatus.CONFLICT: "version_conflict",
    HTTPStatus.GONE: "token_spent",
    HTTPStatus.PRECONDITION_FAILED: "version_mismatch",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "not_json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid",
    HTTPStatus.TOO_MANY_REQUESTS: "too_often",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "database_away",
    TusStatus.CHECKSUM_MISMATCH: "checksum_mismatch",
}
TEXT: Json = {"type": "string"}
HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": {"schema": TEXT, "description": "How to authenticate."}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
}
ETAG: Json = {"schema": TEXT, "description": "Names this representation; of what is edited, also its version."}
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "The ETag of an earlier answer: 304 if nothing has changed.",
}
# What a secret link may open, and all below it.
OPENED = re.compile(r"\{(track|playlist)_id\}")
SECRET_TOKEN: Json = {
    "name": "secret_token",
    "in": "query",
    "required": False,
    "schema": TEXT,
    "description": "The token of a secret link, which opens what is private.",
}
NAMED = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "handle": "ada_plays",
    "display_name": "Ada",
    "email": "ada@example.org",
    "login": "ada_plays",
    "password": "correct horse battery staple",
    "title": "Four Chords",
    "permalink": "four-chords",
    "version": 3,
    "data": [-12, 14],
}
BY_FORMAT = {"uuid": NAMED["id"], "date-time": "2026-01-31T12:00:00Z"}
BY_TYPE: Json = {"string": "text", "integer": 1, "number": 1.5, "boolean": True}


def document(app: Litestar) -> Json:
    """This API as OpenAPI 3.1, in plain JSON values."""
    found: Json = _tidied(app.openapi_schema.to_schema())
    schemas = found["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Input"):
            schema["additionalProperties"] = False
    used: set[int] = set()
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            _complete(method, operation, schemas)
            if {} in operation["security"] and OPENED.search(path):
                operation.setdefault("parameters", []).append(SECRET_TOKEN)
            used |= _share_problems(operation)
    complete_uploads(found["paths"])
    found["components"]["responses"] = {f"Problem{status}": _problem(status) for status in sorted(used)}
    return found


def _tidied(value: Any) -> Any:
    """The same without what only litestar means: module paths in names, unions of one, null for an absent parameter."""
    match value:
        case {"oneOf": [one], **others}:
            return {**_tidied(one), **_tidied(others)}
        case {"name": _, "in": _, "schema": {"oneOf": [one, {"type": "null"}], **rules}}:
            return {**value, "schema": _tidied({**one, **rules})}
        case {"$ref": str(reference)}:
            return {"$ref": LISTING.sub(r"\1Page", reference)}
        case dict():
            return {LISTING.sub(r"\1Page", name): _tidied(one) for name, one in value.items()}
        case list():
            return [_tidied(one) for one in value]
    return value


def _complete(method: str, operation: Json, schemas: Json) -> None:
    """Conditional reads, and an example of every body."""
    for status, answer in operation["responses"].items():
        told = any("$ref" in one["schema"] for one in answer.get("content", {}).values())
        if status == "204" or (status[0] == "3" and not told):
            answer.pop("content", None)
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for media in (one for body in bodies for kind, one in body.get("content", {}).items() if "json" in kind):
        if "$ref" in media["schema"]:
            media["example"] = _example(media["schema"], schemas)
    # What looks at no session is health, which nobody may store.
    if method == "get" and "200" in operation["responses"] and operation["security"] != [{}]:
        operation["responses"]["200"]["headers"] = {"ETag": ETAG}
        operation["responses"]["304"] = {"description": "Not Modified", "headers": {"ETag": ETAG}}
        operation.setdefault("parameters", []).append(IF_NONE_MATCH)


def _share_problems(operation: Json) -> set[int]:
    """Refer to one problem per status; which statuses those are."""
    problems = {status for status, one in operation["responses"].items() if PROBLEM_JSON in one.get("content", {})}
    for status in problems:
        # Readiness tells by a body of its own which service is away.
        if len(operation["responses"][status]["content"]) == 1:
            operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    return {int(status) for status in problems}


def _problem(number: int) -> Json:
    status = HTTPStatus(number) if number in set(HTTPStatus) else TusStatus(number)
    code = CODES[status]
    example = {"type": f"urn:soundgraph:problem:{code}", "title": status.phrase, "status": number, "code": code}
    example |= {"error_id": "9f86d081884c7d65"} if number == 500 else {"detail": "What went wrong, for a person."}
    schema = {"$ref": f"{COMPONENT}Problem"}
    return {
        "description": status.phrase,
        "headers": HEADERS.get(number, {}),
        "content": {PROBLEM_JSON: {"schema": schema, "example": example}},
    }


def _example(schema: Json, schemas: Json, name: str = "") -> Any:
    """Something that fits a schema and looks like what is meant."""
    match schema:
        case {"$ref": str(reference)}:
            return _example(schemas[reference.removeprefix(COMPONENT)], schemas)
        case {"oneOf": [first, *_]}:
            return _example(first, schemas, name)
        case {"enum": [first, *_]} | {"const": first}:
            return first
        case {"properties": dict(fields)}:
            return {field: _example(one, schemas, field) for field, one in fields.items()}
        case {"format": str(kind)} if kind in BY_FORMAT:
            return BY_FORMAT[kind]
        case _ if name in NAMED:
            return NAMED[name]
        case {"type": "array", "items": items}:
            return [_example(items, schemas)]
        case {"type": "object", "additionalProperties": dict(value)}:
            return {"name": _example(value, schemas)}
    return f"https://example.org/{name}" if name.endswith("_url") else BY_TYPE[schema["type"]]
