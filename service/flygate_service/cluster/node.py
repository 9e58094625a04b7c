"""This machine's part in the cluster: from its start over its first request to its stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from flygate_wire.share_order import ShareOrder

from flygate_service.asgi.readiness import Readiness
from flygate_service.asgi.supervisor import Supervisor

from .handoff import Handoff
from .members import Members, Status

POLL_SECONDS: Final = 5.0
# News may come from many at once.
_LEAST_SECONDS: Final = 0.25
# How often it looks whether time went by unnoticed, and how much of it means that it was suspended.
_TICK_SECONDS: Final = 0.5
_ABSENCE_SECONDS: Final = 2.0
# The longest that a request waits for what was missed.
_RETURN_SECONDS: Final = 2.0
# What was begun and not ended when the service stops is given so long: a handoff and a look.
_LAST_SECONDS: Final = 5.0


class Node:
    """Joins, keeps itself informed, and leaves.

    Args:
        members: who is there.
        handoff: moves buckets.
        readiness: whether this machine is draining.
        supervisor: runs what goes on in the background.
        clock: unix time, which goes on while a machine is suspended.

    Attributes:
        is_admitted: whether a request came through the proxy.
    """

    def __init__(
        self,
        members: Members,
        handoff: Handoff,
        readiness: Readiness,
        supervisor: Supervisor,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin as a machine that is not admitted."""
        self.members = members
        self.handoff = handoff
        self._readiness = readiness
        self._clock = clock
        self.is_admitted = self._is_asked = False
        self._seen = clock()
        self._home = asyncio.Event()
        self._home.set()
        self._news = asyncio.Event()
        self._supervisor = supervisor

    @property
    def status(self) -> Status:
        """Return what this machine says of itself to the others."""
        return self.members.status(self.is_admitted, self._readiness.draining)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to decide on requests: each machine serves any client."""
        return self.is_admitted and not self.members.is_sticky

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take what the others know before the first request; give it back after the last one."""
        await self._join()
        self._seen = self._clock()
        try:
            async with self._supervisor.background("watching the members", self._watch):
                yield
        finally:
            await self._supervisor.finish(_LAST_SECONDS)
            await self.handoff.give()

    def admit(self) -> None:
        """A request came through the proxy: this machine serves. Only the first one matters."""
        if not self._is_asked:
            self._is_asked = True
            self._supervisor.spawn("entering", self._enter)

    def leave(self) -> None:
        """It is about to stop: what it knows must be with the others before their next request."""
        self.members.leave()
        self._supervisor.spawn("parting", self._part)

    async def adopt(self, order: ShareOrder) -> bool:
        """Share the clients by an order, once the limits of those who go are where they go.

        Returns:
            False if it is no later than the one that this machine knows.
        """
        members = self.members
        gainers = order.gainers(members.here, members.order.percent if members.order else 0)
        if gainers:
            await self.handoff.give(gainers)
        is_later = members.adopt(order)
        if is_later and gainers:  # and what they were charged meanwhile
            self._supervisor.spawn("handing over", partial(self.handoff.give, gainers))
        return is_later

    async def back(self) -> None:
        """Wait until this machine knows what it missed, for a bounded time."""
        if not self._is_back():
            # Not wait_for: in Python 3.11 it may lose a cancellation.
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETURN_SECONDS):
                    await self._home.wait()

    def heard_news(self) -> None:
        """A machine came, went, or can't be reached: ask again soon."""
        self._news.set()

    async def _join(self) -> None:
        await self.members.refresh()
        await self.handoff.take()

    async def _enter(self) -> None:
        """Own clients, once it is known what they were charged elsewhere until now.

        Until then the others serve them all. A machine that gets something asks its giver.
        """
        await self._join()
        self.is_admitted = True
        self.members.enter()
        await self.handoff.give()
        self.heard_news()  # others may have entered meanwhile

    def _is_back(self) -> bool:
        """Return whether it knows what happened until now; False right after an absence."""
        before, self._seen = self._seen, self._clock()
        if self._seen - before > _ABSENCE_SECONDS and self._home.is_set():
            self._home.clear()
            self._supervisor.spawn("returning", self._return)
        return self._home.is_set()

    async def _return(self) -> None:
        """Learn what was missed, and make the others notice at once, while it is still true."""
        try:
            await self._join()
        finally:
            self._home.set()
        await self.handoff.give()

    async def _part(self) -> None:
        """Give to those that it knows at once; to those that came lately with its last word."""
        await self.handoff.give()
        await self.members.refresh()

    async def _watch(self) -> None:
        while True:
            await self._wait()
            self._news.clear()
            await self.members.refresh(welcome=self.handoff.give)

    async def _wait(self) -> None:
        """Until it is time to ask."""
        await asyncio.sleep(_LEAST_SECONDS)
        for _ in range(round(POLL_SECONDS / _TICK_SECONDS)):
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._news.wait()
            await self.back()
            if self._news.is_set():
                return
