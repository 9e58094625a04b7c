"""A connection from the proxy to a machine: one request at a time, reused while it works."""

import asyncio
from typing import Protocol, cast

import httptools

from localfly.proxy.backend import Backend
from localfly.proxy.head import Headers


class AnswerReceiver(Protocol):
    """The request whose answer a connection reads."""

    @property
    def is_head(self) -> bool:
        """Whether the answer has no body, whatever its head says."""

    def answer_begins(self, status: int, reason: bytes, headers: Headers) -> bool:
        """Take the answer's head; return whether its body ends with the connection."""

    def answer_body(self, data: bytes) -> None:
        """Take a piece of the answer's body."""

    def flush(self) -> None:
        """Pass on what was taken."""

    def answered(self, *, is_reusable: bool) -> None:
        """Take the answer's end."""

    def tunnel_begins(self) -> None:
        """From now on pass bytes both ways."""

    def to_client(self, data: bytes) -> None:
        """Pass bytes of a tunnel on."""

    def hold_client(self, is_held: bool) -> None:
        """Stop the client from sending, or let it go on."""

    def upstream_lost(self) -> None:
        """Go on without the connection, which ended before the answer did."""


class UpstreamConnection(asyncio.Protocol):
    """Parses a machine's answers and passes them to the exchange that waits for them."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.idle_since = 0.0
        self._exchange: AnswerReceiver | None = None
        self._transport: asyncio.Transport | None = None
        self._is_tunnel = False
        self._headers: Headers = []
        self._reset()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def carry(self, exchange: AnswerReceiver, request: bytes) -> None:
        """Send a request; its answer goes to `exchange`."""
        self._exchange = exchange
        self._reset()
        self.write(request)

    def write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)

    def release(self) -> None:
        """End the exchange."""
        self._exchange = None

    def close(self) -> None:
        self._exchange = None
        if self._transport:
            self._transport.abort()

    def pause(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:  # an answer without a request
            self.close()
        elif self._is_tunnel:
            exchange.to_client(data)
        else:
            self._parse(exchange, data)

    def connection_lost(self, _: Exception | None) -> None:
        exchange, self._exchange = self._exchange, None
        self._transport = None
        self.backend.stats.disconnects += 1
        if exchange is None:
            return
        if self._ends_by_closing and self._status:
            exchange.answered(is_reusable=False)
        else:
            exchange.upstream_lost()

    def pause_writing(self) -> None:
        if self._exchange:
            self._exchange.hold_client(True)

    def resume_writing(self) -> None:
        if self._exchange:
            self._exchange.hold_client(False)

    # httptools' side

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if 100 <= self._status < 200 and self._status != 101:
            return
        exchange = self._exchange
        assert exchange is not None  # noqa: S101 (data without an exchange is not parsed)
        # Asked now: after the message the parser has forgotten its headers.
        self._keeps_alive = self._parser.should_keep_alive()
        self._ends_by_closing = exchange.answer_begins(self._status, self._reason, self._headers)

    def on_body(self, body: bytes) -> None:
        if self._exchange:
            self._exchange.answer_body(body)

    def on_message_complete(self) -> None:
        if self._status >= 200:
            self._is_complete = True
        elif self._status != 101:  # an interim answer; the real one follows
            self._status, self._reason, self._headers = 0, b"", []

    def _parse(self, exchange: AnswerReceiver, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self._begin_tunnel(exchange, data[exc.args[0] :])
            return
        except httptools.HttpParserError:
            self.close()
            exchange.upstream_lost()
            return
        if self._status == 101:
            self._begin_tunnel(exchange, b"")
            return
        exchange.flush()
        if self._is_complete or (self._status >= 200 and exchange.is_head):
            exchange.answered(is_reusable=self._keeps_alive)

    def _begin_tunnel(self, exchange: AnswerReceiver, first: bytes) -> None:
        self._is_tunnel = True
        exchange.flush()
        exchange.tunnel_begins()
        if first:
            exchange.to_client(first)

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._reason = b""
        self._headers = []
        self._is_complete = False
        self._keeps_alive = False
        self._ends_by_closing = False
