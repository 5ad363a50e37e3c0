"""The client's network address, as far as it can be believed."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from shared.settings import settings


def of(headers: Mapping[str, str]) -> str | None:
    """The address as limits count it: IPv4 as it is, IPv6 by /64, which one customer has to themselves.

    Each proxy adds to X-Forwarded-For whom it was called by. Only the entries that proxies of ours added can
    be believed, so it is the last one, or the one that many before; whatever stands to its left is what
    the client wrote. None where no proxy of ours said anything, as on a developer's machine.
    """
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",")]
    trusted = settings().trusted_proxies
    if len(hops) < trusted:
        return None
    return _counted(hops[-trusted])


def _counted(hop: str) -> str | None:
    address = _parsed(hop)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, 64), strict=False))
    return None if address is None else str(address)


def _parsed(hop: str) -> IPv4Address | IPv6Address | None:
    """`203.0.113.7`, `203.0.113.7:51234`, `2001:db8::1`, `[2001:db8::1]:51234`; anything else is nobody."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return ip_address(hop)
    except ValueError:
        return None
