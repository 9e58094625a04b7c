"""The key of a client: one spelling for each address, so that no client has two buckets."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

UNKNOWN: Final = "unknown"

# Where an IPv6 address carries an IPv4 one, and how: by its network, the bits behind the address.
# The whole internet of IPv4 is in one /64 of a translator's; one IPv4 host has a /48 of 6to4.
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # RFC 6052
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")  # RFC 3056
_TEREDO: Final = IPv6Network("2001::/32")  # RFC 4380: the client's own address, inverted
CARRIERS: Final = (_TRANSLATED, _SIX_TO_FOUR, _TEREDO)

_ALL_ONES: Final = 0xFFFF_FFFF


# Parsing an address costs more than the decision; the cache is bounded, and a flood of
# addresses only makes it useless, not large.
@lru_cache(maxsize=4096)
def client_key(address: str, prefix: int = 64) -> str:
    """Return the bucket's name for a client's address.

    IPv4 addresses stand for themselves, also when an IPv6 address carries them (`client_address`).
    IPv6 addresses are grouped by their first `prefix` bits: a home or a server has at least a /64
    of them to change at will. What is no address shares one bucket, rather than none.
    """
    found = client_address(address)
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv4Address):
        return str(found)
    return str(ip_network((found.packed, prefix), strict=False))


@lru_cache(maxsize=4096)
def client_address(address: str) -> IPv4Address | IPv6Address | None:
    """Return the client's address: the IPv4 one that a mapped, translated, 6to4 or Teredo carries.

    Not for trust: an address that carries a proxy's is not the proxy's.
    """
    found = canonical(address)
    return carried(found) if isinstance(found, IPv6Address) else found


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


def carried(address: IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address carries for its client, or itself."""
    bits = int(address)
    if address in _TRANSLATED:
        return IPv4Address(bits & _ALL_ONES)
    if address in _SIX_TO_FOUR:
        return IPv4Address(bits >> 80 & _ALL_ONES)
    if address in _TEREDO:
        return IPv4Address(~bits & _ALL_ONES)
    return address
