"""Turns every refusal into RFC 9457 problem+json. The only place that knows status codes."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, Struct, UnsetType

from soundgraph.domain.errors import (
    Conflict,
    Corrupt,
    DomainError,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    LimitReached,
    NotFound,
    Stale,
    Unauthenticated,
    Unavailable,
)

TUS_VERSION = "1.0.0"
PROBLEM_JSON = "application/problem+json"
log = structlog.get_logger()


class Refusal(Exception):
    """A request refused before any use case saw it. `code` is part of the contract."""

    def __init__(self, code: str, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.errors = code, message, tuple(errors)


class Malformed(Refusal):
    """It cannot be read, or fields are missing, mistyped or unknown."""


class TooLarge(Refusal):
    """It has more bytes than this route takes."""


class WrongMediaType(Refusal):
    """Its content type is not one that this route reads."""


class BadRange(Refusal):
    """No byte of the requested range exists in a file of `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__("bad_range", f"This file has {size} bytes.")
        self.size = size


class PreconditionFailed(Refusal):
    """It was meant for another representation than there is."""

    def __init__(self) -> None:
        super().__init__("precondition_failed", "This is not the file that If-Match names.")


class UnsupportedVersion(Refusal):
    """It is not the version of the tus protocol that is spoken here."""

    def __init__(self) -> None:
        super().__init__("unsupported_version", f"Send Tus-Resumable: {TUS_VERSION}.")


class ClientGone(Refusal):
    """The client hung up before it had sent everything. Nobody reads the answer."""

    def __init__(self) -> None:
        super().__init__("client_gone", "The request ended before it was complete.")


class TusStatus(IntEnum):
    """Statuses that only the tus protocol has."""

    CHECKSUM_MISMATCH = 460

    @property
    def phrase(self) -> str:
        """As HTTPStatus has it."""
        return self.name.replace("_", " ").title()


STATUS: Mapping[type[Exception], HTTPStatus | TusStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    ClientGone: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Gone: HTTPStatus.GONE,
    Stale: HTTPStatus.PRECONDITION_FAILED,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    UnsupportedVersion: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    BadRange: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    Corrupt: TusStatus.CHECKSUM_MISMATCH,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
    Exception: HTTPStatus.INTERNAL_SERVER_ERROR,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

# What litestar refuses on its own, by its status.
FRAMEWORK_CODES = {
    HTTPStatus.BAD_REQUEST: ("malformed", "This request cannot be read."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing here."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not answer to that method; see Allow."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "This request is larger than this route takes."),
}


class FieldProblem(Struct, frozen=True):
    """One thing wrong with one input field."""

    field: str
    code: str
    message: str


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457). `code` is stable; `title` and `detail` are for people and may change.

    With 412, `present` tells the order of what was to be moved, where it has one.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str | UnsetType = UNSET
    errors: Sequence[FieldProblem] | UnsetType = UNSET
    present: Sequence[UUID] | UnsetType = UNSET
    error_id: str | UnsetType = UNSET


def status_of(error: type[Exception]) -> HTTPStatus | TusStatus:
    """The status that answers an error of this type."""
    return next(STATUS[one] for one in error.__mro__ if one in STATUS)


def problem(
    status: HTTPStatus | TusStatus,
    code: str,
    detail: str | UnsetType = UNSET,
    *,
    errors: Iterable[FieldError] = (),
    present: Sequence[UUID] = (),
    error_id: str | UnsetType = UNSET,
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """The answer that says so."""
    listed = [FieldProblem(one.field, one.code, one.message) for one in errors]
    body = Problem(
        type=f"urn:soundgraph:problem:{code}",
        title=status.phrase,
        status=status,
        code=code,
        detail=detail,
        errors=listed or UNSET,
        present=present or UNSET,
        error_id=error_id,
    )
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def answer_refusal(request: Request[Any, Any, Any], error: DomainError | Refusal) -> Response[Problem]:
    """Refused by the domain, or before it was asked. The request's log line says why."""
    request.state.refused = error.code
    errors = error.errors if isinstance(error, (Invalid, Refusal)) else ()
    present = error.present if isinstance(error, Stale) else ()
    return problem(
        status_of(type(error)), error.code, error.message, errors=errors, present=present, headers=headers_of(error)
    )


def headers_of(error: DomainError | Refusal) -> dict[str, str]:
    """The headers that HTTP asks for beside a status."""
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case LimitReached() | Unavailable():
            return {"Retry-After": str(error.retry_after)}
        case BadRange():
            return {"Content-Range": f"bytes */{error.size}"}
        case UnsupportedVersion():
            return {"Tus-Version": TUS_VERSION}
    return {}


def answer_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Refused by litestar: no such route or method, a body over the limit, a parameter of the wrong type."""
    status = HTTPStatus(error.status_code)
    if status not in FRAMEWORK_CODES:
        return answer_unhandled(request, error)
    code, detail = FRAMEWORK_CODES[status]
    found = error.extra if isinstance(error.extra, list) else []
    errors = [FieldError(str(one.get("key", "")), "mistyped", str(one.get("message", ""))) for one in found]
    return problem(status, code, detail, errors=errors, headers=error.headers)


def answer_unhandled(_: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A fault of ours. The log has it under `error_id`; the answer says nothing else."""
    error_id = secrets.token_hex(8)
    log.error("unhandled error", error_id=error_id, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", error_id=error_id)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    DomainError: answer_refusal,
    Refusal: answer_refusal,
    HTTPException: answer_framework,
    Exception: answer_unhandled,
}
