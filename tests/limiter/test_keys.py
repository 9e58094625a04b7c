"""Who is asking, in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.limiter import client_key


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
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


def test_another_prefix() -> None:
    """The size of the group can be chosen."""
    assert client_key("2001:db8:1:2::1", prefix=48) == "2001:db8:1::/48"


def _ipv6(number: int) -> str:
    text = f"{number:032x}"
    return ":".join(text[start : start + 4] for start in range(0, 32, 4))
