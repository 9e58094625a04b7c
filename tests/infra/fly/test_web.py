"""How an app's public address is reached."""

from __future__ import annotations

import pytest
from flygate.fly.web import address, open_web


@pytest.mark.parametrize(
    ("url", "base", "headers"),
    [
        ("https://shop.fly.dev", "https://shop.fly.dev", {}),
        (
            "http://shop.localhost:4290",
            "http://127.0.0.1:4290",
            {"Host": "shop.localhost:4290"},
        ),
        ("http://shop.localhost", "http://127.0.0.1", {"Host": "shop.localhost"}),
        ("https://localhost.example.com", "https://localhost.example.com", {}),
    ],
)
def test_local_names_connect_to_this_machine(url: str, base: str, headers: dict[str, str]) -> None:
    """Python can't resolve them, so the name travels in the Host header."""
    assert address(url) == (base, headers)


async def test_a_local_address_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY of an office must not get requests for this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://203.0.113.1:3128")

    async with open_web("http://shop.localhost:1") as web:
        assert web.trust_env is False
        assert web.base_url == "http://127.0.0.1:1"
