"""The proxy's server: listens on one port and holds what all its connections share."""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from dataclasses import replace
from random import Random
from typing import Any

from localfly.network.geography import round_trip_ms
from localfly.network.regions import REGIONS
from localfly.proxy.backend import Backend
from localfly.proxy.client import ClientConnection
from localfly.proxy.head import Edge
from localfly.proxy.pool import Pool
from localfly.proxy.routing import Routing
from localfly.proxy.routing_table import RoutingTable
from localfly.proxy.waiting_room import WaitingRoom
from localfly.timing.background import BackgroundTasks
from localfly.timing.ulid import RequestIds

REGION_CODES = frozenset(region.code for region in REGIONS)

_SUFFIXES = (".localhost", ".fly.dev")
_SWEEP_SECONDS = 1.0
_CLIENT_IDLE_SECONDS = 60.0
_CLOSE_SECONDS = 2.0


class Proxy:
    """Routes requests by host name to the machines of `routes`.

    Args:
        region: where clients are that do not say where they are.
        latency: the share of the round-trip time between regions that requests are delayed by.
        forces_https: whether the config's `force_https` counts.
    """

    def __init__(
        self,
        routes: RoutingTable,
        routing: Routing,
        listener: socket.socket,
        region: str,
        *,
        latency: float = 0.0,
        forces_https: bool = False,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.routes = routes
        self.routing = routing
        self.pool = Pool(self.loop)
        self.waiting = WaitingRoom()
        self.random = Random()  # noqa: S311 (spreads load, keeps no secret)
        self.request_ids = RequestIds(region)
        self.clients: set[ClientConnection] = set()
        self.is_closing = False
        self._is_empty = asyncio.Event()
        address, port = listener.getsockname()[:2]
        self.edge = Edge(b"", str(port).encode(), address.encode(), region)
        self.forces_https = forces_https
        self.latency = latency
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._tasks = BackgroundTasks()
        routes.subscribe(self._backend_changed)
        routes.sleepers.subscribe(self.waiting.reconsider)

    async def start(self) -> None:
        self._server = await self.loop.create_server(
            lambda: ClientConnection(self), sock=self._listener, backlog=1024
        )
        self.spawn(self._sweep_for_ever())

    async def close(self) -> None:
        """Stops accepting, lets requests under way finish for a moment, and ends."""
        self.is_closing = True
        if self._server:
            self._server.close()
        for client in list(self.clients):
            if client.is_idle:
                client.abort()
        await self._wait_for_clients()
        for client in list(self.clients):
            client.abort()
        await self._tasks.end()
        self.pool.close()

    def client_joined(self, client: ClientConnection) -> None:
        self.clients.add(client)
        self._is_empty.clear()

    def client_left(self, client: ClientConnection) -> None:
        self.clients.discard(client)
        if not self.clients:
            self._is_empty.set()

    def app_of(self, host: bytes) -> str | None:
        """The app that a Platform header means; None if it means none."""
        name = host.decode("latin-1").partition(":")[0].lower()
        for suffix in _SUFFIXES:
            if name.endswith(suffix):
                return name.removesuffix(suffix)
        return None

    def edge_in(self, region: bytes, edge: Edge) -> Edge:
        """The edge as it would be in another region; the same one if there is no such region."""
        code = region.decode("latin-1")
        return replace(edge, region=code) if code in REGION_CODES else edge

    def delay_seconds(self, here: str, there: str) -> float:
        """How much later a machine in another region gets a request."""
        return self.latency * round_trip_ms(here, there) / 1000

    def answered(self, app: str, edge: Edge, status: int, seconds: float) -> None:
        """A client has its answer."""
        if self.routing.knows(app):
            self.routes.stats.edge(app, edge.region).answers.answered(status, seconds)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.start(coroutine)

    def _backend_changed(self, backend: Backend) -> None:
        if not backend.is_routed:
            self.pool.drop(backend)
        self.waiting.reconsider(backend.app)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.pool.close_idle()
            oldest = self.loop.time() - _CLIENT_IDLE_SECONDS
            for client in list(self.clients):
                if client.is_idle and client.last_active < oldest:
                    client.abort()

    async def _wait_for_clients(self) -> None:
        if self.clients:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._is_empty.wait()
