"""Two API processes on one PostgreSQL and one Redis: what one does to an account or a key, the other knows."""

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import jwt
import pytest
from tests.e2e.product import Command, Deployed, Json, Person, eventually
from tests.ports import free_port

from soundgraph.entrypoints.settings import PREFIX

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("e2e")]
# What is promised to whoever suspends an account.
WITHIN_SECONDS = 2.0


@pytest.fixture(scope="module")
def other(deployment: Deployed) -> Iterator[httpx.Client]:
    """A client of a second API process, on another port."""
    port = free_port()
    environ = {**deployment.environ, f"{PREFIX}PORT": str(port)}
    log = deployment.home.with_name("other-api.txt")
    with (
        Command("api", environ=environ, log=log) as running,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as http,
    ):

        def ready() -> bool:
            assert running.runs(), running.said
            try:
                return http.get("/health/ready").status_code == 200
            except httpx.TransportError:
                return False

        eventually(ready, 60, hoping="that the second process gets ready")
        yield http


@pytest.fixture(scope="module")
def worker(deployment: Deployed) -> Iterator[Command]:
    """Who sends the mails."""
    with deployment.run("worker") as running:
        yield running


@pytest.fixture
def ada(deployment: Deployed, worker: Command) -> Person:
    return deployment.join("ada")


def run(deployment: Deployed, *arguments: str) -> None:
    """Run one of the commands to its end; it has to succeed."""
    asked = [sys.executable, "-m", "soundgraph.entrypoints.cli.main", *arguments]
    done = subprocess.run(asked, env=deployment.environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def outcome(http: httpx.Client, token: str) -> tuple[int, str]:
    """Who one is, as the process behind `http` says."""
    answer = http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json().get("code", "")


def refreshed(http: httpx.Client, token: str) -> tuple[int, Json]:
    answer = http.post("/api/v1/auth/refresh", json={"refresh_token": token})
    return answer.status_code, answer.json()


def test_a_suspended_account_is_out_in_both_within_two_seconds(
    deployment: Deployed, other: httpx.Client, ada: Person
) -> None:
    token, processes = ada.session["access_token"], (deployment.visitor(), other)
    assert [outcome(one, token) for one in processes] == [(200, "")] * 2
    run(deployment, "admin", "suspend", ada.handle)
    suspended = time.monotonic()
    eventually(
        lambda: [outcome(one, token) for one in processes] == [(403, "account_suspended")] * 2,
        WITHIN_SECONDS,
        hoping="that both refuse",
    )
    assert time.monotonic() - suspended < WITHIN_SECONDS
    for one in processes:
        assert refreshed(one, ada.session["refresh_token"])[1]["code"] == "account_suspended"
    run(deployment, "admin", "unsuspend", ada.handle)
    assert [outcome(one, token) for one in processes] == [(200, "")] * 2


def test_a_spent_refresh_token_at_one_ends_the_family_at_the_other(
    deployment: Deployed, other: httpx.Client, ada: Person
) -> None:
    here, spent = deployment.visitor(), ada.session["refresh_token"]
    status, second = refreshed(other, spent)
    assert status == 200
    status, third = refreshed(here, second["refresh_token"])
    assert status == 200
    assert outcome(other, third["access_token"]) == (200, "")
    status, refusal = refreshed(here, spent)
    assert (status, refusal["code"]) == (401, "token_reused")
    for token in (ada.session["access_token"], second["access_token"], third["access_token"]):
        assert outcome(other, token) == (401, "session_ended")
    status, refusal = refreshed(other, third["refresh_token"])
    assert (status, refusal["code"]) == (401, "session_ended")


def test_tokens_of_a_new_key_are_taken_by_both_within_seconds(
    deployment: Deployed, other: httpx.Client, ada: Person
) -> None:
    here = deployment.visitor()
    old, refresh = ada.session["access_token"], ada.session["refresh_token"]
    before = jwt.get_unverified_header(old)["kid"]
    run(deployment, "keys", "rotate")
    session: Json = ada.session

    def signed_anew() -> str | None:
        nonlocal session, refresh
        session = refreshed(here, refresh)[1]
        refresh = session["refresh_token"]
        kid: str = jwt.get_unverified_header(session["access_token"])["kid"]
        return kid if kid != before else None

    kid = eventually(signed_anew, 10, hoping="that the new key signs")
    assert [outcome(one, session["access_token"]) for one in (other, here)] == [(200, "")] * 2
    assert [outcome(one, old) for one in (other, here)] == [(200, "")] * 2
    for one in (here, other):
        published = {key["kid"] for key in one.get("/.well-known/jwks.json").json()["keys"]}
        assert published == {before, kid}
