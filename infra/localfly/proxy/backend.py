"""A machine as the proxy sees it."""

import asyncio
from dataclasses import dataclass, field

from localfly.machines.machine import Machine
from localfly.machines.service import Service
from localfly.proxy.stats import InstanceStats


@dataclass(slots=True, eq=False)
class Backend:
    """One run of a machine. A new run, with new sockets, is a new backend."""

    run: str
    machine_id: str
    app: str
    region: str
    host: str
    port: int
    service: Service
    primary_region: str
    stats: InstanceStats
    response_headers: tuple[tuple[bytes, bytes], ...]
    is_routed: bool = (
        False  # whether it gets new requests; one that left still answers those under way
    )
    in_flight: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    soft_limit: int = field(init=False)  # the service's, at hand for every request
    hard_limit: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.soft_limit, self.hard_limit = self.service.soft_limit, self.service.hard_limit

    @property
    def is_busy(self) -> bool:
        """Whether it is at or above its soft limit: others come first."""
        return self.in_flight >= self.soft_limit

    def enter(self) -> None:
        self.in_flight += 1
        self.stats.concurrency += 1
        self.idle.clear()

    def leave(self) -> None:
        self.in_flight -= 1
        self.stats.concurrency -= 1
        if not self.in_flight:
            self.idle.set()


def backend_of(machine: Machine, stats: InstanceStats, *, is_healthy: bool) -> Backend | None:
    """The machine as a backend; None if it must get no request.

    A cordoned machine gets none, not even one that names it.
    """
    service = machine.config.http_service
    if machine.state != "started" or machine.cordoned or not is_healthy or service is None:
        return None
    return Backend(
        run=f"{machine.instance_id}/{machine.process and machine.process.pid}",
        machine_id=machine.id,
        app=machine.app,
        region=machine.region,
        host=machine.address,
        port=machine.port(service.internal_port),
        service=service,
        primary_region=machine.config.env.get("PRIMARY_REGION", ""),
        stats=stats,
        response_headers=tuple(
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in service.response_headers
        ),
    )
