"""Reads what a client sent, strictly, and says everything that is wrong with it."""

import re
from collections.abc import AsyncGenerator, Iterator
from typing import Any, get_args
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import InternalServerException
from msgspec import Struct

from soundgraph.domain.errors import FieldError
from soundgraph.domain.visibility import Viewer
from soundgraph.entrypoints.http.errors import ClientGone, Malformed, WrongMediaType

JSON_LIMIT_BYTES = 1_000_000
MSGSPEC_PATH = re.compile(r"^(?P<message>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)


class ApiRequest(Request[Viewer, None, State]):
    """A request whose JSON is decoded straight into the input struct of its handler, without coercion."""

    _input: Any = None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives. Raises ClientGone."""
        try:
            async for chunk in super().stream():
                yield chunk
        except InternalServerException as error:
            raise ClientGone from error

    async def json(self) -> Any:
        """The input struct, or None for an empty body where the handler has a default.

        Raises Malformed naming every field that is missing, mistyped or unknown, WrongMediaType.
        """
        if self._input is None:
            field = self.route_handler.parsed_fn_signature.parameters["data"]
            self._input = self._decoded(await self.body(), _struct_of(field.annotation), optional=field.has_default)
        return self._input

    def _decoded(self, body: bytes, wanted: type[Struct], *, optional: bool) -> Struct | None:
        if not body:
            if optional:
                return None
            raise Malformed("body_missing", f"Send a JSON object with {', '.join(wanted.__struct_fields__)}.")
        if self.content_type[0] != "application/json":
            raise WrongMediaType("not_json", "Send application/json.")
        return decode(body, wanted)


async def read_input(request: Request[Any, Any, Any]) -> None:
    """Decode the body before litestar does, whose own messages tell little."""
    if "data" in request.route_handler.parsed_fn_signature.parameters:
        await request.json()


def decode(body: bytes, wanted: type[Struct]) -> Struct:
    """JSON as a struct. Raises Malformed."""
    try:
        decoded = msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError:
        raise Malformed("malformed", "Some fields are not as they should be.", _wrong_fields(body, wanted)) from None
    except (ValueError, RecursionError):
        raise Malformed("malformed_json", "This is not JSON.") from None
    # Only an escape can bring a NUL into a JSON string, so most bodies are not walked.
    if b"\\u0000" in body:
        refuse_nul({name: getattr(decoded, name) for name in wanted.__struct_fields__})
    return decoded


def refuse_nul(fields: dict[str, Any]) -> None:
    """Raise Malformed if any text holds a NUL character, which PostgreSQL cannot store."""
    bad = [name for name, value in fields.items() if any("\x00" in text for text in _texts(value))]
    if bad:
        errors = [FieldError(name, "nul_character", "Text must not hold the NUL character.") for name in bad]
        raise Malformed("nul_character", "Text must not hold the NUL character.", errors)


def refuse_nul_in_address(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise Malformed if path or query hold a NUL character."""
    query = connection.scope["query_string"]
    refuse_nul({"path": connection.scope["path"]})
    if b"%00" in query or b"\x00" in query:
        refuse_nul({name: name + value for name, value in connection.query_params.multi_items()})


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """An urlencoded form, the last of each field. Raises Malformed, WrongMediaType."""
    if request.content_type[0] != "application/x-www-form-urlencoded":
        raise WrongMediaType("not_a_form", "Send application/x-www-form-urlencoded.")
    text = (await request.body()).decode("latin-1")
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise Malformed("malformed_form", "This form has too many fields.") from None
    refuse_nul(fields)
    return fields


def _struct_of(annotation: Any) -> type[Struct]:
    """The struct in `Input` or `Input | None`."""
    struct: type[Struct] = next(one for one in (annotation, *get_args(annotation)) if hasattr(one, "__struct_fields__"))
    return struct


def _wrong_fields(body: bytes, wanted: type[Struct]) -> list[FieldError]:
    """Everything wrong with a body that is JSON; msgspec itself stops at the first."""
    try:
        raw = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Malformed("malformed_json", "This is not JSON that can be read.") from None
    if not isinstance(raw, dict):
        return [FieldError("", "mistyped", "Send a JSON object.")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
    wrong = [FieldError(name, "unknown", "This field is not known here.") for name in raw if name not in fields]
    for name, field in fields.items():
        if name in raw:
            wrong += _mistyped(name, raw[name], field.type)
        elif field.required:
            wrong.append(FieldError(name, "missing", "This field is required."))
    return wrong


def _mistyped(name: str, value: Any, wanted: Any) -> list[FieldError]:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        found = MSGSPEC_PATH.match(str(error))
        message, path = (found["message"], found["path"] or "") if found else (str(error), "")
        return [FieldError(name + path, "mistyped", message.replace("`", "") + ".")]
    return []


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list() | tuple() | dict():
            for one in value.items() if isinstance(value, dict) else value:
                yield from _texts(one)
