"""One request and its answer: send it to the machine that was found, stream the answer back, or
follow a machine's order to replay the request elsewhere.
"""

import asyncio
from typing import Final, Protocol

from localfly.proxy.answer import Answer
from localfly.proxy.backend import Backend
from localfly.proxy.body import RequestBody
from localfly.proxy.context import ProxyContext
from localfly.proxy.head import REGION_HEADER, Edge, Headers, RequestHead, forwarded_request
from localfly.proxy.leg import Leg
from localfly.proxy.proxy_error import (
    CONNECTION_FAILED,
    REPLAY_TIMEOUT,
    UNKNOWN_HOST,
    ProxyError,
    error_answer,
    redirect_answer,
)
from localfly.proxy.replay_cache import Subject
from localfly.proxy.replay_order import ReplayAnswer, announced
from localfly.proxy.routing import RefusedReplayError, check_body
from localfly.proxy.search import Search
from localfly.proxy.upstream import UpstreamConnection

_IDEMPOTENT: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})


class Client(Protocol):
    """The client's connection, as a request sees it."""

    edge: Edge

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def exchange_ended(self, *, keeps_alive: bool) -> None:
        """Go on with the next request, or close."""

    def hold(self, reason: str) -> None:
        """Stop reading, until every reason for it is gone."""

    def let_go(self, reason: str) -> None:
        """Take a reason back."""

    def abort(self) -> None:
        """Cut the connection."""


