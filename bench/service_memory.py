"""What clients and open connections cost in memory."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final

from websockets.asyncio.client import connect

from bench import page
from bench.http_load import Connections
from bench.service_process import HOST, Guest, service

_CLIENTS: Final = (250, 1_000, 100_000)
_CONNECTIONS: Final = 1_000
_GUEST: Final = Guest("", 256)
# All clients owe something: a client that does not takes no memory at all.
_LIMITS: Final = {"RATE_LIMIT_RPM": "1", "RATE_LIMIT_BURST": "3"}
_MIB: Final = 1_048_576


async def report() -> list[str]:
    """The table, as lines."""
    rows = [*await _clients(), *await _connections()]
    return [
        "### Memory",
        "",
        "Clients who each have asked, and whose buckets are not full again; and connections that"
        " are only open.",
        "",
        page.table(["", "the limiter holds", "the process holds, MiB", "more than before"], rows),
        "",
    ]


async def _clients() -> list[list[str]]:
    rows = []
    async with service(_GUEST, **_LIMITS) as server:
        asks = _asks()
        seen, before = 1, server.resident_mib
        rows.append(["none", "", f"{before:.1f}", ""])
        for number in _CLIENTS:
            async with Connections.open(HOST, server.port, 50) as opened:
                while seen < number:
                    wanted = min(50, number - seen)
                    seen += wanted
                    await opened.first(wanted).ask_once(lambda: next(asks))
            held = await server.metric("flygate_limiter_memory_bytes") / _MIB
            now = server.resident_mib
            name = f"{number:,} clients"
            rows.append([name, f"{held:.2f} MiB", f"{now:.1f}", f"{now - before:.1f}"])
    return rows


async def _connections() -> list[list[str]]:
    rows = []
    environment = {"SERVICE_APP": "bench.websockets_app:app", "RATE_LIMIT_MODE": "off"}
    async with service(_GUEST, **environment) as server:
        before = server.resident_mib
        async with Connections.open(HOST, server.port, _CONNECTIONS) as opened:
            await opened.ask_once()
            rows.append(_row(f"{_CONNECTIONS:,} idle connections", server.resident_mib, before))
    async with service(_GUEST, **environment) as server, AsyncExitStack() as stack:
        before = server.resident_mib
        for _ in range(_CONNECTIONS):
            socket = await stack.enter_async_context(connect(f"ws://{HOST}:{server.port}/"))
            await socket.send("hello")
            await socket.recv()
        rows.append(_row(f"{_CONNECTIONS:,} open WebSockets", server.resident_mib, before))
    return rows


def _row(name: str, now: float, before: float) -> list[str]:
    each = (now - before) * 1_024 / _CONNECTIONS
    return [name, "", f"{now:.1f}", f"{now - before:.1f} ({each:.1f} KiB each)"]


def _asks() -> Iterator[bytes]:
    for number in range(max(_CLIENTS) + 1):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        head = f"GET /_flygate/probe HTTP/1.1\r\nhost: bench\r\nfly-client-ip: {address}\r\n\r\n"
        yield head.encode()
