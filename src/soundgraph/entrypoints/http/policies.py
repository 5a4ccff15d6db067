"""Who may call a route, how often, and what its documentation says. Every route declares it with one of the helpers
below; `limits` adds rules to the general one.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from inspect import cleandoc
from typing import Any

from litestar.openapi.datastructures import ResponseSpec

from soundgraph.application.limits import Rule
from soundgraph.domain.errors import Forbidden, LimitReached, Unauthenticated, Unavailable
from soundgraph.entrypoints.http.errors import (
    PROBLEM_JSON,
    Malformed,
    Problem,
    TooLarge,
    WrongMediaType,
    status_of,
)

ALWAYS = (Malformed, LimitReached, Exception, Unavailable)
SESSION = (Unauthenticated, Forbidden)
BODY = (TooLarge, WrongMediaType)

BEARER, COOKIE = "bearer", "cookie"


class Policy(StrEnum):
    """Who may call a route. A route without one is refused to everybody."""

    OPEN = "open"
    """Anyone; no session is looked at: the login side, pages, health, media behind signed URLs."""
    PUBLIC = "public"
    """Anyone; whoever has a session is shown things as themself."""
    MEMBER = "member"
    """Whoever is logged in."""
    NOBODY = "nobody"
    """Not to be reached at all."""


def open_route(documents: object, *refusals: type[Exception], **more: Any) -> dict[str, Any]:
    """Arguments of a route decorator, for a route that looks at no session. `documents` lends its docstring."""
    return _route(Policy.OPEN, documents, refusals, security=[{}], **more)


def public_route(documents: object, *refusals: type[Exception], **more: Any) -> dict[str, Any]:
    """Arguments of a route decorator, for a route that anyone may call, as themself if they have a session."""
    security: list[dict[str, list[str]]] = [{}, {BEARER: []}, {COOKIE: []}]
    return _route(Policy.PUBLIC, documents, (*SESSION, *refusals), security=security, **more)


def member_route(documents: object, *refusals: type[Exception], **more: Any) -> dict[str, Any]:
    """Arguments of a route decorator, for a route that needs a session."""
    security: list[dict[str, list[str]]] = [{BEARER: []}, {COOKIE: []}]
    return _route(Policy.MEMBER, documents, (*SESSION, *refusals), security=security, **more)


def _route(
    policy: Policy,
    documents: object,
    refusals: tuple[type[Exception], ...],
    limits: Sequence[Rule] = (),
    **more: Any,
) -> dict[str, Any]:
    summary, description = _described(documents)
    statuses = sorted({status_of(one) for one in (*ALWAYS, *refusals)})
    responses = {
        int(status): ResponseSpec(Problem, generate_examples=False, description=status.phrase, media_type=PROBLEM_JSON)
        for status in statuses
    }
    documented = {"summary": summary, "description": description, "responses": responses}
    return {"opt": {"policy": policy, "limits": limits}, **documented, **more}


def _described(documents: object) -> tuple[str, str]:
    """The first sentence, and all of it. What is raised is told by the declared statuses instead."""
    text = re.sub(r"\s*\bRaises .*", "", cleandoc(documents.__doc__ or ""), flags=re.DOTALL)
    sentence, _, _ = text.partition(". ")
    return sentence.partition("\n")[0].rstrip("."), text
