"""Sets of addresses, written as networks: exempt ones, refused ones, trusted proxies."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from .errors import PolicyError
from .keys import canonical


class Networks:
    """Addresses that lie in any of some networks."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Read networks (`10.0.0.0/8`, `2001:db8::/32`) and single addresses.

        Raises:
            PolicyError: one of them is neither.
        """
        self._networks = tuple(_network(text) for text in networks)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._networks)

    def __contains__(self, address: object) -> bool:
        """Whether an address, in any spelling, lies in one of them."""
        if not self._networks:
            return False
        found = canonical(str(address))
        return found is not None and self.has(found)

    def has(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a canonical address lies in one of them."""
        return any(address in network for network in self._networks)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip())
    except ValueError as error:
        raise PolicyError(
            f"a network is written like '10.0.0.0/8' or '2001:db8::/32'; found {text!r} ({error})"
        ) from error
