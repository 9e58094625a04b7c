"""Asks a client's owner whether a request may pass that is served elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Final, Protocol

from flygate_limiter import Charge, Decision, Limiter, Request, Verdict

from .errors import PeerError
from .metrics import ClusterMetrics
from .ring import Member

_SECONDS: Final = 0.5
# An owner that does not answer is not asked again for so long, so that few requests wait for it.
_PAUSE_SECONDS: Final = 2.0


class Treasury(Protocol):
    """How buckets elsewhere are charged."""

    async def take(self, member: Member, charges: Sequence[Charge]) -> list[Decision]:
        """Take every charge from a machine's buckets, or nothing; raises PeerError."""
        ...


class Owners:
    """Charges clients to the buckets of their owners, wherever they are served.

    A client that asks machine after machine by name so gets its quota once. Only while its owner
    does not answer is it served with a share of it by each.

    Args:
        treasury: the way to the owners.
        metrics: counts.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        treasury: Treasury,
        metrics: ClusterMetrics,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Expect all owners to answer."""
        self._treasury = treasury
        self._metrics = metrics
        self._clock = clock
        self._silent: dict[str, float] = {}

    async def check(self, owner: Member, limiter: Limiter, request: Request) -> Verdict:
        """Return what the owner's buckets say; or this machine's, with the request's share."""
        if self._silent.get(owner.id, 0.0) <= self._clock():
            try:
                async with asyncio.timeout(_SECONDS):
                    whole = replace(request, share=1)
                    take = partial(self._treasury.take, owner)
                    verdict = await limiter.check_elsewhere(whole, take)
            except (PeerError, TimeoutError):
                self._silent = {owner.id: self._clock() + _PAUSE_SECONDS, **self._awaited()}
            else:
                self._metrics.asked("answered")
                return verdict
        self._metrics.asked("silent")
        return await limiter.check(request)

    def _awaited(self) -> dict[str, float]:
        now = self._clock()
        return {machine: until for machine, until in self._silent.items() if until > now}
