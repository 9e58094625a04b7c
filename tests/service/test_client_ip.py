"""Who is believed to be the client."""

from typing import Any

import pytest
from flygate_limiter import Networks
from flygate_service.asgi.messages import Receive, Scope, Send
from flygate_service.middleware.client_ip import ClientIpMiddleware

PROXIES = Networks(["10.0.0.0/8", "2001:db8:ee::/48"])


async def client(
    peer: str, *lines: str, on_fly: bool = False, suspicions: list[str] | None = None
) -> str:
    """The address that the middleware finds."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"][0])

    name = b"fly-client-ip" if on_fly else b"x-forwarded-for"
    scope: dict[str, Any] = {
        "type": "http",
        "client": (peer, 1),
        "headers": [(name, line.encode()) for line in lines],
    }
    note = suspicions.append if suspicions is not None else None
    middleware = ClientIpMiddleware(app, on_fly, PROXIES, note)
    await middleware(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["1.1.1.1, 192.0.2.7, 10.9.9.9"], "192.0.2.7"),
        ("10.0.0.1", ["1.1.1.1", "192.0.2.7", "10.9.9.9"], "192.0.2.7"),
        ("10.0.0.1", ["192.0.2.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("2001:db8:ee::1", ["2001:db8:1::7"], "2001:db8:1::7"),
    ],
)
async def test_right_to_left(peer: str, lines: list[str], expected: str) -> None:
    """The last address that is no trusted proxy is the client; what is left of it is hearsay."""
    assert await client(peer, *lines) == expected


async def test_on_fly() -> None:
    """On Fly its header is believed, and its absence means a caller on the private network."""
    assert await client("172.16.0.1", "192.0.2.7", on_fly=True) == "192.0.2.7"
    assert await client("fdaa::1", on_fly=True) == "fdaa::1"
    assert await client("fdaa::1", "nonsense", on_fly=True) == "fdaa::1"


async def test_a_forgotten_proxy_is_named() -> None:
    """A private peer that forwards for others, and is not trusted, is named."""
    suspicions: list[str] = []

    await client("192.168.1.4", "192.0.2.7", suspicions=suspicions)
    await client("8.8.8.8", "192.0.2.7", suspicions=suspicions)

    assert len(suspicions) == 1
    assert suspicions[0].startswith("192.168.1.4 sends X-Forwarded-For")
