"""HTTP to an app's public address, the local Fly's among them.

Names below `.localhost` mean this machine (RFC 6761), but Python's resolver does not know them:
the connection goes to 127.0.0.1, and the name travels in the Host header.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx


def open_web(url: str, timeout: float = 10.0) -> httpx.AsyncClient:
    """A client whose paths are below `url`; use it as an async context manager."""
    base, headers = address(url)
    return httpx.AsyncClient(
        base_url=base,
        headers=headers,
        timeout=timeout,
        trust_env=not headers,
        follow_redirects=False,
        transport=transport(),
    )


def transport() -> httpx.AsyncBaseTransport | None:
    """What carries the requests: httpx's own (None), but in a simulation."""
    return None


def address(url: str) -> tuple[str, dict[str, str]]:
    """Where to connect, and the headers that name the app if the address does not."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.endswith(".localhost"):
        return url, {}
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://127.0.0.1{port}", {"Host": f"{host}{port}"}
