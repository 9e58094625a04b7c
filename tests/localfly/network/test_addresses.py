"""Loopback addresses of machines."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.errors import StartupError
from localfly.network.addresses import address_of, loopback_socket


@given(identifier=st.text("0123456789abcdef", min_size=14, max_size=14))
def test_addresses(identifier: str) -> None:
    """Loopback, off the common ones, and another one when the first is taken."""
    first = address_of(identifier, ())
    second = address_of(identifier, {first})
    assert address_of(identifier, ()) == first != second
    for address in (first, second):
        assert ipaddress.ip_address(address).is_loopback
        assert not address.startswith("127.0.")


def test_nothing_but_loopback_is_bound() -> None:
    """By construction: the only way to a socket refuses."""
    for address in ("0.0.0.0", "192.0.2.1"):  # noqa: S104 (it must be refused)
        with pytest.raises(StartupError, match="loopback only"):
            loopback_socket(address, 0)
