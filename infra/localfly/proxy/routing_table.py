"""The routing table: the backends of each app, kept up to date by the machines themselves."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

from localfly.machines.machine import Machine
from localfly.proxy.autostart import Autostart
from localfly.proxy.backend import Backend, backend_of
from localfly.proxy.stats import Stats


class RoutingTable:
    """The backends of each app. It is the `Traffic` that machines report to."""

    def __init__(self) -> None:
        self.autostart = Autostart()
        self.stats = Stats()
        self._by_app: dict[str, list[Backend]] = {}
        self._by_machine: dict[str, Backend] = {}
        self._on_change: Callable[[Backend], None] = lambda _: None

    def subscribe(self, on_change: Callable[[Backend], None]) -> None:
        """Call `on_change` with each backend that joins or leaves the rotation."""
        self._on_change = on_change

    def backends(self, app: str) -> Sequence[Backend]:
        return self._by_app.get(app, ())

    def apps(self) -> Iterator[Sequence[Backend]]:
        """Return the backends of each app that has some."""
        return (backends for backends in list(self._by_app.values()) if backends)

    def changed(self, machine: Machine, *, is_healthy: bool) -> None:
        former = self._by_machine.get(machine.id)
        stats = self.stats.instance(machine.id, machine.app, machine.region)
        fresh = backend_of(machine, stats, is_healthy=is_healthy)
        if former and fresh and former.run == fresh.run:
            fresh = former  # it comes back, with the requests that it still answers
        if former and former.is_routed and fresh is not former:
            self._remove(former)
        if fresh and not fresh.is_routed:
            self.admit(fresh)
        if not machine.exists:
            self._by_machine.pop(machine.id, None)
            self.stats.forget(machine.id)
        self.autostart.changed(machine, is_routed=fresh is not None)

    async def drained(self, machine_id: str, patience_seconds: float) -> None:
        backend = self._by_machine.get(machine_id)
        if backend and backend.in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await backend.idle.wait()

    def admit(self, backend: Backend) -> None:
        """Add the machine to the rotation."""
        backend.is_routed = True
        # A new list each time: a request that holds the former one keeps a consistent view.
        self._by_app[backend.app] = [*self.backends(backend.app), backend]
        self._by_machine[backend.machine_id] = backend
        self._on_change(backend)

    def _remove(self, backend: Backend) -> None:
        backend.is_routed = False
        remaining = [other for other in self.backends(backend.app) if other is not backend]
        self._by_app[backend.app] = remaining
        self._on_change(backend)
