"""What all requests through the proxy share."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from random import Random
from typing import Any, Final

from localfly.network.geography import round_trip_ms
from localfly.network.regions import REGIONS
from localfly.proxy.backend import Backend
from localfly.proxy.head import Edge
from localfly.proxy.pool import Pool
from localfly.proxy.routing import Routing
from localfly.proxy.routing_table import RoutingTable
from localfly.proxy.waiting_room import WaitingRoom
from localfly.timing.background import BackgroundTasks
from localfly.timing.ulid import RequestIds

_REGION_CODES: Final = frozenset(region.code for region in REGIONS)
_SUFFIXES: Final = (".localhost", ".fly.dev")


class ProxyContext:
    """The machines, the connections to them, and the requests that wait for one.

    Args:
        edge: where requests come in; the region is that of clients that name none.
        latency: the share of the round-trip time between regions that requests are delayed by.
        forces_https: whether the config's `force_https` counts.
    """

    def __init__(
        self,
        table: RoutingTable,
        routing: Routing,
        edge: Edge,
        *,
        latency: float = 0.0,
        forces_https: bool = False,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.table = table
        self.routing = routing
        self.edge = edge
        self.latency = latency
        self.forces_https = forces_https
        self.pool = Pool(self.loop)
        self.waiting_room = WaitingRoom()
        self.random = Random()  # noqa: S311 (spreads load, keeps no secret)
        self.request_ids = RequestIds(edge.region)
        self._tasks = BackgroundTasks()
        table.subscribe(self._backend_changed)
        table.autostart.subscribe(self.waiting_room.reconsider)

    def app_of(self, host: bytes) -> str | None:
        """Return the app that a Host header means; None if it means none."""
        name = host.decode("latin-1").partition(":")[0].lower()
        for suffix in _SUFFIXES:
            if name.endswith(suffix):
                return name.removesuffix(suffix)
        return None

    def edge_in(self, region: bytes, edge: Edge) -> Edge:
        """Return the edge in another region; the same one if there is no such region."""
        code = region.decode("latin-1")
        return replace(edge, region=code) if code in _REGION_CODES else edge

    def delay_seconds(self, here: str, there: str) -> float:
        """Return how much later a machine in another region gets a request."""
        return self.latency * round_trip_ms(here, there) / 1000

    def answered(self, app: str, edge: Edge, status: int, seconds: float) -> None:
        """Count an answer that was sent to a client."""
        if self.routing.knows(app):
            self.table.stats.edge(app, edge.region).answers.answered(status, seconds)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a task beside the requests, until `close`."""
        self._tasks.start(coroutine)

    async def close(self) -> None:
        await self._tasks.end()
        self.pool.close()

    def _backend_changed(self, backend: Backend) -> None:
        if not backend.is_routed:
            self.pool.drop(backend)
        self.waiting_room.reconsider(backend.app)
