"""The phase table: the machines for a service of a given size.

`pulumi config set phase N` picks a row.

Any value can be overridden in the stack's configuration; the row is the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from flygate_wire.cookies import AFFINITY
from flygate_wire.variables import Variable

from flygate.config import prices
from flygate.config.web_service import services, speaks_http

Autostop = Literal["off", "stop", "suspend"]
Concurrency = Literal["requests", "connections"]
CpuKind = Literal["shared", "performance"]
Storage = Literal["memory", "redis"]

# With it Fly Proxy remembers a client's machine, by the cookie that the service sets
# (`service/flygate_service/cluster/cookie.py`). It is quicker so; the service does not rely on it.
_REPLAY_CACHE: Final = {
    "path_prefix": "/",
    "ttl_seconds": 300,
    "type": "cookie",
    "name": AFFINITY,
}


# As Fly's API writes it.
_AUTOSTOP: Final[dict[str, bool | str]] = {"off": False, "stop": True, "suspend": "suspend"}


@dataclass(frozen=True, slots=True)
class Phase:
    """One row.

    Attributes:
        machines: how many run in each region.
        minimum_running: how many stay awake in the primary region without requests.
        soft_limit, hard_limit: concurrent requests (or connections, by `concurrency`) of one
            machine; above soft the proxy prefers another machine, at hard it queues. Measured
            (`make bench-service`): what shared CPUs hold once their burst is used up.
        affinity: whether each client has one machine that keeps its limits, and hands them on
            when it stops.
        autostop: what happens to an idle machine: `suspend` keeps the memory (and so the
            limits), `stop` forgets them, `off` lets it run.
        redis_plan: of the Redis that is made where `storage` is `redis`.
        range: the least and the most machines in all regions that it is meant for.
        regions_max: the most regions that it is meant for.
    """

    number: int
    name: str
    tenants: str
    machines: int
    minimum_running: int
    cpus: int
    memory_mb: int
    soft_limit: int
    hard_limit: int
    autostop: Autostop
    storage: Storage
    affinity: bool
    redis_plan: str | None
    range: tuple[int, int | None]
    regions_max: int | None
    cpu_kind: CpuKind = "shared"
    concurrency: Concurrency = "requests"

    def monthly_cost(self, regions: int, read_regions: int = 0) -> float:
        """Return dollars a month if every machine runs all the time, by the table in `prices`."""
        each = prices.machine_month(self.cpus, self.memory_mb, self.cpu_kind)
        redis = prices.redis_month(self.redis_plan, read_regions)
        return round(each * regions * self.machines + redis, 2)

    def over(
        self, config: Mapping[str, Any], regions: int = 1, *, keeps_sizing: bool = False
    ) -> dict[str, Any]:
        """Return a machine config with the phase's values.

        Args:
            config: of `fly.toml`.
            regions: how many the stack has.
            keeps_sizing: concurrency and autostop of `fly.toml` stay, and this row has its guest;
                see `flygate:sizing`.
        """
        size = {"cpu_kind": self.cpu_kind, "cpus": self.cpus, "memory_mb": self.memory_mb}
        found = [self._over_service(one, keeps_sizing=keeps_sizing) for one in services(config)]
        return {
            **config,
            "env": {**config.get("env", {}), **self._env(regions)},
            "guest": {**config.get("guest", {}), **size},
            **({"services": found} if found else {}),
        }

    def _over_service(self, service: Mapping[str, Any], *, keeps_sizing: bool) -> dict[str, Any]:
        """Every service gets the autostop of its machine; only HTTP has concurrency limits."""
        decided: dict[str, Any] = {
            "autostop": _AUTOSTOP[self.autostop],
            "autostart": True,
            "min_machines_running": self.minimum_running,
        }
        if not speaks_http(service):
            return {**service, **decided, **(service if keeps_sizing else {})}
        decided["concurrency"] = {
            "type": self.concurrency,
            "soft_limit": self.soft_limit,
            "hard_limit": self.hard_limit,
        }
        if keeps_sizing:
            own = service.get("concurrency", {})
            decided |= {**service, "concurrency": {**decided["concurrency"], **own}}
        return {**service, **decided, "ports": [*map(self._over_port, service["ports"])]}

    def _over_port(self, port: Mapping[str, Any]) -> dict[str, Any]:
        if not self.affinity or "http" not in port.get("handlers", ()):
            return dict(port)
        options = {**port.get("http_options", {}), "replay_cache": [dict(_REPLAY_CACHE)]}
        return {**port, "http_options": options}

    def _env(self, regions: int) -> dict[str, str]:
        return {
            Variable.RATE_LIMIT_STORAGE.value: self.storage,
            Variable.RATE_LIMIT_AFFINITY.value: "on" if self.affinity else "off",
            # How many machines share a quota while Redis is unreachable.
            Variable.RATE_LIMIT_MACHINES.value: str(self.machines * regions),
        }


PHASES: Final[dict[int, Phase]] = {
    1: Phase(
        number=1,
        name="MVP",
        tenants="0-50",
        machines=1,
        minimum_running=0,
        cpus=1,
        memory_mb=256,
        soft_limit=25,
        hard_limit=100,
        autostop="suspend",
        storage="memory",
        affinity=True,
        redis_plan=None,
        range=(1, 3),
        regions_max=None,
    ),
    2: Phase(
        number=2,
        name="Growth",
        tenants="50-200",
        machines=2,
        minimum_running=1,
        cpus=1,
        memory_mb=512,
        soft_limit=25,
        hard_limit=100,
        autostop="suspend",
        storage="memory",
        affinity=True,
        redis_plan=None,
        range=(2, 5),
        regions_max=2,
    ),
    3: Phase(
        number=3,
        name="Scale",
        tenants="200-500+",
        machines=6,
        minimum_running=6,
        cpus=2,
        memory_mb=512,
        soft_limit=50,
        hard_limit=200,
        autostop="off",
        storage="redis",
        affinity=False,
        redis_plan="fixed_250mb",
        range=(6, None),
        regions_max=None,
    ),
}
