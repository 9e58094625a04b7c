"""FastAPI dependencies of the routes: the cloud, the app and the machine of the path, the lease."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request

from localfly.apps.app import App
from localfly.cloud import Cloud
from localfly.errors import NotFoundError
from localfly.machines.leases import check_holder
from localfly.machines.lifecycle import Lifecycle


async def cloud_of(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.cloud
    return cloud


CloudDep = Annotated[Cloud, Depends(cloud_of)]
Nonce = Annotated[str | None, Header(alias="fly-machine-lease-nonce")]


async def app_of(cloud: CloudDep, app_name: str) -> App:
    return cloud.apps.get(app_name)


AppDep = Annotated[App, Depends(app_of)]


async def machine_of(cloud: CloudDep, app: AppDep, machine_id: str) -> Lifecycle:
    """Return the machine, to be read; it may be destroyed."""
    return cloud.fleet.get(app.name, machine_id)


MachineDep = Annotated[Lifecycle, Depends(machine_of)]


async def living_machine_of(machine: MachineDep) -> Lifecycle:
    """Return the machine if it exists."""
    if not machine.machine.exists:
        raise NotFoundError(f"machine not found: machine {machine.machine.id} is destroyed")
    return machine


LivingDep = Annotated[Lifecycle, Depends(living_machine_of)]


async def held_machine_of(cloud: CloudDep, machine: LivingDep, nonce: Nonce = None) -> Lifecycle:
    """Return the machine if no other client has leased it."""
    check_holder(machine.machine, nonce, cloud.clock())
    return machine


HeldDep = Annotated[Lifecycle, Depends(held_machine_of)]

Json = dict[str, Any]
OK: Final[Json] = {"ok": True}
