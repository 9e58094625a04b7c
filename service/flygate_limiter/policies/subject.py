"""The subject of a bucket as an operator writes it, found as for a request of that client."""

from __future__ import annotations

from ipaddress import ip_network

from flygate_limiter.client_key import UNKNOWN, canonical, client_key
from flygate_limiter.errors import KeyFunctionError, PolicyError, shown
from flygate_limiter.networks import client_network, lies_in
from flygate_limiter.request import Request

from .key_function import UserKeyFunction, by_everyone
from .policy import Policy


def subject_of(policy: Policy, text: str) -> str:
    """Return the subject that a policy charges for an address, a network or a header's value.

    Raises:
        PolicyError: the policy has no such bucket; the message says which it has.
    """
    if policy.key is by_everyone:
        if text != "everyone":
            raise _refused(policy, text, "has one bucket for all", "everyone")
        return text
    if text == UNKNOWN or canonical(text) is not None:
        return _of_address(policy, text)
    if isinstance(policy.key, UserKeyFunction):
        return text  # only the application's function knows what it may give
    name, equals, value = text.partition("=")
    return _of_header(policy, name, value, text) if equals else _of_network(policy, text)


def _of_address(policy: Policy, text: str) -> str:
    client = client_key(text)
    try:
        found = policy.key(Request(client, address=text))
    except KeyFunctionError as exc:
        raise PolicyError(f"policy {policy.name!r}: {exc}; write the bucket's name") from exc
    if found != client and not _has(found, client):
        # An application's function may put many clients into one bucket.
        raise _refused(policy, text, "charges it to a bucket that it may share", found)
    return found


def _of_header(policy: Policy, name: str, value: str, text: str) -> str:
    header = {name.lower(): value}.get
    found = policy.key(Request(UNKNOWN, header=header))
    if not value or found != f"{name.lower()}={value}":
        raise _refused(policy, text, "has no buckets by that header", _example(policy))
    return found


def _of_network(policy: Policy, text: str) -> str:
    """Read a key as it is shown: `2001:db8:1:2::/64`."""
    try:
        network = client_network(text)
    except PolicyError:
        raise _refused(policy, text, "knows clients by address", _example(policy)) from None
    address = str(network.network_address)
    found = policy.key(Request(client_key(address), address=address))
    if found != str(network):
        raise _refused(policy, text, "has no bucket of that size", found)
    return found


def _has(network: str, client: str) -> bool:
    """Whether a key is that of a network in which a client is."""
    try:
        return lies_in(ip_network(client), ip_network(network))
    except ValueError:
        return False


def _example(policy: Policy) -> str:
    return policy.key(Request("192.0.2.1", address="192.0.2.1"))


def _refused(policy: Policy, text: str, has: str, nearest: str) -> PolicyError:
    return PolicyError(
        f"key: found {shown(text)}; policy {policy.name!r} {has}; write key={nearest}"
    )
