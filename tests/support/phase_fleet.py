"""Machines as a phase has them, on a local Fly that looks for idle ones all the time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
from flygate.config.phases import PHASES
from flygate.config.source import SERVICE
from flygate.images import packed_image
from localfly.daemon.options import Options

from tests.support.fly_tomls import config_of, own
from tests.support.localfly import Json, local_machines
from tests.support.service_fleet import KEY, ROOT, ServiceFleet

_QUICK: Final = Options(autostop_seconds=0.3)
_CHECK: Final = {"method": "GET", "path": "/readyz", "interval": "1s", "timeout": "2s"}


class PhaseFleet(ServiceFleet):
    """They come to rest and wake up."""

    async def asleep(self) -> str:
        """The machine that sleeps, as soon as one does."""
        async with asyncio.timeout(20):
            while True:
                for machine in self.ids:
                    if (await self.fly.get(machine))["state"] == "suspended":
                        return machine
                await asyncio.sleep(0.02)

    async def pid(self, machine: str) -> int:
        """Its main process; 0 if there is none."""
        found = (await self.fly.api.get(f"{self.fly.base}/{machine}/ps")).json()
        pid: int = min((process["pid"] for process in found), default=0)
        return pid

    async def ask(self, path: str = "/", address: str = "127.77.240.1") -> httpx.Response:
        """One request of a client."""
        async with self.client(address) as web:
            return await web.get(path)

    def client(self, address: str) -> httpx.AsyncClient:
        """A client with an address of its own, who comes through the proxy."""
        url = self.fly.fly.proxy_url
        assert httpx.URL(url).host == "127.0.0.1"
        return httpx.AsyncClient(
            base_url=url,
            headers={"host": f"{self.fly.app}.localhost"},
            transport=httpx.AsyncHTTPTransport(local_address=address),
            timeout=20,
        )


@asynccontextmanager
async def phase_fleet(
    number: int, folder: Path, machines: int = 1, env: dict[str, str] | None = None
) -> AsyncIterator[PhaseFleet]:
    """A number of machines, with what else they shall have in their environment."""
    async with local_machines(folder / "fly", _QUICK) as fly:
        fly.digest = await fly.put_image(packed_image.pack(ROOT, SERVICE).archive)
        asked = config_of(own(), {"http_service": {"checks": [_CHECK]}})
        config = {**PHASES[number].over(asked), "image": fly.config()["image"]}
        config["env"] |= {"PRIMARY_REGION": "iad", "FLYGATE_KEY": KEY, **(env or {})}
        made = [await fly.create(config, region="iad") for _ in range(machines)]
        await asyncio.gather(*(fly.until(machine["id"], _has_served) for machine in made))
        yield PhaseFleet(fly, {}, [machine["id"] for machine in made])


def _has_served(machine: Json) -> bool:
    """It passes its checks; or did, and sleeps already."""
    statuses = {check["status"] for check in machine["checks"]}
    return machine["state"] == "suspended" or statuses == {"passing"}
