"""One request and its answer: choose a machine, send, stream back, try another one where that is
safe.
"""

import asyncio
from typing import TYPE_CHECKING

from infra.local.proxy.answer import Answer
from infra.local.proxy.backend import Backend
from infra.local.proxy.balancer import ANY, Refusal, Wish, choose
from infra.local.proxy.body import RequestBody
from infra.local.proxy.failures import (
    ALL_AT_HARD_LIMIT,
    CONNECTION_FAILED,
    CONNECTION_REFUSED,
    NO_HEALTHY_INSTANCE,
    RETRIES_EXHAUSTED,
    UNKNOWN_HOST,
    ProxyError,
    error_answer,
)
from infra.local.proxy.head import Headers, RequestHead, forwarded_request
from infra.local.proxy.upstream import UpstreamConnection

if TYPE_CHECKING:
    from infra.local.proxy.client import ClientConnection
    from infra.local.proxy.server import Proxy

_QUEUE_SECONDS = 10.0
_MAX_ATTEMPTS = 20
_RETRY_SECONDS = 0.05
_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})


class Exchange:
    """The life of one request between a client's connection and a machine's."""

    def __init__(self, proxy: "Proxy", client: "ClientConnection", head: RequestHead) -> None:
        self.head = head
        self.is_head = head.method == b"HEAD"
        self._proxy = proxy
        self._client = client
        self._request_id = proxy.request_ids.next().encode()
        self._app = ""
        self._wish = ANY
        self._body = RequestBody(is_chunked=head.is_chunked)
        self._answer = Answer(head, self._request_id)
        # Where it goes.
        self._backend: Backend | None = None
        self._upstream: UpstreamConnection | None = None
        self._was_idle = False  # the connection had been used before
        self._tried: set[Backend] = set()
        self._attempts = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self._early_tunnel_data = b""

    # From the client.

    def begin(self) -> None:
        app = self._proxy.app_of(self.head.value(b"host"))
        if app is None:
            self._fail(UNKNOWN_HOST)
            return
        self._app = app
        force = self.head.value(b"fly-force-instance-id")
        prefer = self.head.value(b"fly-prefer-instance-id")
        if force or prefer:
            self._wish = Wish(force.decode("latin-1"), prefer.decode("latin-1"))
        self._attempt()

    def request_body(self, data: bytes) -> None:
        self._body.add(data)
        if self._body.is_too_much_to_wait_with:
            self._client.hold("body")

    def request_complete(self) -> None:
        self._body.complete()

    def tunnel_data(self, data: bytes) -> None:
        """What the client sent after a request to upgrade."""
        if self._answer.has_begun and self._upstream:
            self._upstream.write(data)
        else:
            self._early_tunnel_data += data

    def hold_upstream(self, is_held: bool) -> None:
        """The client reads too slowly, or has caught up."""
        if self._upstream:
            (self._upstream.pause if is_held else self._upstream.resume)()

    def abandon(self) -> None:
        """The client is gone."""
        self._is_over = True
        self._leave(is_reusable=False)

    # From the machine.

    def answer_begins(self, status: int, reason: bytes, headers: Headers) -> bool:
        """Prepares the head for the client; True if the answer's body ends with its connection."""
        return self._answer.begin(status, reason, headers, self._backend)

    def answer_body(self, data: bytes) -> None:
        self._answer.add(data)

    def flush(self) -> None:
        if ready := self._answer.take():
            self._client.write(ready)

    def answered(self, *, is_reusable: bool) -> None:
        """The answer is complete."""
        self._answer.complete()
        self.flush()
        self._is_over = True
        self._leave(is_reusable=is_reusable and self._body.is_complete)
        self._client.exchange_ended(keeps_alive=self._keeps_alive)

    def tunnel_begins(self) -> None:
        if self._early_tunnel_data and self._upstream:
            self._upstream.write(self._early_tunnel_data)
            self._early_tunnel_data = b""

    def to_client(self, data: bytes) -> None:
        self._client.write(data)

    def hold_client(self, is_held: bool) -> None:
        """The machine reads too slowly, or has caught up."""
        (self._client.hold if is_held else self._client.let_go)("body")

    def upstream_lost(self) -> None:
        """The machine's connection ended before its answer did."""
        was_idle = self._was_idle
        self._leave(is_reusable=False)
        if self._answer.has_begun:
            self._is_over = True
            self._client.abort()  # the client must not take a part for the whole
        elif was_idle and self._can_replay:
            self._attempt()
        else:
            self._fail(CONNECTION_FAILED)

    # From the waiting room.

    @property
    def is_blocked(self) -> bool:
        return not self._is_over and self._choose() is Refusal.ALL_FULL

    def try_again(self) -> None:
        if not self._is_over:
            self._stop_timer()
            self._attempt()

    # Its own steps.

    def _attempt(self) -> None:
        chosen = self._choose()
        if isinstance(chosen, Backend):
            self._go_to(chosen)
        elif chosen is Refusal.ALL_FULL:
            self._proxy.waiting.add(self._app, self._wish.force, self)
            self._timer = self._proxy.loop.call_later(_QUEUE_SECONDS, self._fail, ALL_AT_HARD_LIMIT)
        elif chosen is Refusal.ALL_TRIED:
            self._tried.clear()
            self._timer = self._proxy.loop.call_later(_RETRY_SECONDS, self._attempt)
        else:
            self._fail(NO_HEALTHY_INSTANCE)

    def _choose(self) -> Backend | Refusal:
        backends = self._proxy.routes.backends(self._app)
        return choose(backends, self._wish, self._tried, self._proxy.random)

    def _go_to(self, backend: Backend) -> None:
        self._backend = backend
        backend.enter()
        connection = self._proxy.pool.take(backend)
        self._was_idle = connection is not None
        if connection:
            self._send(connection)
        else:
            self._proxy.spawn(self._connect(backend))

    async def _connect(self, backend: Backend) -> None:
        try:
            connection = await self._proxy.pool.connect(backend)
        except OSError:  # TimeoutError is one
            if not self._is_over:
                self._refused(backend)
            return
        if self._is_over:
            self._proxy.pool.put(connection)
        else:
            self._send(connection)

    def _refused(self, backend: Backend) -> None:
        """Nothing was sent, so any request may go to another machine."""
        self._leave(is_reusable=False)
        self._tried.add(backend)
        self._attempts += 1
        if self._attempts < _MAX_ATTEMPTS:
            self._attempt()
        else:
            alone = len(self._proxy.routes.backends(self._app)) <= 1
            self._fail(CONNECTION_REFUSED if alone else RETRIES_EXHAUSTED)

    def _send(self, connection: UpstreamConnection) -> None:
        self._upstream = connection
        prefer, backend = self._wish.prefer, connection.backend
        unavailable = prefer.encode("latin-1") if prefer not in {"", backend.machine_id} else b""
        head = forwarded_request(self.head, self._client.edge, self._request_id, unavailable)
        connection.carry(self, head + self._body.flow_to(connection.write))
        self._client.let_go("body")

    @property
    def _can_replay(self) -> bool:
        return self._body.can_be_sent_again and self.head.method in _IDEMPOTENT

    @property
    def _keeps_alive(self) -> bool:
        return self.head.keeps_alive and self._body.is_complete and not self.head.upgrade

    def _fail(self, error: ProxyError) -> None:
        self._is_over = True
        self._leave(is_reusable=False)
        answer = error_answer(
            error, self._request_id, is_head=self.is_head, keeps_alive=self._keeps_alive
        )
        self._client.write(answer)
        self._client.exchange_ended(keeps_alive=self._keeps_alive)

    def _leave(self, *, is_reusable: bool) -> None:
        """Gives back the machine's connection and its place."""
        self._stop_timer()
        self._body.flow_to(None)
        upstream, self._upstream = self._upstream, None
        if upstream and is_reusable:
            self._proxy.pool.put(upstream)
        elif upstream:
            upstream.close()
        backend, self._backend = self._backend, None
        if backend:
            backend.leave()
            self._proxy.waiting.slot_may_be_free(backend)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
