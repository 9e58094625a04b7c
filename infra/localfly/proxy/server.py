"""The proxy's server: listens on one port, and knows the clients that are connected to it."""

import asyncio
import contextlib
import socket
from typing import Final

from localfly.proxy.client import ClientConnection
from localfly.proxy.context import ProxyContext
from localfly.proxy.head import Edge
from localfly.proxy.routing import Routing
from localfly.proxy.routing_table import RoutingTable

_SWEEP_SECONDS: Final = 1.0
_CLIENT_IDLE_SECONDS: Final = 60.0
_CLOSE_SECONDS: Final = 2.0


class Proxy:
    """Routes requests by host name to the machines of `table`.

    Args:
        region: where clients are that name no region.
        latency: the share of the round-trip time between regions that requests are delayed by.
        forces_https: whether the config's `force_https` counts.
    """

    def __init__(
        self,
        table: RoutingTable,
        routing: Routing,
        listener: socket.socket,
        region: str,
        *,
        latency: float = 0.0,
        forces_https: bool = False,
    ) -> None:
        address, port = listener.getsockname()[:2]
        edge = Edge(b"", str(port).encode(), address.encode(), region)
        self._context = ProxyContext(
            table, routing, edge, latency=latency, forces_https=forces_https
        )
        self.is_closing = False
        self._clients: set[ClientConnection] = set()
        self._is_empty = asyncio.Event()
        self._listener = listener
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await self._context.loop.create_server(
            lambda: ClientConnection(self._context, self), sock=self._listener, backlog=1024
        )
        self._context.start(self._sweep_for_ever())

    async def close(self) -> None:
        """Stop accepting, let requests under way finish for a moment, and end."""
        self.is_closing = True
        if self._server:
            self._server.close()
        for client in list(self._clients):
            if client.is_idle:
                client.abort()
        await self._wait_for_clients()
        for client in list(self._clients):
            client.abort()
        await self._context.close()

    def client_joined(self, client: ClientConnection) -> None:
        self._clients.add(client)
        self._is_empty.clear()

    def client_left(self, client: ClientConnection) -> None:
        self._clients.discard(client)
        if not self._clients:
            self._is_empty.set()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self._context.pool.close_idle()
            oldest = self._context.loop.time() - _CLIENT_IDLE_SECONDS
            for client in list(self._clients):
                if client.is_idle and client.last_active < oldest:
                    client.abort()

    async def _wait_for_clients(self) -> None:
        if self._clients:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._is_empty.wait()
