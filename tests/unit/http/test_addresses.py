"""Whose address counts."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.http.conftest import API, HERE, PASSWORD, Site, client_of

from soundgraph.adapters.memory.app import memory_app
from soundgraph.entrypoints.http.addresses import client_address, subject_of
from soundgraph.entrypoints.http.app import Services, build_app

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),  # nobody whom we trust said so
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),  # the client wrote the first one
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.9.9.9 ,fd00::1"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 10.1.1.1, 1.2.3.4, 10.2.2.2"], "1.2.3.4"),
        ("10.0.0.1", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", ["1.2.3.4, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4, unknown, 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4,"], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.1", ["[2001:db8::7]:5678"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:1.2.3.4"], "1.2.3.4"),
        ("fd00::5%eth0", ["1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["999.1.1.1"], "127.0.0.1"),
        ("", ["1.2.3.4"], ""),
        ("testclient", ["1.2.3.4"], "testclient"),
    ],
)
def test_only_what_trusted_proxies_wrote_is_believed(peer: str, forwarded: list[str], believed: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == believed
    assert client_address(peer, forwarded, []) in (peer, peer.removeprefix("::ffff:"), peer.partition("%")[0])


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_ipv6_counts_by_64(address: str, subject: str) -> None:
    assert subject_of(address) == subject


@given(st.lists(st.text(max_size=40), max_size=4))
def test_nothing_in_the_header_is_an_error(forwarded: list[str]) -> None:
    assert subject_of(client_address("10.0.0.1", forwarded, PROXIES)) != ""


async def test_the_device_list_has_the_address_behind_the_proxy() -> None:
    world = memory_app(base_url=HERE)
    site = Site(world)
    token = await site.register("annika")
    client = client_of(build_app(Services(world.use, HERE, b"k", trusted_proxies=PROXIES)))
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7"}
    asked = {"token": token, "transport": "bearer"}
    assert (await client.post(f"{API}/auth/verify-email", json=asked, headers=headers)).status_code == 200
    login = {"login": "annika", "password": PASSWORD, "transport": "bearer"}
    assert (await client.post(f"{API}/auth/login", json=login)).status_code == 200
    assert [one.address for one in world.database.tables.families.values()] == ["203.0.113.7", "127.0.0.1"]
