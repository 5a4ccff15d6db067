"""Entities that are edited: their ETag names a version, and If-Match holds a change to it."""

import re
from typing import Annotated, Protocol, TypeVar

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, SkipValidation

from soundgraph.entrypoints.http.conditional import hash_of
from soundgraph.entrypoints.http.errors import Malformed

ENTITY_TAG = re.compile(r'(?:W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\xff]*)"')
OURS = re.compile(r"v(?P<version>[1-9][0-9]{0,9})-.*", re.ASCII)
# No entity has it, so it never matches.
NO_VERSION = 0


class Versioned(Protocol):
    """A view of something that is edited."""

    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=Versioned)
ExpectedVersion = NamedDependency[SkipValidation[int | None]]


def entity(view: V, *, status_code: int | None = None, headers: dict[str, str] | None = None) -> Response[V]:
    """The answer that shows an entity, with `ETag: "v<version>-<hash>"`."""
    body = msgspec.json.encode(view)
    tagged = {"ETag": f'"v{view.version}-{hash_of(body)}"', **(headers or {})}
    return Response(msgspec.Raw(body), status_code=status_code, headers=tagged)  # type: ignore[arg-type]  # is V, encoded


def provide_expected_version(
    if_match: Annotated[
        str | None,
        HeaderParameter(
            name="If-Match", description="Change it only if it still has the version of this ETag, or `*`."
        ),
    ] = None,
) -> int | None:
    """The version that a change is meant for; None for any. Raises Malformed(bad_if_match)."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [ENTITY_TAG.fullmatch(tag.strip()) for tag in if_match.split(",")]
    named = {_version_in(tag["opaque"]) for tag in tags if tag is not None}
    if None in tags or len(named) != 1:
        raise Malformed("bad_if_match", "Send the ETag of one answer in If-Match, quotes included, or *.")
    return named.pop()


def _version_in(opaque: str) -> int:
    """Only the version counts: the rest of a tag depends on who looks, and proxies weaken it."""
    found = OURS.fullmatch(opaque)
    return int(found["version"]) if found else NO_VERSION
