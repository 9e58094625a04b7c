"""All that the page shows, at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from localfly.apps.app import App
from localfly.cloud import Cloud
from localfly.machines.lifecycle import Lifecycle
from localfly.machines.machine import Machine
from localfly.page.rollout_progress import (
    COUNT_KEY,
    LIVE,
    RELEASE_KEY,
    ROLE_KEY,
    Member,
    progress_of,
)
from localfly.proxy.backend import Backend
from localfly.proxy.routing_table import RoutingTable
from localfly.proxy.stats import AnswerStats
from localfly.timing.clock import MovableClock

_EVENTS: Final = 12
_GROUP: Final = "fly_process_group"

Json = dict[str, Any]


class Snapshots:
    """Takes snapshots for one viewer: rates are those since its last one."""

    def __init__(
        self, cloud: Cloud, table: RoutingTable, clock: MovableClock, proxy_url: str
    ) -> None:
        self._cloud = cloud
        self._table = table
        self._clock = clock
        self._proxy_url = proxy_url
        self._counted: dict[str, int] = {}
        self._taken_at = 0.0

    def take(self, now: float) -> Json:
        """Take the snapshot of this moment.

        Args:
            now: in seconds, of a clock that never goes back.
        """
        elapsed, self._taken_at = now - self._taken_at if self._taken_at else 0.0, now
        counted = self._count()
        rates = {
            key: (count - self._counted[key]) / elapsed
            for key, count in counted.items()
            if elapsed and key in self._counted
        }
        self._counted = counted
        return {
            "apps": [self._app(app, rates) for app in self._cloud.apps.list()],
            "ahead_seconds": round(self._clock.ahead_seconds),
        }

    def _count(self) -> dict[str, int]:
        """Count the answers so far: per machine, per app, and per app those with a status of 500 or
        more.
        """
        stats = self._table.stats
        counted = {one.instance: one.answers.total for one in stats.instances.values()}
        for edge in stats.edges.values():
            total, errors = f"{edge.app} total", f"{edge.app} errors"
            counted[total] = counted.get(total, 0) + edge.answers.total
            counted[errors] = counted.get(errors, 0) + _errors(edge.answers)
        return counted

    def _app(self, app: App, rates: Mapping[str, float]) -> Json:
        lifecycles = self._cloud.fleet.list(app.name)
        backends = {one.machine_id: one for one in self._table.backends(app.name)}
        now = self._clock()
        members = [_member(one, one.machine.id in backends, now) for one in lifecycles]
        rollout = progress_of(members)
        return {
            "name": app.name,
            "url": self._proxy_url.replace("127.0.0.1", f"{app.name}.localhost"),
            "rate": round(rates.get(f"{app.name} total", 0.0), 1),
            "errors": round(rates.get(f"{app.name} errors", 0.0), 1),
            "rollout": rollout and asdict(rollout),
            "has_groups": len({_group(one.machine) for one in lifecycles}) > 1,
            "machines": [
                _machine(one, backends.get(one.machine.id), rates.get(one.machine.id, 0.0))
                for one in sorted(lifecycles, key=lambda one: _order(one.machine))
            ],
            "events": _events([one.machine for one in lifecycles]),
        }


def _machine(lifecycle: Lifecycle, backend: Backend | None, rate: float) -> Json:
    machine = lifecycle.machine
    service = machine.config.http_service
    metadata = machine.config.metadata
    return {
        "id": machine.id,
        "name": machine.name,
        "group": _group(machine),
        "region": machine.region,
        "state": machine.state,
        "cordoned": machine.cordoned,
        "is_routed": backend is not None,
        "release": metadata.get(RELEASE_KEY, ""),
        "role": _role(machine),
        "checks": [{"name": c.name, "status": c.status} for c in lifecycle.checks],
        "load": backend.in_flight if backend else 0,
        "soft_limit": service.soft_limit if service else 0,
        "hard_limit": service.hard_limit if service else None,
        "rate": round(rate, 1),
    }


def _member(lifecycle: Lifecycle, is_routed: bool, now: float) -> Member:
    machine = lifecycle.machine
    lease = machine.live_lease(now)
    return Member(
        release=machine.config.metadata.get(RELEASE_KEY, ""),
        role=_role(machine),
        is_serving=is_routed or _works(lifecycle),
        holder=(lease.description or lease.owner) if lease else "",
        count=_count(machine),
    )


def _works(lifecycle: Lifecycle) -> bool:
    """Return whether a machine without a service, such as a worker, does what it can."""
    machine = lifecycle.machine
    is_well = all(check.status == "passing" for check in lifecycle.checks)
    return machine.config.http_service is None and machine.state == "started" and is_well


def _group(machine: Machine) -> str:
    return machine.config.metadata.get(_GROUP, "")


def _count(machine: Machine) -> int:
    found = machine.config.metadata.get(COUNT_KEY, "")
    return int(found) if found.isascii() and found.isdigit() else 0


def _role(machine: Machine) -> str:
    metadata = machine.config.metadata
    return metadata.get(ROLE_KEY, LIVE if RELEASE_KEY in metadata else "")


def _order(machine: Machine) -> tuple[str, float]:
    return machine.region, machine.created_at


def _events(machines: Sequence[Machine]) -> list[Json]:
    """Return the newest events of all machines, newest first."""
    found = [(event, machine) for machine in machines for event in machine.events[:_EVENTS]]
    found.sort(key=lambda pair: pair[0].timestamp, reverse=True)
    return [
        {
            "id": event.id,
            "at": event.timestamp,
            "machine": machine.id,
            "region": machine.region,
            "type": event.type,
            "status": event.status,
            "source": event.source,
            "release": machine.config.metadata.get(RELEASE_KEY, ""),
        }
        for event, machine in found[:_EVENTS]
    ]


def _errors(answers: AnswerStats) -> int:
    return sum(sum(times.counts) for status, times in answers.by_status.items() if status >= 500)
