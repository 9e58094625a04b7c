"""Redis URLs: what is understood, and that a password shows nowhere."""

import ssl

import pytest
from flygate_limiter import AddressError
from flygate_limiter.redis.address import RedisAddress


def test_a_full_url() -> None:
    """Every part of a URL is read, percent-encoding undone."""
    address = RedisAddress.parse("rediss://us%40er:p%2Fw@redis.example:6380/3?ssl_ca_certs=/ca.pem")

    assert address == RedisAddress(
        "redis.example", 6380, "us@er", "p/w", 3, tls=True, ca_file="/ca.pem"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", RedisAddress("h")),
        ("redis://:pw@h:1/", RedisAddress("h", 1, password="pw")),
        ("redis://[fdaa::3]:6379", RedisAddress("fdaa::3")),
        (
            "redis://default:pw@fly-x.upstash.io",
            RedisAddress("fly-x.upstash.io", 6379, "default", "pw"),
        ),
    ],
)
def test_short_urls(url: str, expected: RedisAddress) -> None:
    """What is left out has Redis's own defaults."""
    assert RedisAddress.parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://canary:canary@h",
        "redis://",
        "redis://:canary@h:port",
        "redis://:canary@h/zero",
        "redis://:canary@h:99999",
        f"redis://:canary@h:{'9' * 5000}",
        f"redis://:canary@h/{'9' * 4000}",
        f"redis://:canary@h/{'9' * 5000}",
        "redis://:canary@h/\u00b2",
        "redis://:canary@h?ssl_cert_reqs=none",
        "redis://:canary@h?canary",
        "canary",
    ],
)
def test_what_is_not_understood(url: str) -> None:
    """An error says what a URL looks like, and nothing of what was found: it may be a password."""
    with pytest.raises(AddressError, match="a Redis URL has") as refused:
        RedisAddress.parse(url)

    assert "canary" not in str(refused.value)


def test_a_password_is_not_shown() -> None:
    """Neither a repr nor a text of an address has the password."""
    address = RedisAddress.parse("redis://user:canary@[::1]:7000/1")

    assert "canary" not in repr(address)
    assert str(address) == "[::1]:7000"


def test_certificates_are_checked() -> None:
    """TLS checks the chain and the name; there is no way to turn that off."""
    context = RedisAddress.parse("rediss://h").context()

    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert RedisAddress.parse("redis://h").context() is None


def test_a_missing_file_of_certificates() -> None:
    """A file that cannot be read is named when the store is made, not when it is asked."""
    with pytest.raises(AddressError, match=r"certificates can be read from /nowhere/ca\.pem"):
        RedisAddress.parse("rediss://h?ssl_ca_certs=/nowhere/ca.pem").context()


def test_another_node() -> None:
    """A cluster's redirection changes where, and keeps how to get in."""
    address = RedisAddress.parse("rediss://user:pw@h:7000/0")

    assert address.at("10.0.0.2:7001") == RedisAddress("10.0.0.2", 7001, "user", "pw", 0, tls=True)
    assert address.at("fdaa::2:7001").host == "fdaa::2"
    assert address.at(":7001").host == "h"
