"""Rolls releases of the real service out on a local Fly, with the rollout engine."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flygate.commands import release as release_op
from flygate.commands.recovery import Recovered
from flygate.commands.request import ReleaseRequest
from flygate.commands.workspace import Workspace
from flygate.config.phases import PHASES
from flygate.config.source import SERVICE
from flygate.fly.client import FlyClient
from flygate.fly.endpoints import Endpoints, is_loopback
from flygate.fly.pace import Pace
from flygate.images import packed_image
from flygate.manifest import Course, Gates, Manifest
from flygate.record.ledger import Ledger

from tests.support.fly_tomls import config_of, own
from tests.support.localfly import Machines, local_machines
from tests.support.service_fleet import KEY, ROOT, ServiceFleet

# A second is what the proxy and the machines need to see who is draining; the rest is for haste.
GATES = Gates(wait="30s", drain="1s")
COURSE = Course(strategy="canary", steps=(1, "100%"), soak="0s", standby="0s")
CHECK = {"method": "GET", "path": "/readyz", "interval": "1s", "timeout": "2s"}


class Operator:
    """One app in phase 2, with machines that releases made.

    Attributes:
        fleet: the machines that serve now.
    """

    def __init__(self, fleet: ServiceFleet, fly: FlyClient, checkout: Path) -> None:
        """Nothing is released yet."""
        self.fleet = fleet
        self._fly = fly
        self._checkout = checkout
        self._ledger = Ledger()

    async def release(self, machines: int, **environment: str) -> None:
        """Roll out machines in each region; an environment that differs makes new ones."""
        fleet = self.fleet
        request = ReleaseRequest(
            app=fleet.fly.app, content=self._manifest(machines, environment), source=SERVICE
        )
        site = Workspace(self._checkout, self._fly, listeners=())
        self._ledger = await release_op.release(
            request, {"FLYGATE_KEY": KEY}, Recovered(self._ledger), site
        )
        found = await self._fly.machines(fleet.fly.app)
        fleet.ids = [one.id for one in found if one.state == "started" and not one.cordoned]

    def _manifest(self, machines: int, environment: dict[str, str]) -> Manifest:
        changes: dict[str, Any] = {
            "kill_timeout": 5,
            "http_service": {"checks": [CHECK]},
        }
        phase = replace(PHASES[2], autostop="off")
        config = phase.over(config_of(own(), changes))
        config["env"] |= {**self.fleet.environment, **environment}
        packed = packed_image.pack(self._checkout, SERVICE)
        return Manifest(
            app=self.fleet.fly.app,
            image=packed.reference(self.fleet.fly.app),
            config=config,
            phase=2,
            regions=("iad",),
            machines=machines,
            secrets=("FLYGATE_KEY",),
            gates=GATES,
            rollout=COURSE,
        )


@asynccontextmanager
async def operator(folder: Path, **environment: str) -> AsyncIterator[Operator]:
    """A local Fly with an app; no machine yet."""
    checkout = folder / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in SERVICE:
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    async with (
        local_machines(folder / "fly") as machines,
        _client(machines) as fly,
    ):
        yield Operator(ServiceFleet(machines, environment), fly, checkout)


@asynccontextmanager
async def _client(machines: Machines) -> AsyncIterator[FlyClient]:
    url = machines.fly.api_url
    assert is_loopback(url), url
    async with FlyClient(Endpoints(url, url, "test-token"), pace=Pace(is_limited=False)) as fly:
        yield fly
