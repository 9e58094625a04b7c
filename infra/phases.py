"""The phase table: what a service of a given size runs on. `pulumi config set phase N` picks a row.

Any value can be overridden in the stack's configuration; the row is the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from infra import prices

# Lets Fly Proxy remember where a client belongs, by the cookie that the service sets
# (`service/cluster/cookie.py`). It is quicker so; the service does not rely on it.
_REPLAY_CACHE = {
    "path_prefix": "/",
    "ttl_seconds": 300,
    "type": "cookie",
    "name": "flygate_affinity",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """One row.

    Attributes:
        machines: how many run in each region.
        minimum_running: how many stay awake in the primary region when nobody calls.
        soft_limit, hard_limit: concurrent requests of one machine; above soft the proxy
            prefers another machine, at hard it queues.
        affinity: whether each client has one machine that keeps its limits.
        autostop: what idleness does: `suspend` keeps the memory (and so the limits), `off`.
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
    autostop: Literal["off", "suspend"]
    storage: Literal["memory", "redis"]
    affinity: bool
    redis_plan: str | None

    def monthly_cost(self, regions: int, machines: int) -> float:
        """Dollars a month if every machine runs all the time, by the table in `prices`."""
        each = prices.machine_month(self.cpus, self.memory_mb)
        return round(each * regions * machines + prices.redis_month(self.redis_plan), 2)

    def overlay(self) -> dict[str, Any]:
        """What the phase decides of the machine config, in the terms of `fly.toml`."""
        service: dict[str, Any] = {
            "auto_stop_machines": self.autostop,
            "auto_start_machines": True,
            "min_machines_running": self.minimum_running,
            "concurrency": {
                "type": "requests",
                "soft_limit": self.soft_limit,
                "hard_limit": self.hard_limit,
            },
        }
        if self.affinity:
            service["http_options"] = {"replay_cache": [dict(_REPLAY_CACHE)]}
        return {
            "env": {"RATE_LIMIT_AFFINITY": "on"} if self.affinity else {},
            "vm": [{"cpu_kind": "shared", "cpus": self.cpus, "memory_mb": self.memory_mb}],
            "http_service": service,
        }


PHASES: dict[int, Phase] = {
    1: Phase(
        number=1,
        name="MVP",
        tenants="0-50",
        machines=1,
        minimum_running=0,
        cpus=1,
        memory_mb=256,
        soft_limit=100,
        hard_limit=200,
        autostop="suspend",
        storage="memory",
        affinity=False,
        redis_plan=None,
    ),
    2: Phase(
        number=2,
        name="Growth",
        tenants="50-200",
        machines=2,
        minimum_running=1,
        cpus=1,
        memory_mb=512,
        soft_limit=100,
        hard_limit=200,
        autostop="suspend",
        storage="memory",
        affinity=True,
        redis_plan=None,
    ),
    3: Phase(
        number=3,
        name="Scale",
        tenants="200-500+",
        machines=6,
        minimum_running=6,
        cpus=2,
        memory_mb=512,
        soft_limit=150,
        hard_limit=250,
        autostop="off",
        storage="redis",
        affinity=False,
        redis_plan="fixed_250mb",
    ),
}
