"""Where a request comes from, as far as it can be believed."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from litestar.connection import ASGIConnection

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What one customer of a provider gets at least (RFC 6177), so nobody has more than one limit by changing address.
IPV6_PREFIX = 64


def address_of(connection: ASGIConnection[Any, Any, Any, Any], trusted: Sequence[Network]) -> str:
    """The address of the client, or the empty text where there is none, as on a Unix socket."""
    peer = connection.client.host if connection.client else ""
    return client_address(peer, connection.headers.getall("x-forwarded-for", []), trusted)


def client_address(peer: str, forwarded: Iterable[str], trusted: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy.

    `forwarded` holds the X-Forwarded-For headers in order. Each proxy appends whom it heard from, so they are read from
    the right, and only as far as trusted proxies wrote them: what a client wrote itself is never reached.
    """
    here = parsed(peer)
    if here is None:
        return peer
    hops = [hop for line in forwarded for hop in line.split(",")]
    while hops and any(here in network for network in trusted):
        before = parsed(hops.pop())
        if before is None:
            break
        here = before
    return str(here)


def subject_of(address: str) -> str:
    """Whom an address counts for: itself in IPv4, its /64 in IPv6."""
    found = parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((int(found), IPV6_PREFIX), strict=False))
    return address if found is None else str(found)


def parsed(text: str) -> Address | None:
    """An address, with or without a port, or None. One of IPv4 that is written in IPv6 is of IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
