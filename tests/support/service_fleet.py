"""Machines of the real service on a local Fly, for tests of what they do together."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from flygate.config.source import SERVICE
from flygate.images import packed_image
from flygate_wire.cookies import AFFINITY

from tests.support.localfly import Machines, local_machines

ROOT = Path(__file__).resolve().parents[2]
KEY = "a key that only the tests have"
# As the phase's overlay of fly.toml has it.
REPLAY_CACHE = {
    "path_prefix": "/",
    "ttl_seconds": 300,
    "type": "cookie",
    "name": AFFINITY,
}


@dataclass(slots=True)
class ServiceFleet:
    """The machines of one app, of one release.

    Attributes:
        ids: those that were started, and not stopped since.
    """

    fly: Machines
    environment: dict[str, str]
    ids: list[str] = field(default_factory=list)

    async def grow(self, number: int, group: str = "", **body: Any) -> list[str]:
        """Start more machines, of a process group; they pass their checks."""
        made = [await self.fly.create(self._config(group), **body) for _ in range(number)]
        await asyncio.gather(*(self.fly.healthy(machine["id"]) for machine in made))
        fresh = [machine["id"] for machine in made]
        self.ids += fresh
        return fresh

    async def work(self, group: str) -> None:
        """Start a machine of a group that does not run the service."""
        config = self._config(group)
        del config["services"], config["metrics"]
        config["init"] = {"exec": ["python", "-c", "import time; time.sleep(600)"]}
        machine = await self.fly.create(config)
        await self.fly.wait(machine["id"], "started")

    async def retire(self, machine: str) -> None:
        """Take one out of service as a rollout does: cordon, then stop."""
        await self.fly.post(machine, "cordon")
        await self.fly.post(machine, "stop")
        await self.fly.wait(machine, "stopped")
        self.ids.remove(machine)

    async def knows(self, members: int) -> None:
        """Wait until every machine knows this number of members."""
        async with asyncio.timeout(20):
            while True:
                reported = [await self.metric(i, "flygate_cluster_members") for i in self.ids]
                if reported == [float(members)] * len(self.ids):
                    return
                await asyncio.sleep(0.05)

    async def metric(self, machine: str, name: str) -> float:
        """The sum of a metric of a machine; labels that `name` gives are looked for."""
        found = await self.metrics(machine)
        return sum(value for series, value in found.items() if series.startswith(name))

    async def metrics(self, machine: str) -> dict[str, float]:
        """All metrics of a machine."""
        address = (await self.fly.get(machine))["private_ip"]
        assert address.startswith("127."), address
        async with httpx.AsyncClient(trust_env=False) as web:
            text = (await web.get(f"http://{address}:9091/metrics")).text
        return {
            name: float(value)
            for name, value in re.findall(r"^([a-z][^ ]*(?:\{[^}]*\})?) (\S+)$", text, re.M)
        }

    async def total(self, name: str) -> float:
        """The sum of a metric over all machines."""
        return sum([await self.metric(machine, name) for machine in self.ids])

    def _config(self, group: str) -> dict[str, Any]:
        config = self.fly.config(env=self.environment)
        if group:
            config["metadata"] = {"fly_process_group": group}
        [service] = config["services"]
        service["ports"][0]["http_options"] = {"replay_cache": [REPLAY_CACHE]}
        service["checks"][0]["path"] = "/readyz"
        service["concurrency"] = {"type": "requests", "soft_limit": 200, "hard_limit": 400}
        config["metrics"] = {"port": 9091, "path": "/metrics"}
        config["stop_config"] = {"signal": "SIGTERM", "timeout": "5s"}
        return config


@asynccontextmanager
async def service_fleet(
    state_dir: Path,
    sources: Sequence[str] = SERVICE,
    **environment: str,
) -> AsyncIterator[ServiceFleet]:
    """A local Fly with an app that runs this checkout's service; no machine yet.

    Args:
        sources: what of the checkout is in the image.
    """
    async with local_machines(state_dir) as fly:
        fly.digest = await fly.put_image(packed_image.pack(ROOT, sources).archive)
        yield ServiceFleet(fly, {"FLYGATE_KEY": KEY, **environment})
