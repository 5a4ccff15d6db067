"""What every collection of sign-in providers promises."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from tests import openid

from soundgraph.adapters.memory.federation import PlainProviders
from soundgraph.adapters.oidc.providers import OidcProviders, ProviderSettings
from soundgraph.adapters.system import SystemClock, SystemRandomness
from soundgraph.application.identity import Providers, Trip
from soundgraph.domain.errors import NotFound, Unauthenticated
from soundgraph.domain.federation import Person

ANN = Person(issuer="", subject="1", email="ann@example.org", email_verified=True, name="Ann")


@dataclass
class Case:
    """Providers, the name of the one there is, and how a browser gets a code for Ann from it."""

    providers: Providers
    name: str
    provider: openid.Provider | None = None

    def code(self, address: str) -> str:
        if self.provider is None:
            assert isinstance(self.providers, PlainProviders)
            self.providers.people["code"] = ANN
            return "code"
        return parse_qs(urlsplit(self.provider.authorize(address)).query)["code"][0]


@pytest.fixture(params=["memory", "oidc"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "memory":
        yield Case(PlainProviders(), "plain")
        return
    with openid.running() as provider:
        one = ProviderSettings("ours", provider.url + openid.WELL_KNOWN, openid.CLIENT_ID, openid.CLIENT_SECRET)
        yield Case(OidcProviders([one], SystemClock()), "ours", provider)


def a_trip() -> Trip:
    token = SystemRandomness().token
    return Trip("http://localhost/back", state=token(), nonce=token(), verifier=token())


async def test_the_address_carries_state_and_where_to_come_back_to(case: Case) -> None:
    trip = a_trip()
    query = parse_qs(urlsplit(await case.providers.address(case.name, trip)).query)
    assert (query["state"], query["redirect_uri"], query["nonce"]) == ([trip.state], [trip.redirect_uri], [trip.nonce])
    assert trip.verifier not in str(query)


async def test_a_code_stands_for_a_person_once(case: Case) -> None:
    trip = a_trip()
    code = case.code(await case.providers.address(case.name, trip))
    person = await case.providers.person(case.name, trip, code)
    assert (person.subject, person.email, person.email_verified, person.name) == ("1", ANN.email, True, "Ann")
    with pytest.raises(Unauthenticated) as caught:
        await case.providers.person(case.name, trip, code)
    assert caught.value.code == "provider_refused"


async def test_what_nobody_configured_is_off(case: Case) -> None:
    assert case.name in case.providers.names()
    for call in (case.providers.address("other", a_trip()), case.providers.person("other", a_trip(), "code")):
        with pytest.raises(NotFound) as caught:
            await call
        assert caught.value.code == "feature_off"


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {SystemRandomness().token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(one) == 43 and one.replace("-", "").replace("_", "").isalnum() for one in tokens)
