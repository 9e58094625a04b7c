"""HTTP/1.1 as uvicorn speaks it, with bounds on what a client may send before it is a request."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Fly Proxy lets larger ones through; applications have no use for them.
LARGEST_HEAD: Final = 65_536
# Every field is looked at several times before a request is refused.
MOST_FIELDS: Final = 256
# How long a head may take that has begun, and a body of which the answer did not wait.
HEAD_SECONDS: Final = 10.0
_LINGER_SECONDS: Final = 5.0

_END_OF_HEAD: Final = b"\r\n\r\n"
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are too large, and ends connections on which nothing comes to its end.

    What stands between the pieces of a body (extensions of chunks, trailers) is bounded as a head.

    Attributes:
        most_connections: how many there may be; None for as many as come.
        silent_seconds: how long a connection is kept that has asked for nothing yet.
    """

    most_connections: int | None = None
    silent_seconds: float = 65.0

    def __init__(self, *args: Any, **more: Any) -> None:
        """Wait for a head."""
        super().__init__(*args, **more)
        self._is_in_head = True
        self._head_bytes = self._bytes_beside_body = 0
        self._begun: float | None = None
        self._lingering_since: float | None = None
        self._connected = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; if there are enough, one that asks for nothing gives its place."""
        super().connection_made(transport)
        if self.most_connections is not None and len(self.connections) > self.most_connections:
            self._longest_idle().transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read, as long as a head is not too large."""
        if self._is_in_head:
            if not self._head_bytes:
                self._begun = self.loop.time()
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD and self._is_head_too_large(data):
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
        elif self._bytes_beside_body > LARGEST_HEAD:
            self.transport.close()
            return
        else:
            self._bytes_beside_body += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head has ended; what comes is a body.

        Raises:
            HttpParserError: it has too many fields; the answer is 400, and the connection ends.
        """
        if len(self.headers) > MOST_FIELDS:
            raise HttpParserError(f"a request has {MOST_FIELDS} header fields or less")
        self._is_in_head = False
        self._bytes_beside_body = 0
        self._begun = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body has come."""
        self._bytes_beside_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect another head."""
        super().on_message_complete()
        self._is_in_head = True
        self._head_bytes = 0

    def end_if_late(self, now: float) -> None:
        """Close the connection if what it waits for takes too long; called every second."""
        if self._begun is not None:
            if now - self._begun > HEAD_SECONDS:
                self.transport.close()
        elif self.cycle is None:
            if now - self._connected > self.silent_seconds:
                self.transport.close()
        elif not (self.cycle.response_complete and self.cycle.more_body) or self._is_in_head:
            self._lingering_since = None
        elif self._lingering_since is None:
            self._lingering_since = now
        elif now - self._lingering_since > _LINGER_SECONDS:
            self.transport.close()

    @property
    def _is_idle(self) -> bool:
        cycle = getattr(self, "cycle", None)
        return cycle is None or bool(cycle.response_complete)

    def _longest_idle(self) -> BoundedProtocol:
        """Of all connections but this one; this one, if all others are being answered."""
        others = (one for one in self.connections if isinstance(one, BoundedProtocol))
        idle = [one for one in others if one is not self and one._is_idle]
        return min(idle, key=lambda one: one._connected, default=self)

    def _is_head_too_large(self, data: bytes) -> bool:
        """Return whether no head ends within its bound; a body may follow in the same piece."""
        before = self._head_bytes - len(data)
        end = data.find(_END_OF_HEAD, 0, max(0, LARGEST_HEAD - before))
        return end < 0


class PrivateProtocol(BoundedProtocol):
    """The same, for machines and operators, which are few."""

    most_connections = 128
    silent_seconds = 5.0
