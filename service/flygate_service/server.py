"""Serves the built service: sockets, metrics, and a graceful end."""

import asyncio
import signal
import socket
from types import FrameType
from typing import Any, Final

import uvicorn

from .app import Service
from .asgi.protocol import BoundedProtocol
from .settings import Settings
from .wiring.private import PrivateListener, end_late

_BACKLOG: Final = 2048
# In a turn of its loop, libuv accepts one connection from each socket that listens. When requests
# keep each turn busy, newcomers would wait for seconds: so more sockets listen, at the same port.
_ACCEPTED_AT_ONCE: Final = 16
# Of a WebSocket that sends faster than the application reads.
_MESSAGES_AT_ONCE: Final = 8
# As uvicorn has it.
_TICKS_PER_SECOND: Final = 10


class DrainingServer(uvicorn.Server):
    """At SIGTERM: says it is not ready, serves a little longer, finishes, and exits with 0.

    The pause lets a proxy see the 503 and route elsewhere before the port closes.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        private: PrivateListener,
        drain_seconds: float,
    ) -> None:
        """Serve `service`, and its private part beside it."""
        super().__init__(config)
        self._private = private
        self._readiness = service.readiness
        self._reload = service.reload
        self._leave = service.leave
        self._drain_seconds = drain_seconds
        service.statistics.connections = lambda: len(self.server_state.connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop, since signals do not arrive in it."""
        self._running_loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            self._running_loop.add_signal_handler(signal.SIGHUP, self._reload)
        await self._private.open()
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Every second, close what takes too long."""
        if counter % _TICKS_PER_SECOND == 0:
            now = self._running_loop.time()
            end_late(self.server_state, now)
            self._private.end_late(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what users asked for first: other machines may ask until this one is gone."""
        await super().shutdown(sockets)
        await self._private.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain. Second: stop at once after what is in flight. Third: just stop."""
        if self.should_exit:
            self.force_exit = True
        elif self._readiness.draining:
            self.should_exit = True
        else:
            self._readiness.draining = True
            self._running_loop.call_soon_threadsafe(self._exit_later)

    def _exit_later(self) -> None:
        self._leave()
        self._running_loop.call_later(self._drain_seconds, self._exit)

    def _exit(self) -> None:
        self.should_exit = True


def serve(service: Service, settings: Settings, log: Any) -> None:
    """Listen, serve until a signal ends it, and finish what was begun.

    Raises:
        OSError: a port cannot be had.
    """
    with _listen(settings.host, settings.port) as listener:
        private = _listen(settings.host, settings.metrics_port)
        log.info("listening", port=listener.getsockname()[1], metrics_port=private.getsockname()[1])
        config = uvicorn.Config(
            service,
            loop="uvloop",
            http=BoundedProtocol,
            ws_max_size=settings.max_message_bytes,
            ws_max_queue=_MESSAGES_AT_ONCE,
            lifespan="on",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            # uvicorn would believe X-Forwarded-For from 127.0.0.1: who asks is our decision.
            proxy_headers=False,
            timeout_keep_alive=65,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
        listeners = [listener, *(listener.dup() for _ in range(_ACCEPTED_AT_ONCE - 1))]
        beside = PrivateListener(service.private, private)
        DrainingServer(config, service, beside, settings.drain_seconds).run(listeners)
        log.info("stopped")


def _listen(host: str | None, port: int) -> socket.socket:
    if host is not None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    if socket.has_dualstack_ipv6():
        # Fly's proxy comes over IPv6, tools on the machine over IPv4.
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
        )
    return socket.create_server(("0.0.0.0", port), backlog=_BACKLOG)  # noqa: S104 - behind Fly Proxy
