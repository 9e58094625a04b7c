"""Who is asking: one spelling for each client, so that no client has two buckets."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

UNKNOWN: Final = "unknown"


# Parsing an address costs more than the decision; the cache is bounded, and a flood of
# addresses only makes it useless, not large.
@lru_cache(maxsize=4096)
def client_key(address: str, prefix: int = 64) -> str:
    """The bucket's name for a client's address.

    IPv4 addresses stand for themselves, also when written as IPv6 (`::ffff:192.0.2.1`). IPv6
    addresses are grouped by their first `prefix` bits: a home or a server has at least a /64 of
    them to change at will. What is no address shares one bucket, rather than none.
    """
    found = canonical(address)
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network((found.packed, prefix), strict=False))


@lru_cache(maxsize=4096)
def canonical(address: str) -> IPv4Address | IPv6Address | None:
    """Read an address in any spelling; fold IPv4-mapped IPv6 into IPv4; None if it is none."""
    try:
        found = ip_address(address.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
