"""Stops machines that no request needs (docs/fly-api.md 6.7): every few minutes it stops or
suspends at most one machine of each region.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from localfly.errors import FlyError
from localfly.proxy.backend import Backend
from localfly.proxy.routing_table import RoutingTable


@dataclass(frozen=True, slots=True)
class Running:
    """A machine that serves."""

    machine_id: str
    load: int
    is_at_soft_limit: bool  # or above
    may_stop: bool


@dataclass(frozen=True, slots=True)
class Idle:
    """A machine that is to be stopped."""

    app: str
    machine_id: str
    region: str
    how: str  # stop | suspend
    running: int  # machines that run in its region, this one included


def superfluous(running: Sequence[Running], kept: int) -> Running | None:
    """Return the machine of a region that is to be stopped; None if all are needed.

    Args:
        running: all machines that serve in the region.
        kept: how many must be left running.
    """
    if len(running) <= kept:
        return None
    if len(running) == 1:
        excess = 0 if running[0].load else 1
    else:
        excess = len(running) - (sum(machine.is_at_soft_limit for machine in running) + 1)
    stoppable = [machine for machine in running if machine.may_stop]
    if excess < 1 or not stoppable:
        return None
    return min(stoppable, key=lambda machine: (machine.load, machine.machine_id))


class Autostop:
    """The loop. `stop` begins to stop a machine; if it refuses, the next pass decides again."""

    def __init__(
        self,
        table: RoutingTable,
        stop: Callable[[Idle], None],
        sleep: Callable[[float], Awaitable[None]],
        period_seconds: float,
    ) -> None:
        self._table = table
        self._stop = stop
        self._sleep = sleep
        self._period_seconds = period_seconds

    async def run_for_ever(self) -> None:
        while True:
            await self._sleep(self._period_seconds)
            self.look()

    def look(self) -> None:
        """Pass once over all regions of all apps."""
        for backends in self._table.apps():
            for region in _by_region(backends):
                idle = _idle(region)
                if idle:
                    self._try_to_stop(idle)

    def _try_to_stop(self, idle: Idle) -> None:
        try:
            self._stop(idle)
        except FlyError:  # it is changing its state
            return


def _by_region(backends: Sequence[Backend]) -> Iterator[list[Backend]]:
    ordered = sorted(backends, key=lambda backend: backend.region)
    return (list(group) for _, group in groupby(ordered, key=lambda backend: backend.region))


def _idle(backends: Sequence[Backend]) -> Idle | None:
    found = superfluous([_running(backend) for backend in backends], _kept(backends))
    if found is None:
        return None
    backend = next(b for b in backends if b.machine_id == found.machine_id)
    how = backend.service.autostop
    return Idle(backend.app, backend.machine_id, backend.region, how, len(backends))


def _running(backend: Backend) -> Running:
    may_stop = bool(backend.service.autostop)
    return Running(backend.machine_id, backend.in_flight, backend.is_busy, may_stop)


def _kept(backends: Sequence[Backend]) -> int:
    """Return how many must run; `min_machines_running` counts in the primary region only."""
    return max(b.service.least_running if b.region == b.primary_region else 0 for b in backends)
