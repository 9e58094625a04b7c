"""The key of a client, in one spelling."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from flygate_limiter import Networks, client_key
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("2002:c000:0201:5:6:7:8:9", "192.0.2.1"),
        ("2002:c000:0201::", "192.0.2.1"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
        ("64:ff9b:1::192.0.2.1", "64:ff9b:1::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("localhost", "unknown"),
        ("192.0.2.01", "unknown"),
        ("192.0.2.1, 10.0.0.1", "unknown"),
    ],
)
def test_one_spelling(address: str, expected: str) -> None:
    """Each spelling of an address names the same bucket; what is no address shares one."""
    assert client_key(address) == expected


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_home_network_is_one_client(one: int, other: int) -> None:
    """Rotating through the addresses of a /64 gives no new bucket."""
    prefix = 0x2001_0DB8_0000_0042 << 64
    groups = {client_key(_ipv6(prefix | host)) for host in (one, other)}

    assert len(groups) == 1


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_a_carried_address_is_one_client(address: IPv4Address, rest: int) -> None:
    """However IPv6 carries an IPv4 address, it names that one's bucket; for trust it does not."""
    carriers = [
        IPv6Address(0x64_FF9B << 96 | int(address)),
        IPv6Address(0x2002 << 112 | int(address) << 80 | rest),
        IPv6Address(0x2001 << 112 | (rest % 2**64) << 32 | int(address) ^ 0xFFFF_FFFF),
        IPv6Address(0xFFFF << 32 | int(address)),
    ]

    assert {client_key(str(carrier)) for carrier in carriers} == {str(address)}
    assert all(carrier in Networks([str(address)]) for carrier in carriers)
    trusted = Networks([str(address)], as_written=True)
    assert [carrier in trusted for carrier in carriers] == [False, False, False, True]


def test_another_prefix() -> None:
    """The size of the group can be chosen."""
    assert client_key("2001:db8:1:2::1", prefix=48) == "2001:db8:1::/48"


def _ipv6(number: int) -> str:
    text = f"{number:032x}"
    return ":".join(text[start : start + 4] for start in range(0, 32, 4))
