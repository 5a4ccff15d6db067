"""Every documented operation, called with what its schema allows and with what it does not, answers as documented.

`make fuzz` sets SOUNDGRAPH_TEST_FUZZ to the number of examples of each operation, and then they differ from run to run.
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from litestar import Litestar
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.unit.http.conftest import Current, Site

from soundgraph.entrypoints.http.openapi import document

EXAMPLES = int(os.environ.get("SOUNDGRAPH_TEST_FUZZ", "0"))
PROFILE = settings(
    max_examples=EXAMPLES or 6,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ALL_CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [(method, path) for path, methods in document(Site().app)["paths"].items() for method in methods]


@dataclass
class Fuzzed:
    """A site with something in it, as schemathesis calls it."""

    schema: Any
    headers: dict[str, str]
    known: dict[str, str]


async def inhabited(site: Site) -> tuple[dict[str, str], dict[str, str]]:
    """The headers of a member, and ids of what there is."""
    ann, bob = await site.join("annika"), await site.join("robert")
    track = await ann.upload()
    await bob.http.put(f"/api/v1/me/followings/{ann.id}")
    await bob.http.put(f"/api/v1/me/likes/tracks/{track['id']}")
    headers = {"Authorization": ann.http.headers["Authorization"]}
    return headers, {"track_id": track["id"], "user_id": bob.id, "id_or_handle": "annika"}


@pytest.fixture(scope="module")
def schema(house: tuple[Litestar, Current]) -> Any:
    app, current = house
    current.use = Site().world.use
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture
def fuzzed(schema: Any, site: Site) -> Fuzzed:
    headers, known = asyncio.run(inhabited(site))
    return Fuzzed(schema, headers, known)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_answers_as_documented(fuzzed: Fuzzed, method: str, path: str, mode: GenerationMode) -> None:
    operation = fuzzed.schema[path][method.upper()]
    named = {name: value for name, value in fuzzed.known.items() if f"{{{name}}}" in path}
    # What is there, and what is not; forbidden are only ids, queries, headers and bodies that are broken themselves.
    ids = [named, {}] if named and mode is GenerationMode.POSITIVE else [{}]
    for parameters in ids:

        @PROFILE
        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=parameters or None))
        def call(case: Any) -> None:
            case.call_and_validate(headers=fuzzed.headers, checks=ALL_CHECKS)

        # Where anything is allowed there is nothing to forbid.
        with contextlib.suppress(*[Unsatisfiable] if mode is GenerationMode.NEGATIVE else []):
            call()