class Exchange:
    """The life of one request between a client's connection and a machine's."""

    __slots__ = (
        *("head", "is_head", "_context", "_client", "_edge", "_request_id", "_app", "_began"),
        *("_leg_began", "_sent_head", "_body", "_search", "_deadline", "_status", "_answer"),
        *("_announcement", "_early_tunnel_data"),
    )

    def __init__(self, context: ProxyContext, client: Client, head: RequestHead) -> None:
        self.head = head
        self.is_head = head.method == b"HEAD"
        self._context = context
        self._client = client
        self._edge: Edge = client.edge
        self._request_id = context.request_ids.next().encode()
        self._app = ""
        self._began = self._leg_began = context.loop.time()
        self._sent_head = head  # as the last replay transformed it
        self._body = RequestBody(is_chunked=head.is_chunked)
        self._search = Search(context, self)
        self._deadline: asyncio.TimerHandle | None = None  # of a replay
        self._status = 0
        self._answer = Answer(head, self._request_id)
        self._announcement: ReplayAnswer | None = None  # in place of an answer
        self._early_tunnel_data = b""

    # From the client.

    def begin(self) -> None:
        context, head = self._context, self.head
        if head.fly and (region := head.fly.get(REGION_HEADER)):
            self._edge = context.edge_in(region, self._edge)
        app = context.app_of(head.value(b"host"))
        if app is None:
            self._answer_with(UNKNOWN_HOST)
            return
        self._app = app
        if context.forces_https and context.routing.forces_https(app):
            self._client.write(redirect_answer(head, self._request_id))
            self._end(301, self._began, is_reusable=False)
            return
        self._search.begin(context.routing.first(app, head, self._edge.region))

    def request_body(self, data: bytes) -> None:
        self._body.add(data)
        if self._body.is_too_much_to_wait_with:
            self._client.hold("body")

    def request_complete(self) -> None:
        self._body.complete()

    def tunnel_data(self, data: bytes) -> None:
        """Pass on what the client sent after a request to upgrade."""
        if self._answer.has_begun and self._search.upstream:
            self._search.upstream.write(data)
        else:
            self._early_tunnel_data += data

    def hold_upstream(self, is_held: bool) -> None:
        """Stop reading from the machine while the client reads too slowly."""
        if upstream := self._search.upstream:
            (upstream.pause if is_held else upstream.resume)()

    def abandon(self) -> None:
        """End the exchange: the client is gone."""
        self._leave(is_reusable=False)
        self._search.end()

    # From the search.

    def found(self, connection: UpstreamConnection) -> None:
        added = self._search.leg.headers_for(connection.backend.machine_id)
        head = forwarded_request(self._sent_head, self._edge, self._request_id, added)
        connection.carry(self, head + self._body.flow_to(connection.write))
        self._client.let_go("body")

    def not_found(self, error: ProxyError) -> None:
        """Take another way if there is one, else send the proxy's own answer."""
        self._leave(is_reusable=False)
        leg, elapsed = self._search.leg, self._context.loop.time() - self._leg_began
        if leg.remembered:
            self._start_leg(self._context.routing.forgotten(leg, self._app, self.head))
        elif back := leg.fallback(error.replay_failure, elapsed):
            self._sent_head = self.head
            self._start_leg(back)
        else:
            self._answer_with(error)

    # From the machine.

    def answer_begins(self, status: int, reason: bytes, headers: Headers) -> bool:
        """Prepare the head for the client; return True if the answer's body ends with its
        connection.
        """
        self._status = status
        self._announcement = announced(headers)
        if self._announcement:
            names = {name for name, _ in headers}
            return not names & {b"content-length", b"transfer-encoding"}
        if self._deadline:
            self._stop_deadline()
        return self._answer.begin(status, reason, headers, self._search.backend)

    def answer_body(self, data: bytes) -> None:
        (self._announcement or self._answer).add(data)

    def flush(self) -> None:
        if ready := self._answer.take():
            self._client.write(ready)

    def answered(self, *, is_reusable: bool) -> None:
        """Take the answer's end: replay the request, or end the exchange."""
        is_reusable = is_reusable and self._body.is_complete
        backend, now = self._search.backend, self._context.loop.time()
        if backend:
            backend.stats.answers.answered(self._status, now - self._search.began)
        if self._announcement and backend:
            self._leave(is_reusable=is_reusable)
            self._replay(self._announcement, backend)
            return
        self._answer.complete()
        self.flush()
        self._end(self._status, now, is_reusable=is_reusable)

    def tunnel_begins(self) -> None:
        if self._early_tunnel_data and self._search.upstream:
            self._search.upstream.write(self._early_tunnel_data)
            self._early_tunnel_data = b""

    def to_client(self, data: bytes) -> None:
        self._client.write(data)

    def hold_client(self, is_held: bool) -> None:
        """Stop reading from the client while the machine reads too slowly."""
        (self._client.hold if is_held else self._client.let_go)("body")

    def upstream_lost(self) -> None:
        """Try again, or answer with an error: the connection ended before the answer did."""
        self._body.flow_to(None)
        self._search.leave(is_reusable=False)
        if self._answer.has_begun:
            self._client.abort()  # the client must not take a part for the whole answer
        elif self._search.reuses_connection and self._can_be_sent_again:
            self._search.attempt()
        else:
            self._answer_with(CONNECTION_FAILED)

    # Its own steps.

    def _start_leg(self, leg: Leg) -> None:
        self._leg_began = self._context.loop.time()
        self._announcement = None
        self._search.begin(leg)

    def _replay(self, announcement: ReplayAnswer, source: Backend) -> None:
        """Send the request to where the machine's order says."""
        subject = Subject.of(self._app, self.head)
        try:
            check_body(self.head, can_be_sent_again=self._body.can_be_sent_again)
            leg = self._context.routing.next(self._search.leg, announcement, source, subject)
        except RefusedReplayError as exc:
            self._answer_with(exc.answer)
            return
        if leg.order and leg.order.transform:
            self._sent_head = leg.order.transform.applied_to(self._sent_head)
        if leg.order and leg.order.timeout_seconds is not None:
            self._deadline = self._context.loop.call_later(
                leg.order.timeout_seconds, self.not_found, REPLAY_TIMEOUT
            )
        self._start_leg(leg)

    def _answer_with(self, error: ProxyError) -> None:
        """Send the proxy's own answer."""
        self._client.write(
            error_answer(
                error, self._request_id, is_head=self.is_head, keeps_alive=self._keeps_alive
            )
        )
        self._end(error.status, self._context.loop.time(), is_reusable=False)

    def _end(self, status: int, now: float, *, is_reusable: bool) -> None:
        self._leave(is_reusable=is_reusable)
        self._search.end()
        self._context.answered(self._app, self._edge, status, now - self._began)
        self._client.exchange_ended(keeps_alive=self._keeps_alive)

    def _leave(self, *, is_reusable: bool) -> None:
        """Give back the machine's connection and the request's place there."""
        if self._deadline:
            self._stop_deadline()
        self._body.flow_to(None)
        self._search.leave(is_reusable=is_reusable)

    @property
    def _can_be_sent_again(self) -> bool:
        return self._body.can_be_sent_again and self.head.method in _IDEMPOTENT

    @property
    def _keeps_alive(self) -> bool:
        return self.head.keeps_alive and self._body.is_complete and not self.head.upgrade

    def _stop_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
