"""Other quotas for some keys: for addresses and whole networks, for header values, for names."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Final, TypeVar

from flygate_limiter.client_key import UNKNOWN, client_key
from flygate_limiter.errors import PolicyError, shown
from flygate_limiter.networks import Network, client_network, lies_in
from flygate_limiter.quota import Quota

_Named = TypeVar("_Named", str, Network)

_KNOWN_SUBJECTS: Final = 4_096


class Overrides(Mapping[str, Quota]):
    """The quotas of some keys. A network's is that of each client in it; the smallest one counts.

    Attributes:
        quotas: by key.
        networks: by network, where keys are those of clients.
    """

    def __init__(self, quotas: Mapping[str, Quota], networks: Mapping[Network, Quota]) -> None:
        """Take them as they are; see `of_clients` and the others."""
        self.quotas = dict(quotas)
        largest_last = sorted(networks.items(), key=lambda pair: -pair[0].prefixlen)
        self.networks = dict(largest_last)
        self._known: dict[str, Quota | None] = {}

    def __getitem__(self, subject: str) -> Quota:
        """Return the quota of a key."""
        found = self.quotas.get(subject)
        if found is None and self.networks:
            found = self._by_network(subject)
        if found is None:
            raise KeyError(subject)
        return found

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys and networks."""
        yield from self.quotas
        yield from map(str, self.networks)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.quotas) + len(self.networks)

    def _by_network(self, subject: str) -> Quota | None:
        known = self._known
        if subject not in known:
            if len(known) >= _KNOWN_SUBJECTS:
                known.clear()
            known[subject] = self._look_up(subject)
        return known[subject]

    def _look_up(self, subject: str) -> Quota | None:
        try:
            client = client_network(subject)
        except PolicyError:  # a header's value, say
            return None
        return next((q for network, q in self.networks.items() if lies_in(client, network)), None)


def of_clients(quotas: Mapping[str, Quota], prefix: int = 64) -> Overrides:
    """Read overrides for clients that are known by address, or by their IPv6 network of a size.

    Raises:
        PolicyError: a key is none, or smaller than what a client is known by.
    """
    keys: dict[str, Quota] = {}
    networks: dict[Network, Quota] = {}
    for text, quota in quotas.items():
        _note(text, quota, prefix, keys, networks)
    return Overrides(keys, networks)


def of_header(quotas: Mapping[str, Quota], name: str) -> Overrides:
    """Read overrides for values of a header, `name=value`, and for clients that send none.

    Raises:
        PolicyError: a key is neither.
    """
    prefix, clients = f"{name}=", {}
    keys: dict[str, Quota] = {}
    for text, quota in quotas.items():
        given, equals, value = text.partition("=")
        if not equals and _is_client(text):
            clients[text] = quota
            continue
        nearest = prefix + (value if equals else text).strip()
        # A header's name may be in any case, as it may where the policy's key is named.
        is_meant = equals and given.lower() == name and value and value == value.strip()
        if not is_meant:
            reason = f"keys are values of {name}, or the addresses of clients without it"
            raise _refused(text, reason, nearest)
        _add(keys, nearest, quota, text)
    others = of_clients(clients)
    return Overrides({**keys, **others.quotas}, others.networks)


def of_everyone(quotas: Mapping[str, Quota]) -> Overrides:
    """Read overrides for the one bucket that all share.

    Raises:
        PolicyError: a key is another one.
    """
    for text in quotas:
        if text != "everyone":
            raise _refused(text, "there is one bucket for all", "everyone")
    return Overrides(quotas, {})


def _note(
    text: str,
    quota: Quota,
    prefix: int,
    keys: dict[str, Quota],
    networks: dict[Network, Quota],
) -> None:
    if text == UNKNOWN:
        _add(keys, text, quota, text)
        return
    try:
        network = client_network(text)
    except PolicyError as exc:
        raise PolicyError(f"an override is of an address or a network; {exc}") from exc
    if network.prefixlen == network.max_prefixlen:
        _add(keys, client_key(str(network.network_address), prefix), quota, text)
    elif isinstance(network, IPv4Network):
        _add(networks, network, quota, text)
    elif network.prefixlen == prefix:
        _add(keys, str(network), quota, text)
    elif network.prefixlen < prefix:
        _add(networks, network, quota, text)
    else:
        nearest = str(network.supernet(new_prefix=prefix))
        raise _refused(text, f"clients are known by their /{prefix}", nearest)


def _add(known: dict[_Named, Quota], name: _Named, quota: Quota, text: str) -> None:
    if name in known:
        raise PolicyError(f"two overrides are of {str(name)!r}; the second is {shown(text)}")
    known[name] = quota


def _is_client(text: str) -> bool:
    try:
        return text == UNKNOWN or bool(client_network(text))
    except PolicyError:
        return False


def _refused(text: str, reason: str, nearest: str) -> PolicyError:
    return PolicyError(
        f"an override can never match; found {shown(text)}: {reason}; write {nearest!r}"
    )
