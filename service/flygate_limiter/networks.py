"""Sets of addresses, written as networks: exempt ones, refused ones, trusted proxies."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from .client_key import CARRIERS, canonical, carried, client_address
from .errors import PolicyError, shown

Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class Networks:
    """Addresses that lie in any of some networks.

    Args:
        networks: `10.0.0.0/8`, `2001:db8::/32`, and single addresses.
        as_written: take addresses for what they are, and not for the IPv4 address of a client that
            they carry: for networks that are trusted.

    Raises:
        PolicyError: one of them is no network, or one in which no address ever is.
    """

    def __init__(self, networks: Iterable[str] = (), as_written: bool = False) -> None:
        """Read the networks."""
        self._read = canonical if as_written else client_address
        self._networks = tuple(
            _as_written(text) if as_written else client_network(text) for text in networks
        )

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._networks)

    def __contains__(self, address: object) -> bool:
        """Whether an address, in any spelling, lies in one of them."""
        if not self._networks:
            return False
        found = self._read(str(address))
        return found is not None and self.has(found)

    def has(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a canonical address lies in one of them."""
        return any(address in network for network in self._networks)

    def within(self, other: "Networks") -> list[str]:
        """Return those that lie wholly in one of the other networks."""
        return [
            str(network)
            for network in self._networks
            if any(lies_in(network, larger) for larger in other._networks)
        ]


def client_network(text: str) -> Network:
    """Return the network of clients that a text is about: a network or an address.

    Raises:
        PolicyError: it is none, or no client is ever known by an address in it.
    """
    network = _as_written(text)
    if not isinstance(network, IPv6Network):
        return network
    if network.prefixlen == network.max_prefixlen:
        return ip_network(carried(network.network_address))
    if any(network.subnet_of(carrier) for carrier in CARRIERS):
        raise PolicyError(
            f"no client is known by an address in {shown(text)}, but by the IPv4 address that it"
            f" carries; write {_nearest(network)!r}"
        )
    return network


def lies_in(network: Network, larger: Network) -> bool:
    """Whether all addresses of a network are in another one."""
    if isinstance(network, IPv4Network) and isinstance(larger, IPv4Network):
        return network.subnet_of(larger)
    if isinstance(network, IPv6Network) and isinstance(larger, IPv6Network):
        return network.subnet_of(larger)
    return False


def _as_written(text: str) -> Network:
    try:
        network = ip_network(text.strip())
    except ValueError as exc:
        raise PolicyError(
            "a network is written like '10.0.0.0/8' or '2001:db8::/32';"
            f" found {shown(text)} ({_why(text, exc)})"
        ) from exc
    if not isinstance(network, IPv6Network) or not network.subnet_of(_MAPPED):
        return network
    if network.prefixlen == _MAPPED.prefixlen:
        raise PolicyError(f"no address is ever in {shown(text)}; all of IPv4 is '0.0.0.0/0'")
    return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))


def _why(text: str, error: ValueError) -> str:
    try:
        return f"it has bits beyond its size; write '{ip_network(text.strip(), strict=False)}'"
    except ValueError:
        return str(error)[:200]


def _nearest(network: IPv6Network) -> str:
    """Return the smallest IPv4 network with all addresses that a network of carriers has."""
    first, last = carried(network[0]), carried(network[-1])
    low, high = sorted((int(first), int(last)))
    return str(IPv4Network((low, 32 - (low ^ high).bit_length()), strict=False))
