"""The private listener: metrics, health in full, and what machines say to each other.

Fly Proxy serves the ports of `services` only, and this is none of them: it is reached over the
private network, and by Fly's own collector of metrics.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

import uvicorn
from flygate_wire.own_paths import METRICS, OWN_PATHS
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from uvicorn.server import ServerState

from flygate_service.asgi.authenticator import Endpoint
from flygate_service.asgi.fly_headers import CLIENT_IP
from flygate_service.asgi.messages import Receive, Scope, Send, header
from flygate_service.asgi.protocol import BoundedProtocol, PrivateProtocol
from flygate_service.asgi.scope_keys import PRIVATE
from flygate_service.middleware.dispatch import refuse_path

# Of any answer, with all the reading and writing that it takes.
_SECONDS: Final = 10.0
_KEEP_ALIVE_SECONDS: Final = 20
_BACKLOG: Final = 128


class PrivateApp:
    """The application of the private listener."""

    def __init__(self, routes: Sequence[Route], registry: CollectorRegistry) -> None:
        """Answer those of `routes` that the table says, and the metrics of `registry`."""
        private = [route for route in routes if OWN_PATHS[route.path].is_private]
        self.routes = [*private, Route(METRICS, _metrics(registry))]
        self._router = Router(self.routes)
        self._paths = frozenset(route.path for route in self.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in time, or not at all."""
        is_http = scope["type"] == "http"
        if not is_http or scope["path"] not in self._paths:
            await refuse_path(scope, receive, send)
        elif header(scope, CLIENT_IP) is not None:
            # A service of fly.toml has this port: it must not be one.
            error = {"error": "for the private network only, and this came through a proxy"}
            await JSONResponse(error, 404)(scope, receive, send)
        else:
            scope[PRIVATE] = True
            async with asyncio.timeout(_SECONDS):
                await self._router(scope, receive, send)


class PrivateListener:
    """Serves it, from before the application starts until after it has ended."""

    def __init__(self, app: PrivateApp, listener: socket.socket) -> None:
        """Take the socket; `open` serves."""
        self._listener = listener
        self._config = uvicorn.Config(
            app,
            http=PrivateProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen."""
        self._config.load()
        self._server = await asyncio.get_running_loop().create_server(
            lambda: PrivateProtocol(self._config, self._state, {}),
            sock=self._listener,
            backlog=_BACKLOG,
        )

    def end_late(self, now: float) -> None:
        """Close what takes too long."""
        end_late(self._state, now)

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.transport.close()


def end_late(state: ServerState, now: float) -> None:
    """Close the connections on which something takes too long."""
    for connection in list(state.connections):
        if isinstance(connection, BoundedProtocol):
            connection.end_if_late(now)


def _metrics(registry: CollectorRegistry) -> Endpoint:
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return metrics
