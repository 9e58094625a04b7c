"""Finds the machine that gets a request: chooses, waits for a free one, wakes a sleeping one, and
connects; holds the request's place there until it is given back.
"""

import asyncio
from typing import Final, Protocol

from localfly.proxy.autostart import PATIENCE_SECONDS
from localfly.proxy.backend import Backend
from localfly.proxy.balancer import Refusal, choose
from localfly.proxy.context import ProxyContext
from localfly.proxy.leg import Leg
from localfly.proxy.proxy_error import (
    ALL_AT_HARD_LIMIT,
    CONNECTION_REFUSED,
    NO_HEALTHY_INSTANCE,
    RETRIES_EXHAUSTED,
    WAKE_TIMEOUT,
    ProxyError,
)
from localfly.proxy.upstream import UpstreamConnection

_QUEUE_SECONDS: Final = 10.0
_MAX_ATTEMPTS: Final = 20
_RETRY_SECONDS: Final = 0.05
_NOWHERE: Final = Leg("", "")


class Seeker(Protocol):
    """The exchange that a machine is searched for."""

    def found(self, connection: UpstreamConnection) -> None:
        """Send the request."""

    def not_found(self, error: ProxyError) -> None:
        """Go on without a machine."""


class Search:
    """The search of one request, leg after leg of its way."""

    __slots__ = (
        *("leg", "backend", "upstream", "reuses_connection", "began"),
        *("_context", "_seeker", "_is_waiting", "_timer"),
    )

    def __init__(self, context: ProxyContext, seeker: Seeker) -> None:
        self.leg = _NOWHERE
        self.backend: Backend | None = None
        self.upstream: UpstreamConnection | None = None
        self.reuses_connection = False  # it was used before, and may be dead
        self.began = 0.0  # with the machine that was chosen last
        self._context = context
        self._seeker = seeker
        self._is_waiting = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, leg: Leg) -> None:
        self.leg = leg
        self.attempt()

    def attempt(self) -> None:
        """Go to the machine that is best now, or wait for one."""
        chosen = self._choose()
        while self._wants_another(chosen) and self._wake():
            chosen = self._choose()  # a machine without checks serves at once
            if self._wants_another(chosen) and self._is_waking:
                self._wait(PATIENCE_SECONDS if chosen is Refusal.NONE_HEALTHY else _QUEUE_SECONDS)
                return
        if chosen is Refusal.ALL_FULL:
            self._wait(_QUEUE_SECONDS)
        else:
            self._proceed(chosen)

    def leave(self, *, is_reusable: bool) -> None:
        """Give back the machine's connection and the request's place there; or stop searching."""
        if self._timer:
            self._stop_timer()
        upstream, self.upstream = self.upstream, None
        if upstream and is_reusable:
            self._context.pool.put(upstream)
        elif upstream:
            upstream.close()
        backend, self.backend = self.backend, None
        if backend:
            backend.leave()
            self._context.waiting_room.reconsider(backend.app)

    def end(self) -> None:
        """Drop the reference to the seeker, which holds the search, so that no cycle is left to
        collect.
        """
        del self._seeker

    # From the waiting room.

    @property
    def is_blocked(self) -> bool:
        """Whether it still has to wait."""
        if not self._is_waiting:
            return False
        chosen = self._choose()
        return chosen is Refusal.ALL_FULL or (self._wants_another(chosen) and self._is_waking)

    def try_again(self) -> None:
        if self._is_waiting:
            self._stop_timer()
            self.attempt()

    # Its own steps.

    def _choose(self) -> Backend | Refusal:
        leg, context = self.leg, self._context
        backends = context.table.backends(leg.app)
        return choose(backends, leg.selector, leg.tried, leg.here, context.random)

    def _wants_another(self, chosen: Backend | Refusal) -> bool:
        """Return whether a sleeping machine is needed: none serves, or all are busy."""
        if isinstance(chosen, Backend):
            return chosen.is_busy and chosen.machine_id != self.leg.selector.prefer
        return chosen is not Refusal.ALL_TRIED

    def _wake(self) -> bool:
        leg = self.leg
        woken = self._context.table.autostart.wake(leg.app, leg.selector, leg.here, leg.woken)
        if woken and woken.is_down:  # else it is not woken yet, but will be
            leg.woken |= {woken.machine_id}
        return woken is not None

    @property
    def _is_waking(self) -> bool:
        leg = self.leg
        return self._context.table.autostart.is_waking(leg.app, leg.selector, leg.here)

    def _wait(self, seconds: float) -> None:
        self._is_waiting = True
        self._context.waiting_room.add(self.leg.app, self.leg.selector, self)
        self._timer = self._context.loop.call_later(seconds, self._waited_enough)

    def _waited_enough(self) -> None:
        self._stop_timer()
        self._proceed(self._choose())

    def _proceed(self, chosen: Backend | Refusal) -> None:
        if isinstance(chosen, Backend):
            self._go_to(chosen)
        elif chosen is Refusal.ALL_TRIED:
            self.leg.tried = frozenset()
            self._timer = self._context.loop.call_later(_RETRY_SECONDS, self.attempt)
        elif chosen is Refusal.ALL_FULL:
            self._seeker.not_found(ALL_AT_HARD_LIMIT)
        else:
            self._seeker.not_found(WAKE_TIMEOUT if self.leg.woken else NO_HEALTHY_INSTANCE)

    def _go_to(self, backend: Backend) -> None:
        self.backend = backend
        self.began = self._context.loop.time()
        backend.enter()
        if self._context.latency and backend.region != self.leg.here:
            delay = self._context.delay_seconds(self.leg.here, backend.region)
            self._timer = self._context.loop.call_later(delay, self._reach, backend)
        else:
            self._reach(backend)

    def _reach(self, backend: Backend) -> None:
        connection = self._context.pool.take(backend)
        self.reuses_connection = connection is not None
        if connection:
            self._found(connection)
        else:
            self._context.start(self._connect(backend))

    async def _connect(self, backend: Backend) -> None:
        try:
            connection = await self._context.pool.connect(backend)
        except OSError:  # TimeoutError is one
            if self.backend is backend:
                self._refused(backend)
            return
        if self.backend is backend and self.upstream is None:
            self._found(connection)
        else:
            self._context.pool.put(connection)

    def _found(self, connection: UpstreamConnection) -> None:
        self.upstream = connection
        self._seeker.found(connection)

    def _refused(self, backend: Backend) -> None:
        """Try another machine; nothing was sent, so any request may."""
        leg = self.leg
        self.leave(is_reusable=False)
        leg.tried |= {backend}
        leg.attempts += 1
        if leg.attempts < _MAX_ATTEMPTS:
            self.attempt()
        else:
            alone = len(self._context.table.backends(leg.app)) <= 1
            self._seeker.not_found(CONNECTION_REFUSED if alone else RETRIES_EXHAUSTED)

    def _stop_timer(self) -> None:
        self._is_waiting = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
