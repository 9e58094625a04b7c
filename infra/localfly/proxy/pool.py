"""The proxy's idle connections to machines."""

import asyncio
from typing import Final

from localfly.proxy.backend import Backend
from localfly.proxy.upstream import UpstreamConnection

# Fly Proxy's is about 4 s. It must be below the keep-alive timeout of the servers behind it
# (uvicorn: 5 s), or a request could meet a connection that is just being closed.
_IDLE_SECONDS: Final = 4.0
_CONNECT_SECONDS: Final = 2.0


class Pool:
    """Idle connections by backend, the one used last first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: dict[Backend, list[UpstreamConnection]] = {}

    def take(self, backend: Backend) -> UpstreamConnection | None:
        idle = self._idle.get(backend)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    def put(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request, unless its machine has left the rotation, or
        counts connections: then no two requests share one.
        """
        connection.release()
        backend = connection.backend
        if backend.is_routed and connection.is_open and not backend.service.counts_connections:
            connection.idle_since = self._loop.time()
            self._idle.setdefault(backend, []).append(connection)
        else:
            connection.close()

    async def connect(self, backend: Backend) -> UpstreamConnection:
        """Open a new connection.

        Raises:
            OSError: refused, or not accepted in time.
        """
        began = self._loop.time()
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, connection = await self._loop.create_connection(
                lambda: UpstreamConnection(backend), backend.host, backend.port
            )
        backend.stats.connected(self._loop.time() - began)
        return connection

    def drop(self, backend: Backend) -> None:
        for connection in self._idle.pop(backend, ()):
            connection.close()

    def close_idle(self) -> None:
        """Close what has not been used for a while."""
        oldest = self._loop.time() - _IDLE_SECONDS
        for backend, connections in list(self._idle.items()):
            kept = [c for c in connections if c.is_open and c.idle_since > oldest]
            for connection in connections:
                if connection not in kept:
                    connection.close()
            self._idle[backend] = kept

    def close(self) -> None:
        for backend in list(self._idle):
            self.drop(backend)
