"""A client's connection to the proxy: reads requests, one exchange after the other."""

import asyncio
from collections import deque
from typing import Final, Protocol, cast

import httptools

from localfly.proxy.context import ProxyContext
from localfly.proxy.exchange import Exchange
from localfly.proxy.head import Edge, RequestHead
from localfly.proxy.proxy_error import BAD_REQUEST, HEAD_TOO_LARGE, ProxyError, error_answer

_MAX_HEAD_BYTES: Final = 64 * 1024


class Clients(Protocol):
    """The server, as a connection sees it."""

    @property
    def is_closing(self) -> bool:
        """Whether connections end after the answer that is under way."""

    def client_joined(self, client: "ClientConnection") -> None:
        """Count a new connection."""

    def client_left(self, client: "ClientConnection") -> None:
        """Count a connection no more."""


class ClientConnection(asyncio.Protocol):
    """Parses requests. A client may send the next one before the answer to the last: the request is
    kept until its turn, and reading stops meanwhile.
    """

    def __init__(self, context: ProxyContext, clients: Clients) -> None:
        self._context = context
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._head = RequestHead()
        self._exchanges: deque[Exchange] = deque()  # the first one is under way
        self._reading: Exchange | None = None
        self._fresh: Exchange | None = None  # read in this turn, not begun yet
        self._holds: set[str] = set()
        self._is_tunnel = False
        self.edge = context.edge
        self.last_active = 0.0

    @property
    def is_idle(self) -> bool:
        return not self._exchanges

    # From exchanges.

    def write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)

    def exchange_ended(self, *, keeps_alive: bool) -> None:
        self.last_active = self._context.loop.time()
        if self._exchanges:
            self._exchanges.popleft()
        if not keeps_alive or self._clients.is_closing:
            self._close()
            return
        self.let_go("pipeline")
        if self._exchanges:
            # Not from within the former exchange: a long pipeline must not become a deep stack.
            self._context.loop.call_soon(self._begin_first)

    def hold(self, reason: str) -> None:
        """Stop reading, until every reason for it is gone."""
        if not self._holds and self._transport and not self._transport.is_closing():
            self._transport.pause_reading()
        self._holds.add(reason)

    def let_go(self, reason: str) -> None:
        if reason in self._holds:
            self._holds.discard(reason)
            if not self._holds and self._transport and not self._transport.is_closing():
                self._transport.resume_reading()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer: tuple[str, int] = transport.get_extra_info("peername")
        edge = self._context.edge
        self.edge = Edge(peer[0].encode(), edge.port, edge.address, edge.region)
        self.last_active = self._context.loop.time()
        self._clients.client_joined(self)

    def data_received(self, data: bytes) -> None:
        if self._is_tunnel:
            self._exchanges[0].tunnel_data(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self._begin_tunnel(data[exc.args[0] :])
        except httptools.HttpParserError:
            self._refuse(BAD_REQUEST)
            return
        if self._head.size > _MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)
            return
        self._begin_fresh()

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._clients.client_left(self)
        if self._exchanges:
            self._exchanges[0].abandon()
            self._exchanges.clear()

    def pause_writing(self) -> None:
        if self._exchanges:
            self._exchanges[0].hold_upstream(True)

    def resume_writing(self) -> None:
        if self._exchanges:
            self._exchanges[0].hold_upstream(False)

    # httptools' side

    def on_message_begin(self) -> None:
        self._head = RequestHead()

    def on_url(self, url: bytes) -> None:
        self._head.target += url
        self._head.size += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        head = self._head
        head.headers.append((name, value))
        head.size += len(name) + len(value)
        if name == b"transfer-encoding":
            head.is_chunked = True
        elif name == b"content-length":
            head.content_length = int(value)  # the parser accepts digits only
        elif name == b"expect" and value.lower() == b"100-continue":
            head.expects_continue = True
        elif name.startswith(b"fly-"):
            head.fly[name] = value

    def on_headers_complete(self) -> None:
        head, parser = self._head, self._parser
        head.method = parser.get_method()
        head.version = parser.get_http_version()
        head.keeps_alive = parser.should_keep_alive()
        if parser.should_upgrade():
            head.upgrade = head.value(b"upgrade")
        self._reading = Exchange(self._context, self, head)
        self._exchanges.append(self._reading)
        if len(self._exchanges) == 1:
            self._fresh = self._reading
            if head.expects_continue:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            self.hold("pipeline")

    def on_body(self, body: bytes) -> None:
        if self._reading:
            self._reading.request_body(body)

    def on_message_complete(self) -> None:
        if self._reading:
            self._reading.request_complete()
            self._reading = None

    def _begin_fresh(self) -> None:
        """Begin after a read is parsed, so that a small request is sent with
        its body in one piece.
        """
        fresh, self._fresh = self._fresh, None
        if fresh:
            fresh.begin()

    def _begin_first(self) -> None:
        if self._exchanges and self._transport:
            self._exchanges[0].begin()

    def _begin_tunnel(self, early: bytes) -> None:
        self._is_tunnel = True
        if early and self._exchanges:
            self._exchanges[-1].tunnel_data(early)

    def _refuse(self, error: ProxyError) -> None:
        """Answer a request that can't be parsed, and close."""
        request_id = self._context.request_ids.next().encode()
        if self._exchanges:
            self._exchanges[0].abandon()
            self._exchanges.clear()
        self.write(error_answer(error, request_id, is_head=False, keeps_alive=False))
        self._close()

    def _close(self) -> None:
        if self._transport:
            self._transport.close()
