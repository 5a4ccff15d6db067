"""The document says everything: statuses, bodies, examples, and names that people can read."""

import re
from typing import Any

import httpx
import msgspec
import pytest
from tests.unit.http.conftest import API, Site

from soundgraph.application.views import MeView, TrackView, UserView
from soundgraph.entrypoints.http.errors import Problem
from soundgraph.entrypoints.http.openapi import document

# Asked again, they come to the same: one mail more, one archive of an account, one processing of a track.
CREATES_NOTHING_TWICE = {
    "/auth/register",
    "/auth/verify-email/resend",
    "/auth/password/forgot",
    "/me/email",
    "/me/export",
    "/tracks/{track_id}/retry",
}
SUCCESS = re.compile(r"[23]\d\d")


@pytest.fixture
def described(site: Site) -> dict[str, Any]:
    return document(site.app)


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(method, one) for methods in described["paths"].values() for method, one in methods.items()]


async def test_it_is_what_is_served(http: httpx.AsyncClient, described: dict[str, Any]) -> None:
    assert (await http.get("/openapi.json")).json() == msgspec.json.decode(msgspec.json.encode(described))


def test_names_are_for_people(described: dict[str, Any]) -> None:
    names = described["components"]["schemas"]
    assert {"TrackPage", "MiniUserPage", "FeedItemPage", "TrackView", "Problem"} <= set(names)
    assert [name for name in names if not name.isalnum()] == []
    text = msgspec.json.encode(described).decode()
    referred = set(re.findall(r'"\$ref":"#/components/(\w+/\w+)"', text))
    assert referred <= {f"{kind}/{name}" for kind, found in described["components"].items() for name in found}
    assert "soundgraph." not in text


def test_every_refusal_is_the_shared_problem_with_an_example(described: dict[str, Any]) -> None:
    shared = described["components"]["responses"]
    for _, operation in operations(described):
        for status, answer in operation["responses"].items():
            if not SUCCESS.fullmatch(status) and (operation["operationId"], status) != ("ready", "503"):
                assert answer == {"$ref": f"#/components/responses/Problem{status}"}
    for name, answer in shared.items():
        media = answer["content"]["application/problem+json"]
        assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
        example = msgspec.convert(media["example"], Problem)
        assert name == f"Problem{example.status}"
    assert "Retry-After" in shared["Problem503"]["headers"]
    assert "WWW-Authenticate" in shared["Problem401"]["headers"]


def test_every_json_body_has_an_example_that_fits(described: dict[str, Any]) -> None:
    views = {"TrackView": TrackView, "UserView": UserView, "MeView": MeView}
    seen = set()
    for _, operation in operations(described):
        for answer in [operation.get("requestBody", {}), *operation["responses"].values()]:
            media = answer.get("content", {}).get("application/json")
            if media is not None and "$ref" in media["schema"]:
                name = media["schema"]["$ref"].rpartition("/")[2]
                seen.add(name)
                assert media["example"].keys() <= described["components"]["schemas"][name]["properties"].keys()
                if name in views:
                    msgspec.convert(media["example"], views[name])
    assert {"TrackView", "UserView", "MeView", "TrackPage", "LogInInput"} <= seen


def test_conditional_and_repeatable_requests_are_declared(described: dict[str, Any]) -> None:
    for method, operation in operations(described):
        names = [one["name"] for one in operation.get("parameters", [])]
        session = operation["security"] != [{}]
        resumable = "Tus-Resumable" in names
        readable = method == "get" and session and "200" in operation["responses"] and not resumable
        assert (names.count("If-None-Match"), "304" in operation["responses"]) == (int(readable), readable)
        assert ("If-Match" in names or resumable) == ("412" in operation["responses"])
    paths = described["paths"]
    (key,) = paths[f"{API}/tracks"]["post"]["parameters"]
    assert (key["name"], key["schema"]["minLength"], key["schema"]["maxLength"]) == ("Idempotency-Key", 1, 255)
    assert paths[f"{API}/tracks/{{track_id}}/stream"]["get"]["responses"]["302"].get("content") is None
    assert "Readiness" in str(paths["/health/ready"]["get"]["responses"]["503"])


def test_input_schemas_take_no_other_fields(described: dict[str, Any]) -> None:
    inputs = {name: one for name, one in described["components"]["schemas"].items() if name.endswith("Input")}
    assert len(inputs) >= 5
    assert all(one["additionalProperties"] is False for one in inputs.values())


def test_every_post_that_creates_takes_an_idempotency_key(described: dict[str, Any]) -> None:
    without = {
        path.removeprefix(API)
        for path, methods in described["paths"].items()
        for status in ("201", "202")
        if status in methods.get("post", {}).get("responses", {})
        and "Idempotency-Key" not in {one["name"] for one in methods["post"].get("parameters", [])}
    }
    assert without == CREATES_NOTHING_TWICE


def test_resumable_uploads_are_told_by_their_headers(described: dict[str, Any]) -> None:
    begun, upload = (described["paths"][path] for path in ("/api/v1/uploads", "/api/v1/uploads/{upload_id}"))
    assert (set(begun), set(upload)) == ({"options", "post"}, {"get", "head", "patch", "post", "delete"})
    assert {"Location", "Upload-Expires", "Tus-Resumable"} <= set(begun["post"]["responses"]["201"]["headers"])
    assert "Upload-Offset" in upload["head"]["responses"]["200"]["headers"]
    required = {one["name"] for one in upload["patch"]["parameters"] if one["required"]}
    assert required == {"upload_id", "Tus-Resumable", "Upload-Offset"}
    assert "application/offset+octet-stream" in upload["patch"]["description"]
    assert {"409", "410", "412", "413", "415", "460"} <= set(upload["patch"]["responses"])
